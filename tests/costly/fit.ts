import type { Shape } from "./shapes.ts";

/** What a body may be: bytes, and values and names as the gateway counts them. */
export interface Room {
  readonly bytes: number;
  readonly values: number;
}

export interface FittedBody {
  readonly text: string;
  readonly values: number;
  readonly count: number;
}

/**
 * The largest body of a shape that there is room for; with `isFilled`, half of the bytes are in its strings. `undefined`: it has no strings to fill, or
 * the dialect has no such body.
 */
export function fitBody({ build }: Shape, room: Room, isFilled: boolean): FittedBody | undefined {
  const sample = 400;
  const small = build(sample, "");
  if (small === build(1, "")) return undefined;
  const [bytesPer, valuesPer] = [Buffer.byteLength(small) / sample, countValues(small) / sample];
  // What does not grow with the count is not the piece's.
  const byValues = valuesPer < 0.5 ? Infinity : (room.values * 0.99) / valuesPer;
  let count = Math.max(1, Math.floor(Math.min(byValues, (room.bytes * 0.97) / bytesPer)));
  let text = build(count, "");
  if (isFilled) {
    if (build(10, "").length === build(10, "xx").length) return undefined;
    const filler = "x".repeat(Math.max(0, Math.floor((room.bytes - text.length) / count / 2)));
    if (filler === "") return undefined;
    text = build(count, filler);
  }
  const bytes = Buffer.byteLength(text);
  if (bytes > room.bytes) {
    if (isFilled) return undefined;
    count = Math.floor((count * room.bytes) / bytes);
    text = build(count, "");
  }
  return { text, values: countValues(text), count };
}

/** Values and names in JSON text, as `gateway.limits.values` counts them. */
export function countValues(text: string): number {
  let count = 1;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x22) at = endOfString(text, at);
    else if (code === 0x2c || code === 0x3a || code === 0x5b || code === 0x7b) count++;
  }
  return count;
}

/** Offset of the quote that ends the string. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text.charCodeAt(at) !== 0x22) at += text.charCodeAt(at) === 0x5c ? 2 : 1;
  return at;
}
