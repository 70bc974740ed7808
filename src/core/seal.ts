import { createCipheriv, createDecipheriv, createHmac } from "node:crypto";

/** A key of the installation; the one with the greatest id seals, all of them open. */
export interface SealKey {
  /** From 1 to 2^24 - 1. */
  readonly id: number;
  /** 32 random bytes. */
  readonly secret: Uint8Array;
}

/** Makes texts that only this installation can have made and only it can read. */
export interface Sealer {
  /** `scope` is who may give it back, a user's id: the same text in another scope does not open. */
  seal(scope: string, text: string): string;
  /** `undefined` for whatever `seal` of this installation did not make in this scope, cut and altered texts included. */
  open(scope: string, sealed: string): string | undefined;
}

/**
 * What every sealed text begins with. Letters and digits alone, as some JSON writers escape `/` and `+`; twelve of them, so that sealed texts are
 * base64 as a whole, which some fields must be.
 */
export const sealMark = "tokligence01";

const markBytes = Buffer.from(sealMark, "base64");
const headSize = markBytes.length + 3;
const nonceSize = 12;
const tagSize = 16;

/**
 * Sealed is base64 of: the mark, the key's id (3 bytes), a nonce (12), the text under AES-256-GCM, its tag (16). Each scope has a key of its own, made
 * of the installation's by HMAC-SHA-256, so that a nonce is random among one user's texts alone. `random` gives that many random bytes.
 */
export function createSealer(keys: readonly SealKey[], random: (size: number) => Uint8Array): Sealer {
  const newest = keys.reduce<SealKey | undefined>((found, key) => (found === undefined || key.id > found.id ? key : found), undefined);
  if (newest === undefined) throw new RangeError("A sealer needs at least one key.");
  return {
    seal(scope, text) {
      const head = Buffer.concat([markBytes, Buffer.alloc(3)]);
      head.writeUIntBE(newest.id, markBytes.length, 3);
      const nonce = random(nonceSize);
      const cipher = createCipheriv("aes-256-gcm", keyOf(newest, scope), nonce).setAAD(head);
      const body = [cipher.update(text, "utf8"), cipher.final()];
      return Buffer.concat([head, nonce, ...body, cipher.getAuthTag()]).toString("base64");
    },
    open(scope, sealed) {
      if (!sealed.startsWith(sealMark)) return undefined;
      // Both alphabets of base64 are read: some clients hold the field as bytes and write it in the other one.
      const bytes = Buffer.from(sealed, "base64");
      if (bytes.length < headSize + nonceSize + tagSize) return undefined;
      const id = bytes.readUIntBE(markBytes.length, 3);
      const key = keys.find((known) => known.id === id);
      if (key === undefined) return undefined;
      const nonce = bytes.subarray(headSize, headSize + nonceSize);
      const decipher = createDecipheriv("aes-256-gcm", keyOf(key, scope), nonce)
        .setAAD(bytes.subarray(0, headSize))
        .setAuthTag(bytes.subarray(-tagSize));
      try {
        return decipher.update(bytes.subarray(headSize + nonceSize, -tagSize), undefined, "utf8") + decipher.final("utf8");
      } catch {
        return undefined; // Altered, or another user's: as good as nothing.
      }
    },
  };
}

function keyOf(key: SealKey, scope: string): Buffer {
  return createHmac("sha256", key.secret).update(scope).digest();
}
