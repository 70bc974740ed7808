import {
  characterSet,
  digitCharacters,
  isAlone,
  isDigit,
  isWordPart,
  isWordStart,
  matchAt,
  merged,
  startOfRun,
  upperCharacters,
  type Detector,
  type TextMatch,
} from "./text-match.ts";
import { detectByNumber } from "./numbers.ts";

/** Lengths of RFC 5321: a mailbox has at most 64 characters before its `@` and 255 after it. */
const maxLocal = 64;
const maxDomain = 255;
const letters = upperCharacters + upperCharacters.toLowerCase();
/** The characters of RFC 5322 without those that separate an address from what is before it, as in `to=ada@example.com`. */
const local = `${digitCharacters}${letters}_.!#$%&'+^~-`;
const inLocal = characterSet(local);
const inAddress = characterSet(`${local}@`);
/** These do not begin an address. */
const beforeLocal = characterSet(".'!#$%&^~-");
/** A domain of at least two labels, whose last one is of letters. */
const domainAt = /(?:[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?\.){1,8}(?:[a-z]{2,24}|xn--[a-z\d-]{2,59})/iy;

/** E-mail addresses, found by their `@`. */
export const emails: Detector = {
  find(text, { ats }, from) {
    const found: TextMatch[] = [];
    let free = from;
    for (const at of ats) {
      const start = startOfLocal(text, at, free);
      if (start === at || text[at - 1] === ".") continue;
      const domain = matchAt(domainAt, text, at + 1);
      if (domain === undefined || domain.length > maxDomain) continue;
      const end = at + 1 + domain.length;
      // A version of a package, as in name@1.2.x, has no letters alone as its last label; a word that goes on is no domain.
      if (end < text.length && isWordPart(text.charCodeAt(end))) continue;
      // The address of a repository, as in git@github.com:owner/name.
      if (text.slice(start, at) === "git" && (text[end] === ":" || text[end] === "/")) continue;
      found.push({ start, end });
      free = end;
    }
    return found;
  },
  openFrom(text, _candidates, from) {
    const start = startOfRun(text, inAddress, Math.max(from, text.length - maxLocal - 2 - maxDomain));
    return text.indexOf("@", start) === -1 ? Math.max(start, text.length - maxLocal) : start;
  },
};

function startOfLocal(text: string, at: number, free: number): number {
  let start = at;
  while (start > free && at - start < maxLocal && inLocal[text.charCodeAt(start - 1)] === 1) start--;
  while (start < at && beforeLocal[text.charCodeAt(start)] === 1) start++;
  // The letter of an escape, as in `\nada@example.com`, is no part of the address.
  if (start < at && text[start - 1] === "\\" && /[nrtbf]/.test(text[start]!)) start++;
  return start;
}

/**
 * International numbers begin with `+`; others are written in one of the groupings of North America, or have a word such as `phone` before them. Separators are
 * single.
 */
const internationalAt = /\+(?:\(?\d{1,4}\)?[ .\-/]?){2,7}/y;
const northAmericanAt = /(?:(?:00)?1[-. ])?(?:\(\d{3}\) ?|\d{3}[-. ])\d{3}[-.]\d{4}/y;
const labelledAt = /\(?\d{1,6}\)?(?:[ .\-/]?\d{1,6}){1,6}/y;
const label =
  /(?:phone|telephone|tel|telefon|telefono|teléfono|téléphone|telefoon|mobile|mobil|cell|handy|fax|whatsapp|телефон|тел)(?:[_ ]?(?:number|no|nr))?[.:="'\s]{1,5}$/i;
const maxLabel = 24;
/** The characters right before a number behind such a word. */
const behindLabel = characterSet(` .:="'\n\t`);
const lastOfLabel = characterSet("elnoprxyELNOPRXY");
const [plus, open] = [43, 40];
/** Right behind the first digits of a number of North America. */
const afterArea = characterSet("-. )");

function readInternational(text: string, start: number): TextMatch | undefined {
  const match = matchAt(internationalAt, text, start);
  if (match === undefined) return undefined;
  const digits = match.replaceAll(/\D/g, "");
  let end = start + match.length;
  while (!isDigit(text.charCodeAt(end - 1))) end--;
  return digits.length >= 8 && digits.length <= 15 && digits[0] !== "0" && isAlone(text, start, end) ? { start, end } : undefined;
}

function readNorthAmerican(text: string, start: number): TextMatch | undefined {
  const match = matchAt(northAmericanAt, text, start);
  if (match === undefined) return undefined;
  const digits = match.replaceAll(/\D/g, "").slice(-10);
  const [before, end] = [text[start - 1], start + match.length];
  // Neither an area nor an exchange begins with 0 or 1. A number that goes on after its separator, or has a `#` before it, is a number of another kind.
  if (digits[0]! <= "1" || digits[3]! <= "1" || before === "-" || before === "." || before === "#") return undefined;
  if (!isWordStart(text, start) || !endsPhone(text, end)) return undefined;
  return (text[end] === "-" || text[end] === ".") && isDigit(text.charCodeAt(end + 1)) ? undefined : { start, end };
}

/** An extension may follow, as in x123. */
function endsPhone(text: string, end: number): boolean {
  if (text[end] === extension) return isDigit(text.charCodeAt(end + 1));
  return !(end < text.length && isWordPart(text.charCodeAt(end)));
}

/** What is right before a number may be the end of such a word, by its last letter. */
function endsLabel(text: string, start: number): boolean {
  let at = start - 1;
  while (at > start - 6 && behindLabel[text.charCodeAt(at)] === 1) at--;
  const code = text.charCodeAt(at);
  return at < start - 1 && (code > 127 || lastOfLabel[code] === 1);
}

/** A number in any grouping, with a word such as `phone` before it. */
function readLabelled(text: string, start: number): TextMatch | undefined {
  if (!label.test(text.slice(Math.max(0, start - maxLabel), start))) return undefined;
  const match = matchAt(labelledAt, text, start);
  if (match === undefined) return undefined;
  const digits = match.replaceAll(/\D/g, "");
  const end = start + match.length;
  return digits.length >= 7 && digits.length <= 15 && endsPhone(text, end) ? { start, end } : undefined;
}

const extension = "x";

/** The first digits are a prefix or an area, and after a separator come three more, or an area in parentheses. */
function mayBeAmerican(text: string, start: number, count: number): boolean {
  if (count !== 3 && !(count === 1 && text.charCodeAt(start) === 49)) return false;
  const separator = text.charCodeAt(start + count);
  if (afterArea[separator] !== 1) return false;
  const next = text.charCodeAt(start + count + 1);
  return separator === 41 || next === open || (isDigit(next) && isDigit(text.charCodeAt(start + count + 3)));
}

/** Telephone numbers. */
export const phones = detectByNumber((text, start, end) => {
  const before = text.charCodeAt(start - 1);
  if (before === plus) return readInternational(text, start - 1);
  if (before === open && text.charCodeAt(start - 2) === plus) return readInternational(text, start - 2);
  const first = before === open ? start - 1 : start;
  const count = end - start;
  if (mayBeAmerican(text, start, count)) {
    const american = (first < start ? readNorthAmerican(text, first) : undefined) ?? readNorthAmerican(text, start);
    if (american !== undefined) return american;
  }
  return endsLabel(text, first) ? readLabelled(text, first) : undefined;
}, extension);

const byte = String.raw`(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)`;
const version4At = new RegExp(String.raw`(?:${byte}\.){3}${byte}`, "y");

/** Numbers of sections and versions look alike. */
const beforeSection = /(?:§|\b(?:sections?|sec\.|chapter|clause|appendix|version|revision|release|build|rv))[ :#]{0,2}$/i;
const maxBeforeSection = 12;

const dot = 46;
const versions4 = detectByNumber((text, start, next) => {
  if (next - start > 3 || text.charCodeAt(next) !== dot || text.charCodeAt(start - 1) === dot) return undefined;
  const match = matchAt(version4At, text, start);
  if (match === undefined) return undefined;
  const end = start + match.length;
  if (!isAlone(text, start, end) || (text[end] === "." && isDigit(text.charCodeAt(end + 1)))) return undefined;
  return beforeSection.test(text.slice(Math.max(0, start - maxBeforeSection), start)) ? undefined : { start, end };
});

const inVersion6 = characterSet(`${digitCharacters}abcdefABCDEF:`);
const inAnyVersion = characterSet(`${digitCharacters}abcdefABCDEF:.`);
const maxVersion6 = 39;

/** Addresses of version 6: each is a whole run of hexadecimal digits and colons. */
const versions6: Detector = {
  find(text, { colons }, from) {
    const found: TextMatch[] = [];
    let free = from;
    for (const colon of colons) {
      if (colon < free) continue;
      let start = colon;
      while (start > free && colon - start < 5 && inVersion6[text.charCodeAt(start - 1)] === 1) start--;
      let end = colon;
      while (end < text.length && inVersion6[text.charCodeAt(end)] === 1) end++;
      free = end;
      if (!mayBeVersion6(text, start, end)) continue;
      if (isAlone(text, start, end) && text[start - 1] !== ":" && isVersion6(text.slice(start, Math.min(end, start + maxVersion6 + 1)))) {
        found.push({ start, end });
      }
    }
    return found;
  },
  openFrom(text, _candidates, from) {
    let start = startOfRun(text, inAnyVersion, Math.max(from, text.length - maxVersion6 - 3));
    while (start < text.length && !isWordStart(text, start)) start++;
    return start;
  },
};

/** Times have one or two colons, apart from each other. */
function mayBeVersion6(text: string, start: number, end: number): boolean {
  let colons = 0;
  for (let at = start; at < end; at++) {
    if (text.charCodeAt(at) !== 58) continue;
    if (text.charCodeAt(at + 1) === 58) return true;
    colons++;
  }
  return colons === 7;
}

function isVersion6(run: string): boolean {
  if (run.length > maxVersion6 || !/^(?:[\da-f]{0,4}:){2,7}[\da-f]{0,4}$/i.test(run)) return false;
  const groups = run.split(":");
  const isShort = run.includes("::");
  // Times, and names such as std::vector, are no addresses: at least one group has a digit, and a short form has four groups or begins as one in use does.
  if (run.indexOf("::") !== run.lastIndexOf("::") || (isShort ? groups.length > 8 : groups.length !== 8)) return false;
  if (!isShort) return groups.every((group) => group !== "");
  const filled = groups.filter((group) => group !== "");
  return run === "::1" || (filled.length >= 2 && /^(?:[23][\da-f]{3}|f[cde][\da-f]{2}|64)$/i.test(groups[0]!) && /\d/.test(run));
}

/** Internet addresses of both versions. */
export const ips: Detector = {
  find: (text, candidates, from) => merged(versions4.find(text, candidates, from), versions6.find(text, candidates, from)),
  openFrom: (text, candidates, from) => versions6.openFrom(text, candidates, from),
};
