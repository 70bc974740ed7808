import { detectByNumber } from "./numbers.ts";
import { hasFourDigits, isAlone, isDigit, isInLongerGroups, isUpper, isWordStart, matchAt } from "./text-match.ts";

/** The sum of Luhn (ISO/IEC 7812-1, annex B) of the digits from `start` to `end`: every second one from the right is doubled. */
function hasLuhnSum(text: string, start: number, end: number): boolean {
  let sum = 0;
  for (let at = end - 1, isSecond = false; at >= start; at--) {
    const digit = text.charCodeAt(at) - 48;
    // A separator.
    if (digit < 0) continue;
    const doubled = isSecond ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
    isSecond = !isSecond;
  }
  return sum % 10 === 0;
}

/** In one piece, or in the groups that are printed on cards. */
const cardAt = /\d{13,19}|\d{4}([ -])\d{4}\1\d{4}\1\d{1,7}|\d{4}([ -])\d{6}\2\d{4,5}/y;

/** The first digits of Visa, Mastercard, American Express, Discover, Diners Club, JCB, UnionPay and Maestro, with the lengths of their numbers. */
const issuers: readonly (readonly [begin: RegExp, lengths: readonly number[]])[] = [
  [/^4/, [13, 16, 19]],
  [/^(?:5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720)/, [16]],
  [/^3[47]/, [15]],
  [/^(?:6011|64[4-9]|65)/, [16, 19]],
  [/^3(?:0[0-5]|[689])/, [14, 16]],
  [/^35(?:2[89]|[3-8])/, [16]],
  [/^(?:1800|2131)/, [15]],
  [/^62/, [16, 17, 18, 19]],
  [/^(?:50|5[6-9]|6)/, [13, 14, 15, 16, 17, 18, 19]],
];

/** Numbers of payment cards, with the issuer's first digits and a right sum. */
export const cards = detectByNumber((text, start, next) => {
  const count = next - start;
  if (count !== 4 && (count < 13 || count > 19)) return undefined;
  const first = text.charCodeAt(start);
  // A year, or another short number.
  if (count === 4 && !hasFourDigits(text, next + 1)) return undefined;
  // No issuer has another first digit.
  if (first < 50 && !(first === 49 && text.startsWith("1800", start))) return undefined;
  if (first > 54 || !isWordStart(text, start) || text[start - 1] === ".") return undefined;
  const match = matchAt(cardAt, text, start);
  if (match === undefined) return undefined;
  const end = start + match.length;
  if (!isAlone(text, start, end) || isPartOfNumber(text, start, end) || !hasLuhnSum(text, start, end)) return undefined;
  const digits = match.replaceAll(/[ -]/g, "");
  return issuers.some(([begin, lengths]) => lengths.includes(digits.length) && begin.test(digits)) ? { start, end } : undefined;
});

function isPartOfNumber(text: string, start: number, end: number): boolean {
  return (text[end] === "." && isDigit(text.charCodeAt(end + 1))) || isInLongerGroups(text, start, end);
}

/** Lengths by country, of the registry of ISO 13616 (release 99). */
const ibanCountries = [
  "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 ES24 FI18 FK18",
  "FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25",
  "MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19",
  "SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30",
]
  .join(" ")
  .split(" ");

/** By the places of two letters in the alphabet. */
const ibanLengths = new Uint8Array(26 * 26);
for (const each of ibanCountries) ibanLengths[placeOfCountry(each.charCodeAt(0), each.charCodeAt(1))] = Number(each.slice(2));

function placeOfCountry(first: number, second: number): number {
  return (first - 65) * 26 + second - 65;
}

/** Numbers of bank accounts (IBAN), in one piece or in groups of four, with their country's length and a right sum (ISO 7064, MOD 97-10). */
export const ibans = detectByNumber((text, digits, next) => {
  const start = digits - 2;
  if (start < 0 || next - digits < 2) return undefined;
  const [first, second] = [text.charCodeAt(start), text.charCodeAt(start + 1)];
  const length = isUpper(first) && isUpper(second) ? ibanLengths[placeOfCountry(first, second)]! : 0;
  if (length === 0) return undefined;
  const end = endOfIban(text, start, length);
  return end !== undefined && isAlone(text, start, end) && hasIbanSum(text.slice(start, end)) ? { start, end } : undefined;
});

/** Where its last character ends; single spaces may separate groups of four. */
function endOfIban(text: string, start: number, length: number): number | undefined {
  let at = start;
  for (let count = 0; count < length; at++) {
    const code = text.charCodeAt(at);
    if (code === 32 && count % 4 === 0 && text.charCodeAt(at - 1) !== 32) continue;
    if (!(isDigit(code) || (code >= 65 && code <= 90))) return undefined;
    count++;
  }
  return at;
}

function hasIbanSum(iban: string): boolean {
  const plain = iban.replaceAll(" ", "");
  let rest = 0;
  for (const character of plain.slice(4) + plain.slice(0, 4)) {
    const value = Number.parseInt(character, 36);
    rest = (rest * (value > 9 ? 100 : 10) + value) % 97;
  }
  return rest === 1;
}
