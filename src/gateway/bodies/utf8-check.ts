import { isUtf8 } from "node:buffer";

/** Checks bytes that come in pieces; a character may be cut between two of them. */
export class Utf8Check {
  /** The first bytes of a character whose rest has not come yet. */
  #rest: Buffer | undefined;

  /** `false`: what came is no UTF-8, whatever follows. */
  push(piece: Buffer): boolean {
    if (this.#rest === undefined && isUtf8(piece)) return true;
    const bytes = this.#rest === undefined ? piece : Buffer.concat([this.#rest, piece]);
    const whole = bytes.length - openLength(bytes);
    this.#rest = whole === bytes.length ? undefined : Buffer.from(bytes.subarray(whole));
    return isUtf8(bytes.subarray(0, whole));
  }
}

/** How many bytes at the end begin a character and do not end it (RFC 3629, section 3). */
function openLength(bytes: Buffer): number {
  for (let length = 1; length <= 3 && length <= bytes.length; length++) {
    const byte = bytes[bytes.length - length]!;
    // 0xc0, 0xc1 and what is above 0xf4 begin nothing.
    if (byte < 0x80 || byte > 0xf4 || byte === 0xc0 || byte === 0xc1) return 0;
    if (byte >= 0xc2) return length < sequenceLength(byte) ? length : 0;
  }
  return 0;
}

/** How many bytes the character has that begins with this byte, of 0xc2 or above. */
function sequenceLength(byte: number): number {
  if (byte >= 0xf0) return 4;
  return byte >= 0xe0 ? 3 : 2;
}
