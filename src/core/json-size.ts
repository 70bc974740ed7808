import { skipString } from "./json-scan.ts";

const quote = 0x22;

/**
 * Whether JSON text holds more than `limit` values and names of members; an empty list or object counts as two. What is inside strings does not count.
 * For text that is not JSON either answer is possible; its parser reports the error.
 *
 * Parsing a value and going through it costs far more than its bytes: 16 MiB of numbers of one digit cost `JSON.parse` alone 136 ms. So the number of values
 * is limited beside the number of bytes. A short text is not looked at: no JSON has more than two values and names in three characters (`[],[],[]`).
 */
export function holdsMoreValues(text: string, limit: number): boolean {
  if (text.length * 2 <= limit * 3) return false;
  let count = 1;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === quote) {
      const end = endOfString(text, at);
      if (end === undefined) return false;
      at = end - 1;
    } else if (code === 0x2c || code === 0x3a || code === 0x5b || code === 0x7b) {
      // A comma, a colon and an opening bracket each come before one more value or name.
      count++;
      if (count > limit) return true;
    }
  }
  return false;
}

function endOfString(text: string, at: number): number | undefined {
  try {
    return skipString(text, at);
  } catch {
    return undefined; // A string without its end.
  }
}
