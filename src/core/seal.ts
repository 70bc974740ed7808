import { createCipheriv, createDecipheriv, createHmac } from "node:crypto";

/** A key of the installation. One of them seals; all of them open. */
export interface SealKey {
  /** From 1 to 2^24 - 1. */
  readonly id: number;
  /** 32 random bytes. */
  readonly secret: Uint8Array;
}

/** The keys of the installation, which may become more. */
export interface SealKeys {
  /** The key that seals now. */
  sealing(): SealKey;
  find(id: number): SealKey | undefined;
}

/** Seals texts so that only this installation can have made them and only it can read them. */
export interface Sealer {
  /** `scope` is the id of the user who may send it back: the seal does not open in another scope. */
  seal(scope: string, text: string): string;
  /** `undefined` if this installation did not seal the text in this scope, or if the text was truncated or altered. */
  open(scope: string, sealed: string): string | undefined;
}

/**
 * The beginning of every sealed text. It has only letters and digits, as some JSON writers escape `/` and `+`. It has twelve characters, so that a
 * sealed text is base64 as a whole, as some fields require.
 */
export const sealMark = "tokligence01";

const markBytes = Buffer.from(sealMark, "base64");
const headSize = markBytes.length + 3;
const nonceSize = 12;
const tagSize = 16;

/**
 * A sealed text is base64 of: the mark, the key's id (3 bytes), a nonce (12), the text under AES-256-GCM, its tag (16). Each scope has its own key,
 * derived from the installation's key by HMAC-SHA-256, so that random nonces can collide only among the texts of one user. `random` returns `size`
 * random bytes.
 */
export function createSealer(keys: SealKeys, random: (size: number) => Uint8Array): Sealer {
  return {
    seal(scope, text) {
      const head = Buffer.concat([markBytes, Buffer.alloc(3)]);
      const key = keys.sealing();
      head.writeUIntBE(key.id, markBytes.length, 3);
      const nonce = random(nonceSize);
      const cipher = createCipheriv("aes-256-gcm", keyOf(key, scope), nonce).setAAD(head);
      const body = [cipher.update(text, "utf8"), cipher.final()];
      return Buffer.concat([head, nonce, ...body, cipher.getAuthTag()]).toString("base64");
    },
    open(scope, sealed) {
      if (!sealed.startsWith(sealMark)) return undefined;
      // Both base64 alphabets are accepted: some clients decode the field to bytes and encode it in the other one.
      const bytes = Buffer.from(sealed, "base64");
      if (bytes.length < headSize + nonceSize + tagSize) return undefined;
      const id = bytes.readUIntBE(markBytes.length, 3);
      const key = keys.find(id);
      if (key === undefined) return undefined;
      const nonce = bytes.subarray(headSize, headSize + nonceSize);
      const decipher = createDecipheriv("aes-256-gcm", keyOf(key, scope), nonce)
        .setAAD(bytes.subarray(0, headSize))
        .setAuthTag(bytes.subarray(-tagSize));
      try {
        return decipher.update(bytes.subarray(headSize + nonceSize, -tagSize), undefined, "utf8") + decipher.final("utf8");
      } catch {
        return undefined; // Altered, or sealed for another user.
      }
    },
  };
}

function keyOf(key: SealKey, scope: string): Buffer {
  return createHmac("sha256", key.secret).update(scope).digest();
}
