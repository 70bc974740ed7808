import { skipValue } from "../../core/index.ts";
import { cutNullUsage } from "./hide-usage.ts";

/**
 * The text that is the same in all chunks of a stream that have only another piece of content: everything but the value of `delta` and the random
 * `obfuscation` that OpenAI puts at the end. A chunk with the shape of an earlier one is not parsed: apart from its content it says the same.
 */
export interface ChunkShape {
  /** The text up to the value of `delta`. */
  readonly head: string;
  /** The text after that value, up to the obfuscation or the closing brace. */
  readonly tail: string;
  /** `tail` without `"usage":null`; `undefined` if that is in another place. */
  readonly cutTail: string | undefined;
}

const deltaKey = '"delta":';
const obfuscationKey = ',"obfuscation":"';

/** Returns the shape of a JSON chunk; `undefined` if it has no `delta`, or an unusual spelling. */
export function learnShape(data: string): ChunkShape | undefined {
  const start = data.indexOf(`${deltaKey}{`) + deltaKey.length;
  if (start < deltaKey.length) return undefined;
  const end = skipValue(data, start);
  const found = /^(.*?)(?:,"obfuscation":"[^"\\]*")?\}$/s.exec(data.slice(end));
  if (found === null) return undefined;
  const tail = found[1]!;
  const cutTail = tail.replace(',"usage":null', "");
  const cut = data.slice(0, end) + cutTail + data.slice(end + tail.length);
  return { head: data.slice(0, start), tail, cutTail: cut === cutNullUsage(data) ? cutTail : undefined };
}

/** Returns the shape if `delta` is that of the chunk's one choice; the word may also occur elsewhere. */
export function learnDeltaShape(data: string): ChunkShape | undefined {
  const shape = learnShape(data);
  return shape !== undefined && /"choices":\[\{(?:"index":\d+,)?"delta":$/.test(shape.head) ? shape : undefined;
}

/**
 * Returns the offset after the value of `delta` if the chunk has the shape, else -1. Slices are compared, not searched: V8 compares them word by
 * word, and is five times slower at `startsWith` and at any search that begins with a quote.
 */
export function matchShape(shape: ChunkShape, data: string): number {
  const { head } = shape;
  if (data.slice(0, head.length) !== head || data.charCodeAt(head.length) !== 0x7b) return -1;
  const brace = data.indexOf("}", head.length) + 1;
  if (endsInShape(shape, data, brace)) return brace;
  // The first brace is not the end of a delta that contains objects, or braces in its text.
  const end = endOfValue(data, head.length);
  return end > brace && endsInShape(shape, data, end) ? end : -1;
}

function endsInShape({ tail }: ChunkShape, data: string, end: number): boolean {
  const rest = end + tail.length;
  const last = data.length - 1;
  if (data.slice(end, rest) !== tail || data.charCodeAt(last) !== 0x7d) return false;
  if (rest === last) return true;
  const value = rest + obfuscationKey.length;
  return data.slice(rest, value) === obfuscationKey && data.indexOf('"', value) === last - 1;
}

function endOfValue(data: string, start: number): number {
  try {
    return skipValue(data, start);
  } catch {
    return -1; // Not JSON: the parser reports it.
  }
}
