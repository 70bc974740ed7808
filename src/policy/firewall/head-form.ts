import { partialPattern } from "./partial-pattern.ts";
import { matchAt, type Detector, type TextMatch } from "./text-match.ts";

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
  readonly ignoresCase: boolean;
  /** The match is one: what is around it is looked at here. */
  readonly accepts: (text: string, start: number, end: number) => boolean;
}

/** Finds forms by their heads. Of forms that match at one place, the first that is accepted counts. */
export function detectByHead(forms: readonly HeadForm[], { ignoresCase, accepts }: HeadOptions): Detector {
  const flags = ignoresCase ? "iy" : "y";
  const compiled = forms.flatMap(({ heads, rest }) => {
    const patterns = { rest: new RegExp(rest, flags), partialRest: new RegExp(partialPattern(rest, "$"), flags) };
    return heads.map((head): CompiledForm => ({ head, ...patterns }));
  });
  const byPair = new Map<string, CompiledForm[]>();
  for (const form of compiled) {
    const pair = form.head.slice(0, 2);
    byPair.set(pair, [...(byPair.get(pair) ?? []), form]);
  }
  const longest = Math.max(...compiled.map(({ head }) => head.length));
  const beginningAt = (text: string, at: number): string => {
    const beginning = text.slice(at, at + longest);
    return ignoresCase ? beginning.toLowerCase() : beginning;
  };
  const endAt = (text: string, at: number): number | undefined => {
    const beginning = beginningAt(text, at);
    for (const { head, rest } of byPair.get(beginning.slice(0, 2)) ?? []) {
      if (!beginning.startsWith(head)) continue;
      const found = matchAt(rest, text, at + head.length);
      const end = at + head.length + (found?.length ?? 0);
      if (found !== undefined && accepts(text, at, end)) return end;
    }
    return undefined;
  };
  const isOpen = (text: string, at: number): boolean => {
    const beginning = beginningAt(text, at);
    const candidates = beginning.length < 2 ? compiled : (byPair.get(beginning.slice(0, 2)) ?? []);
    return candidates.some(({ head, partialRest }) =>
      beginning.length < head.length
        ? head.startsWith(beginning)
        : beginning.startsWith(head) && matchAt(partialRest, text, at + head.length) !== undefined,
    );
  };
  return {
    find(text, { heads }, from) {
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
    openFrom(text, { heads }, from) {
      for (const start of heads) if (isOpen(text, start)) return start;
      // Of the last character alone, nobody knows yet whether it begins a head.
      const last = text.length - 1;
      return last >= from && isOpen(text, last) ? last : text.length;
    },
  };
}
