/** The beginning of a body, latin1. */
export interface ClippedBody {
  readonly text: string;
  /** There was more of it. */
  readonly isCut: boolean;
}

/** So much of a body is taken beyond what is stored: a secret that the cut would halve is found whole, or falls into this part. */
export const spareBytes = 4096;

/** A text without a break that is longer is base64, and no reader's loss. */
const longestRun = 1024;

/**
 * A body (latin1) with long runs of base64 as `[media, N bytes]`, and no longer than `maxBytes`. Escapes within a run belong to it, as some clients write
 * `\/` and line breaks. It costs little for texts, as only a few of their characters are looked at, and is linear for all.
 */
export function clipBody(body: string, maxBytes: number): ClippedBody {
  let out = "";
  let from = 0;
  let at = 0;
  while (at + longestRun < body.length && out.length + at - from < maxBytes) {
    // Backwards from where a long run that begins here would still go on: a break there spares all before it.
    let back = at + longestRun;
    while (back >= at && isOfRun(body.charCodeAt(back))) back--;
    if (back >= at) {
      at = back + 1;
      continue;
    }
    let end = at + longestRun + 1;
    while (end < body.length && isOfRun(body.charCodeAt(end))) end++;
    out += `${body.slice(from, at)}[media, ${Math.floor(((end - at) * 3) / 4)} bytes]`;
    from = at = end;
  }
  const rest = Math.max(0, maxBytes - out.length);
  const isCut = out.length > maxBytes || from + rest < body.length;
  return { text: (out + body.slice(from, from + rest)).slice(0, maxBytes), isCut };
}

/** Base64, base64url, and the backslash of an escape. */
function isOfRun(code: number): boolean {
  return (
    (code >= 0x61 && code <= 0x7a) ||
    (code >= 0x41 && code <= 0x5a) ||
    (code >= 0x2f && code <= 0x39) ||
    code === 0x2b ||
    code === 0x2d ||
    code === 0x5f ||
    code === 0x5c
  );
}

/** The beginning of a text, of at most the given number of bytes of UTF-8, ending with a whole character. */
export function cutText(text: string, maxBytes: number): ClippedBody {
  const bytes = Buffer.from(text, "utf8");
  if (bytes.length <= maxBytes) return { text, isCut: false };
  let end = Math.max(0, maxBytes);
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end--;
  return { text: bytes.toString("utf8", 0, end), isCut: true };
}
