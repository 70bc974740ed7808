import { merged } from "../text-match.ts";
import { nothingFound, type TextJudgement } from "./judgement.ts";

/** A part of a text, or some texts as one, that a classifier gets in one piece. */
export interface Piece {
  readonly text: string;
  /** The text that it is a part of, by its index. */
  readonly of: number;
  /** Where it begins in that text. */
  readonly offset: number;
}

/** What is cut at the end of one piece is whole in the next one, up to this length. */
const overlap = 256;

/** The texts as pieces of at most `maxLength`. */
export function cutTexts(texts: readonly string[], maxLength: number): Piece[] {
  return texts.flatMap((text, of) =>
    [...partsOf(text, maxLength)].map(([start, end]) => ({ text: text.slice(start, end), of, offset: start })),
  );
}

/** The texts joined, as pieces of at most `maxLength` that begin and end with a text where they can: a conversation that goes on has the same first pieces. */
export function joinTexts(texts: readonly string[], maxLength: number): Piece[] {
  const pieces: Piece[] = [];
  let joined = "";
  for (const { text } of cutTexts(texts, maxLength)) {
    if (joined !== "" && joined.length + text.length + 2 > maxLength) {
      pieces.push({ text: joined, of: 0, offset: 0 });
      joined = "";
    }
    joined = joined === "" ? text : `${joined}\n\n${text}`;
  }
  if (joined !== "") pieces.push({ text: joined, of: 0, offset: 0 });
  return pieces;
}

function* partsOf(text: string, maxLength: number): Generator<readonly [start: number, end: number]> {
  const shared = Math.min(overlap, Math.floor(maxLength / 4));
  for (let start = 0; start < text.length;) {
    const end = start + maxLength >= text.length ? text.length : cutBefore(text, start + maxLength, shared);
    yield [start, end];
    if (end === text.length) return;
    start = Math.max(start + 1, wholeCharacter(text, end - shared));
  }
}

/** A place at `end`, or up to `range` before it, where a word ends. */
function cutBefore(text: string, end: number, range: number): number {
  for (let at = end; at > end - range; at--) if (text.charCodeAt(at) <= 32) return at;
  return wholeCharacter(text, end);
}

/** Not in the middle of a surrogate pair. */
function wholeCharacter(text: string, at: number): number {
  const code = text.charCodeAt(at);
  return code >= 0xdc00 && code < 0xe000 ? at - 1 : at;
}

/** The judgements of texts from those of their pieces. */
export function uniteJudgements(texts: readonly string[], pieces: readonly Piece[], judged: readonly TextJudgement[]): TextJudgement[] {
  const united: TextJudgement[] = texts.map(() => nothingFound);
  for (const [at, { text, of, offset }] of pieces.entries()) {
    const before = united[of];
    if (before === undefined) continue;
    const next = pieces[at + 1];
    const nextStart = next?.of === of ? next.offset - offset : Infinity;
    // What the cut may have shortened is whole in the next piece.
    const places = judged[at]!.places.filter(({ start, end }) => !(end === text.length && start >= nextStart));
    const moved = places.map(({ start, end, kind }) => ({ start: start + offset, end: end + offset, kind }));
    united[of] = { places: merged(before.places, moved), categories: [...before.categories, ...judged[at]!.categories] };
  }
  return united;
}
