import { partialPattern } from "./partial-pattern.ts";
import { matchAt, type Candidates, type Detector, type TextMatch } from "./text-match.ts";

/** What has a beginning of its own: one of the heads, and the rest behind it. */
export interface HeadForm {
  /** At least two ASCII characters. In lower case if the form is found in any case. */
  readonly heads: readonly string[];
  /** A pattern, whose repetitions are bounded. */
  readonly rest: string;
}

interface CompiledForm {
  readonly head: string;
  readonly rest: RegExp;
  readonly partialRest: RegExp;
}

export interface HeadOptions {
  /** The candidates that may be heads of these forms. */
  readonly candidates: "keys" | "phrases";
  readonly ignoresCase: boolean;
  /** A match may begin here: what is before it is looked at. */
  readonly begins: (text: string, start: number) => boolean;
  /** The match is one: what is in it and behind it is looked at. */
  readonly accepts: (text: string, start: number, end: number) => boolean;
}

/** Finds forms by their heads. Of forms that match at one place, the first that is accepted counts. */
export function detectByHead(forms: readonly HeadForm[], { candidates: name, ignoresCase, begins, accepts }: HeadOptions): Detector {
  const flags = ignoresCase ? "iy" : "y";
  const compiled = forms.flatMap(({ heads, rest }) => {
    const patterns = { rest: new RegExp(rest, flags), partialRest: new RegExp(partialPattern(rest, "$"), flags) };
    return heads.map((head): CompiledForm => ({ head, ...patterns }));
  });
  const byPair = new Map<number, CompiledForm[]>();
  for (const form of compiled) {
    const pair = pairAt(form.head, 0);
    byPair.set(pair, [...(byPair.get(pair) ?? []), form]);
  }
  const formsAt = (text: string, at: number): readonly CompiledForm[] => byPair.get(pairAt(text, at)) ?? [];
  const endAt = (text: string, at: number): number | undefined => {
    if (!begins(text, at)) return undefined;
    for (const { head, rest } of formsAt(text, at)) {
      if (commonLength(text, at, head, ignoresCase) < head.length) continue;
      const found = matchAt(rest, text, at + head.length);
      const end = at + head.length + (found?.length ?? 0);
      if (found !== undefined && accepts(text, at, end)) return end;
    }
    return undefined;
  };
  const isOpen = (text: string, at: number): boolean => {
    if (!begins(text, at)) return false;
    const left = text.length - at;
    return (left < 2 ? compiled : formsAt(text, at)).some(({ head, partialRest }) => {
      const common = commonLength(text, at, head, ignoresCase);
      return common < head.length ? common === left : matchAt(partialRest, text, at + head.length) !== undefined;
    });
  };
  return {
    find(text, { [name]: heads }: Candidates, from) {
      const found: TextMatch[] = [];
      let free = from;
      for (const start of heads) {
        if (start < free) continue;
        const end = endAt(text, start);
        if (end === undefined) continue;
        found.push({ start, end });
        free = end;
      }
      return found;
    },
    openFrom(text, { [name]: heads }: Candidates, from) {
      for (const start of heads) if (isOpen(text, start)) return start;
      // Of the last character alone, nobody knows yet whether it begins a head.
      const last = text.length - 1;
      return last >= from && isOpen(text, last) ? last : text.length;
    },
  };
}

/** The first two characters as one number, letters in lower case. */
function pairAt(text: string, at: number): number {
  return (lower(text.charCodeAt(at)) << 16) | lower(text.charCodeAt(at + 1));
}

/** The number of characters from `at` on that are those of the head. */
function commonLength(text: string, at: number, head: string, ignoresCase: boolean): number {
  let length = 0;
  while (length < head.length && at + length < text.length) {
    const code = text.charCodeAt(at + length);
    if ((ignoresCase ? lower(code) : code) !== head.charCodeAt(length)) break;
    length++;
  }
  return length;
}

function lower(code: number): number {
  return code >= 65 && code <= 90 ? code + 32 : code;
}
