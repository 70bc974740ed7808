import { findAccepted, isAlone, isDigit, isWordPart, merged, type Finder, type TextMatch } from "./text-match.ts";

/** Lengths of RFC 5321: a mailbox has at most 64 characters before its `@` and 255 after it. */
const maxLocal = 64;
const maxDomain = 255;
const localPart = /[\w.!#$%&'*+/=?^`{|}~-]/;
/** A domain of at least two labels, whose last one is of letters. */
const domainAt = /(?:[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?\.){1,8}(?:[a-z]{2,24}|xn--[a-z\d-]{2,59})/iy;

/** E-mail addresses: found by their `@`. A text without one costs one search. */
export const findEmails: Finder = (text) => {
  const found: TextMatch[] = [];
  let free = 0;
  for (let at = text.indexOf("@"); at !== -1; at = text.indexOf("@", at + 1)) {
    let start = at;
    while (start > free && at - start < maxLocal && localPart.test(text[start - 1]!)) start--;
    while (start < at && (text[start] === "." || text[start] === "'" || text[start] === "`")) start++;
    if (start === at || text[at - 1] === ".") continue;
    domainAt.lastIndex = at + 1;
    const domain = domainAt.exec(text)?.[0];
    if (domain === undefined || domain.length > maxDomain) continue;
    const end = at + 1 + domain.length;
    // A version of a package, as in name@1.2.x, has no letters alone as its last label; a word that goes on is no domain.
    if (end < text.length && isWordPart(text.charCodeAt(end))) continue;
    found.push({ start, end });
    free = end;
  }
  return found;
};

/** International numbers begin with `+`; others are written in one of the groupings of North America. Separators are single. */
const international = /\+(?:\(?\d{1,4}\)?[ .\-\u00a0/]?){2,7}/g;
const northAmerican = /(?:\(\d{3}\) ?|\d{3}[-. ])\d{3}[-.]\d{4}/g;

const findInternational = findAccepted(international, (match, start, text) => {
  const digits = match.replaceAll(/\D/g, "");
  return digits.length >= 8 && digits.length <= 15 && digits[0] !== "0" && isAlone(text, start, start + match.trimEnd().length);
});
const findNorthAmerican = findAccepted(northAmerican, (match, start, text) => {
  const digits = match.replaceAll(/\D/g, "");
  const before = text[start - 1];
  // Neither an area nor an exchange begins with 0 or 1.
  return (
    digits[0]! > "1" &&
    digits[3]! > "1" &&
    before !== "-" &&
    before !== "." &&
    isAlone(text, start, start + match.length) &&
    !isMoreDigits(text, start + match.length)
  );
});

/** A number that goes on after its separator is a longer number of another kind. */
function isMoreDigits(text: string, end: number): boolean {
  return (text[end] === "-" || text[end] === ".") && isDigit(text.charCodeAt(end + 1));
}

/** Telephone numbers. */
export const findPhones: Finder = (text) => {
  const found = text.includes("+") ? findInternational(text).map((match) => trimmed(text, match)) : [];
  return merged(found, findNorthAmerican(text));
};

function trimmed(text: string, { start, end }: TextMatch): TextMatch {
  let last = end;
  while (last > start && !isDigit(text.charCodeAt(last - 1))) last--;
  return { start, end: last };
}

const byte = String.raw`(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)`;
const version4 = new RegExp(String.raw`(?:${byte}\.){3}${byte}`, "g");
const version6 = /(?:[\da-f]{0,4}:){2,7}[\da-f]{0,4}/gi;

const findVersion4 = findAccepted(version4, (match, start, text) => {
  const end = start + match.length;
  return isAlone(text, start, end) && text[start - 1] !== "." && !(text[end] === "." && isDigit(text.charCodeAt(end + 1)));
});
const findVersion6 = findAccepted(version6, (match, start, text) => {
  const end = start + match.length;
  if (!isAlone(text, start, end) || text[start - 1] === ":" || text[end] === ":") return false;
  const groups = match.split(":");
  const isShort = match.includes("::");
  // Times, and names such as std::vector, are no addresses: at least one group has a digit, and a short form has four groups or begins as one in use does.
  if (match.indexOf("::") !== match.lastIndexOf("::") || (isShort ? groups.length > 8 : groups.length !== 8)) return false;
  if (!isShort) return groups.every((group) => group !== "");
  const filled = groups.filter((group) => group !== "");
  return match === "::1" || (filled.length >= 2 && /^(?:[23][\da-f]{3}|f[cde][\da-f]{2}|64)$/i.test(groups[0]!) && /\d/.test(match));
});

/** Internet addresses of both versions. */
export const findIps: Finder = (text) => {
  const found = text.includes(".") ? findVersion4(text) : [];
  return text.includes(":") ? merged(found, findVersion6(text)) : found;
};
