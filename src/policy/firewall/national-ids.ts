import { detectByNumber } from "./numbers.ts";
import { digitsOf, hasFourDigits, isAlone, isDigit, isInLongerGroups, isUpper, matchAt, type TextMatch } from "./text-match.ts";

const weightedSum = (digits: readonly number[], weights: readonly number[]): number =>
  weights.reduce((sum, weight, at) => sum + weight * digits[at]!, 0);

/** Verhoeff's check: the permutations and the multiplication of the dihedral group D5. */
const dihedral = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((a) =>
  [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((b) => {
    if (a < 5) return b < 5 ? (a + b) % 5 : 5 + ((a + b - 5) % 5);
    return b < 5 ? 5 + ((a - b) % 5) : (10 + a - b) % 5;
  }),
);
const permuted = [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]];
for (let row = 1; row < 8; row++) permuted.push(permuted[row - 1]!.map((digit) => [1, 5, 7, 6, 2, 8, 3, 0, 9, 4][digit]!));

function hasVerhoeffSum(number: string): boolean {
  let sum = 0;
  for (let at = number.length - 1, place = 0; at >= 0; at--) {
    const digit = number.charCodeAt(at) - 48;
    // A space.
    if (digit >= 0) sum = dihedral[sum]![permuted[place++ % 8]![digit]!]!;
  }
  return sum === 0;
}

function isDay(year: number, month: number, day: number): boolean {
  const date = new Date(Date.UTC(year, month - 1, day));
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}

/** United States: social security numbers, written with dashes. */
function isSsn(match: string): boolean {
  const [area, group, serial] = match.split("-");
  return (
    area !== "000" &&
    area !== "666" &&
    area! < "900" &&
    group !== "00" &&
    serial !== "0000" &&
    match !== "078-05-1120" &&
    match !== "219-09-9999"
  );
}

/** Brazil: CPF, two digits of check. */
function isCpf(match: string): boolean {
  const digits = digitsOf(match);
  const check = (count: number): number => {
    const sum = digits.slice(0, count).reduce((all, digit, at) => all + digit * (count + 1 - at), 0);
    return ((sum * 10) % 11) % 10;
  };
  return new Set(digits).size > 1 && check(9) === digits[9] && check(10) === digits[10];
}

/** Poland: PESEL, a day of birth (its century is in the month) and a digit of check. */
function isPesel(digits: readonly number[]): boolean {
  const [year, month, day] = [digits[0]! * 10 + digits[1]!, digits[2]! * 10 + digits[3]!, digits[4]! * 10 + digits[5]!];
  const century = [1900, 2000, 2100, 2200, 1800][Math.floor(month / 20)]!;
  if (!isDay(century + year, month % 20, day)) return false;
  return (10 - (weightedSum(digits, [1, 3, 7, 9, 1, 3, 7, 9, 1, 3]) % 10)) % 10 === digits[10];
}

/** Germany: the tax identification number. Of its first ten digits one occurs twice or three times, and the check is that of ISO 7064, MOD 11,10. */
function isSteuerId(digits: readonly number[]): boolean {
  if (digits[0] === 0) return false;
  const counts = new Map<number, number>();
  for (const digit of digits.slice(0, 10)) counts.set(digit, (counts.get(digit) ?? 0) + 1);
  const repeated = [...counts.values()].filter((count) => count > 1);
  if (repeated.length !== 1 || repeated[0]! > 3) return false;
  const product = digits.slice(0, 10).reduce((before, digit) => (((digit + before) % 10 || 10) * 2) % 11, 10);
  return (11 - product) % 10 === digits[10];
}

/** Spain: DNI and NIE, whose letter is the number modulo 23. */
function isDni(match: string): boolean {
  const plain = match.replaceAll("-", "").replace(/^[XYZ]/, (letter) => String("XYZ".indexOf(letter)));
  return "TRWAGMYFPDXBNJZSQVHLCKE"[Number(plain.slice(0, -1)) % 23] === plain.at(-1);
}

/** France: NIR, sex, year and month of birth, department, and a key modulo 97. */
function isNir(match: string): boolean {
  const plain = match.replaceAll(" ", "");
  const number = plain.slice(0, 13).replace("2A", "19").replace("2B", "18");
  const month = Number(plain.slice(3, 5));
  return (month <= 12 || (month >= 20 && month <= 42)) && month > 0 && 97 - (Number(number) % 97) === Number(plain.slice(13));
}

/** Italy: codice fiscale. Characters at odd places count by a table, those at even places by themselves. */
const oddValues = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];
function isCodiceFiscale(match: string): boolean {
  let sum = 0;
  for (let at = 0; at < 15; at++) {
    const value = Number.parseInt(match[at]!, 36);
    const place = value > 9 ? value - 10 : value;
    sum += at % 2 === 0 ? oddValues[place]! : place;
  }
  return sum % 26 === match.charCodeAt(15) - 65;
}

