import { detectByHead } from "./head-form.ts";
import { keyForms } from "./key-forms.ts";
import { partialPattern } from "./partial-pattern.ts";
import { isWordPart, isWordStart, matchAt, merged, type Candidates, type Detector, type TextMatch } from "./text-match.ts";

/** No letter, digit or `-` is before a key. */
function beginsKey(text: string, start: number): boolean {
  return isWordStart(text, start) && text.charCodeAt(start - 1) !== 45;
}

/** No letter or digit is behind a key, and it is more than one character repeated, as in examples. */
function isKey(text: string, start: number, end: number): boolean {
  if (end < text.length && isWordPart(text.charCodeAt(end))) return false;
  return new Set(text.slice(start + 8, end)).size > 5;
}

const keys = detectByHead(keyForms, { candidates: "keys", ignoresCase: false, begins: beginsKey, accepts: isKey });

/** Tokens of Telegram's bots begin with a number. */
const bot = String.raw`\d{8,10}:AA[\w-]{33}`;
const botAt = new RegExp(bot, "y");
const partialBot = new RegExp(partialPattern(bot, "$"), "y");

const bots: Detector = {
  find(text, { numbers }, from) {
    const found: TextMatch[] = [];
    for (let at = 0; at < numbers.length; at += 2) {
      const [start, end] = [numbers[at]!, numbers[at + 1]!];
      if (start < from || end - start < 8 || end - start > 10 || text.charCodeAt(end) !== 58) continue;
      const key = matchAt(botAt, text, start);
      if (key !== undefined && beginsKey(text, start) && isKey(text, start, start + key.length))
        found.push({ start, end: start + key.length });
    }
    return found;
  },
  openFrom(text, { numbers }) {
    for (let at = 0; at < numbers.length; at += 2) {
      const start = numbers[at]!;
      if (text.length - start <= 46 && matchAt(partialBot, text, start) !== undefined) return start;
    }
    return text.length;
  },
};

const dashes = "-----BEGIN ";
const begin = /-----BEGIN (?:[A-Z\d]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----/y;
const maxBegin = 70;
/** A key of RSA with 16,384 bits has 12,700 characters. */
const maxPrivateKey = 16_384;

/** Where the private key ends that begins at `start`: at its last line, or, where that is missing, at the end of its characters. `undefined`: there is none. */
function endOfPrivateKey(text: string, start: number): number | undefined {
  const head = matchAt(begin, text, start);
  if (head === undefined) return undefined;
  const last = head.replace("BEGIN", "END");
  const body = text.slice(start + head.length, start + head.length + maxPrivateKey);
  const at = body.indexOf(last);
  if (at !== -1) return start + head.length + at + last.length;
  return start + head.length + /^(?:\\[nr]|[\s\w+/=:,-])*/.exec(body)![0].length;
}

/** Private keys in PEM or of OpenPGP. */
const privateKeys: Detector = {
  find(text, _candidates, from) {
    const found: TextMatch[] = [];
    for (let start = text.indexOf(dashes, from); start !== -1;) {
      const end = endOfPrivateKey(text, start);
      if (end !== undefined) found.push({ start, end });
      start = text.indexOf(dashes, end ?? start + 1);
    }
    return found;
  },
  openFrom(text, candidates, from) {
    const closed = privateKeys.find(text, candidates, from).at(-1);
    const start = text.indexOf(dashes, from);
    for (let at = closed?.end ?? from; ;) {
      const next = text.indexOf(dashes, at);
      if (next === -1) break;
      if (text.length - next < maxBegin) return next;
      at = next + 1;
    }
    // The last one may lack its last line, and go on.
    if (closed !== undefined && start !== -1 && isUnended(text, closed)) return closed.start;
    let tail = Math.max(from, text.length - dashes.length + 1);
    while (tail < text.length && !dashes.startsWith(text.slice(tail))) tail++;
    return tail;
  },
};

function isUnended(text: string, { start, end }: TextMatch): boolean {
  return (
    !/-----END [A-Z\d ]{0,50}-----$/.test(text.slice(Math.max(start, end - 80), end)) && text.length - start < maxPrivateKey + maxBegin
  );
}

/** Keys of vendors, tokens, and private keys. */
export const secrets: Detector = {
  find(text, candidates, from) {
    const found = merged(keys.find(text, candidates, from), bots.find(text, candidates, from));
    const whole = privateKeys.find(text, candidates, from);
    // A key inside a private key is part of it.
    return whole.length === 0 ? found : merged(whole, found);
  },
  openFrom: (text, candidates, from) => openOfAll([keys, bots, privateKeys], text, candidates, from),
};

function openOfAll(all: readonly Detector[], text: string, candidates: Candidates, from: number): number {
  return Math.min(...all.map((detector) => detector.openFrom(text, candidates, from)));
}