const forms = {
  ssn: /\d{3}-\d{2}-\d{4}/y,
  cpf: /\d{3}\.\d{3}\.\d{3}-\d{2}/y,
  dni: /\d{8}-?[A-HJ-NP-TV-Z]|[XYZ]-?\d{7}-?[A-HJ-NP-TV-Z]/y,
  nir: /[12] ?\d{2} ?(?:0[1-9]|1[0-2]|[2-4]\d) ?(?:\d{2}|2[AB]) ?\d{3} ?\d{3} ?\d{2}/y,
  codiceFiscale: /[A-Z]{6}\d{2}[A-EHLMPR-T]\d{2}[A-Z]\d{3}[A-Z]/y,
  nino: /[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z](?: ?\d{2}){3} ?[A-D]/y,
  aadhaar: /[2-9]\d{3} \d{4} \d{4}/y,
} as const;

type Form = keyof typeof forms;

/** The match of a form whose sum, if it has one, is right. */
function read(text: string, start: number, form: Form, isRight: (match: string) => boolean): TextMatch | undefined {
  if (start < 0) return undefined;
  const match = matchAt(forms[form], text, start);
  return match !== undefined && isWhole(text, start, start + match.length) && isRight(match)
    ? { start, end: start + match.length }
    : undefined;
}

function isWhole(text: string, start: number, end: number): boolean {
  const isLonger = (text[end] === "-" || text[end] === ".") && isDigit(text.charCodeAt(end + 1));
  const before = text[start - 1];
  return isAlone(text, start, end) && !isLonger && before !== "-" && before !== "." && before !== "#";
}

const isNino = (match: string): boolean => !/^(?:BG|GB|KN|NK|NT|TN|ZZ)/.test(match);
const isAadhaar = (match: string): boolean => hasVerhoeffSum(match);

function readEleven(text: string, start: number, end: number): TextMatch | undefined {
  const digits = digitsOf(text.slice(start, end));
  return isWhole(text, start, end) && (isPesel(digits) || isSteuerId(digits)) ? { start, end } : undefined;
}

/** Ids that begin with letters, of which the run of digits is the first or the second part. */
function readLettered(text: string, digits: number, count: number): TextMatch | undefined {
  const before = text.charCodeAt(digits - 1);
  if (count === 7) {
    const letter = text.charCodeAt(before === 45 ? digits - 2 : digits - 1);
    return letter < 88 || letter > 90 ? undefined : read(text, digits - (before === 45 ? 2 : 1), "dni", isDni);
  }
  if (!isUpper(before) && before !== 32) return undefined;
  const spaced = before === 32 ? 1 : 0;
  if (!isUpper(text.charCodeAt(digits - spaced - 1)) || !isUpper(text.charCodeAt(digits - spaced - 2))) return undefined;
  const nino = count === 2 || count === 6 ? read(text, digits - spaced - 2, "nino", isNino) : undefined;
  return nino ?? (count === 2 && spaced === 0 ? read(text, digits - 6, "codiceFiscale", isCodiceFiscale) : undefined);
}

const [dash, dot, space] = [45, 46, 32];

/** There are this number of digits from `at` on. */
function hasDigitsOnly(text: string, at: number, count: number): boolean {
  for (let place = at; place < at + count; place++) if (!isDigit(text.charCodeAt(place))) return false;
  return true;
}

/** The digits before the end of each group of a NIR: a run of digits has one of these lengths. */
const nirRuns: ReadonlySet<number> = new Set([1, 3, 5, 6, 7, 10, 13, 15]);

/**
 * National identity numbers with a form of their own or a sum: United States (SSN), Brazil (CPF), Spain (DNI, NIE), France (NIR), Italy (codice fiscale),
 * United Kingdom (NINO), India (Aadhaar), Poland (PESEL), Germany (Steuer-ID).
 */
export const nationalIds = detectByNumber((text, start, end) => {
  const count = end - start;
  const next = text.charCodeAt(end);
  if (count === 3 && next === dash) return hasDigitsOnly(text, end + 1, 2) ? read(text, start, "ssn", isSsn) : undefined;
  if (count === 3 && next === dot) return hasDigitsOnly(text, end + 1, 3) ? read(text, start, "cpf", isCpf) : undefined;
  if (count === 11) return readEleven(text, start, end);
  if (count === 8) return isUpper(next) || next === dash ? read(text, start, "dni", isDni) : undefined;
  if (count === 2 || count === 6 || count === 7) {
    const lettered = start === 0 ? undefined : readLettered(text, start, count);
    if (lettered !== undefined) return lettered;
  }
  if (count === 4)
    return next !== space || !hasFourDigits(text, end + 1) || isInLongerGroups(text, start, start + 14)
      ? undefined
      : read(text, start, "aadhaar", isAadhaar);
  const first = text.charCodeAt(start);
  // Its groups have spaces between them, if it is not in one piece; a department of Corsica has a letter.
  const goesOn = next === space || count === 15 || ((count === 6 || count === 7) && isUpper(next));
  return (first === 49 || first === 50) && goesOn && nirRuns.has(count) ? read(text, start, "nir", isNir) : undefined;
});
