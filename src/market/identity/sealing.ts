import { createCipheriv, createDecipheriv, createHash, decapsulate, encapsulate, hkdfSync, type KeyObject } from "node:crypto";
import { publicKeyOf } from "./node-key.ts";

/** Which way a frame goes: from the buyer, or from the seller. */
export type Direction = "request" | "answer";

const label = "tokligence-market/1\n";
const keySize = 32;
const tagSize = 16;

/** Frames cannot be opened: their bytes were altered, cut, repeated or put in another order, or are for another lease. */
export class SealError extends Error {
  constructor() {
    super("A frame of the market cannot be opened: it was altered, or is not for this lease.");
    this.name = "SealError";
  }
}

/** The secret of one lease, which only its buyer and its seller know. */
export interface LeaseSecret {
  readonly kid: string;
  /** The encapsulated key, 32 bytes, which opens the secret for the holder of the key `kid`. */
  readonly enc: Buffer;
  /** `sha256:` of kid, line feed, enc: what an order names. */
  readonly session: string;
  /** The cipher of one direction of one request. A cipher must not be made twice for the same request: its nonces would repeat. */
  sealer(n: number, direction: Direction, salt?: Uint8Array): FrameSealer;
  /** @param salt of the side that seals, if what it seals differs each time that the same request arrives. */
  opener(n: number, direction: Direction, salt?: Uint8Array): FrameOpener;
}

export interface FrameSealer {
  /** The sealed payload: as many bytes as `plain`, and a tag of 16. */
  seal(type: number, plain: Uint8Array): Buffer;
}

export interface FrameOpener {
  /** @throws SealError */
  open(type: number, sealed: Uint8Array): Buffer;
}

/** The buyer's side: a new secret for the seller's X25519 key (DHKEM of RFC 9180, section 4.1, with HKDF-SHA256). `x25519` is base64url. */
export function createLeaseSecret(lease: string, kid: string, x25519: string): LeaseSecret {
  const { sharedKey, ciphertext } = encapsulate(publicKeyOf("x25519", Buffer.from(x25519, "base64url")));
  return secretOf({ lease, kid, enc: ciphertext, shared: sharedKey });
}

/** The seller's side. @throws SealError if `enc` is not a key of the right form. */
export function openLeaseSecret(lease: string, kid: string, enc: Buffer, key: KeyObject): LeaseSecret {
  let shared: Buffer;
  try {
    shared = decapsulate(key, enc);
  } catch {
    throw new SealError();
  }
  return secretOf({ lease, kid, enc, shared });
}

function secretOf({ lease, kid, enc, shared }: { lease: string; kid: string; enc: Buffer; shared: Buffer }): LeaseSecret {
  const session = createHash("sha256").update(`${kid}\n`).update(enc).digest();
  const secret = Buffer.from(hkdfSync("sha256", shared, session, label + lease, keySize));
  const keyFor = (n: number, direction: Direction, salt: Uint8Array | undefined): Buffer =>
    Buffer.from(hkdfSync("sha256", secret, salt ?? "", `${n}\n${direction}`, keySize));
  return {
    kid,
    enc,
    session: `sha256:${session.toString("hex")}`,
    sealer(n, direction, salt) {
      const key = keyFor(n, direction, salt);
      const nextNonce = createNonces();
      return {
        seal(type, plain) {
          const cipher = createCipheriv("aes-256-gcm", key, nextNonce()).setAAD(Uint8Array.of(type));
          return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
        },
      };
    },
    opener(n, direction, salt) {
      const key = keyFor(n, direction, salt);
      const nextNonce = createNonces();
      return {
        open(type, sealed) {
          if (sealed.length < tagSize) throw new SealError();
          const decipher = createDecipheriv("aes-256-gcm", key, nextNonce())
            .setAAD(Uint8Array.of(type))
            .setAuthTag(sealed.subarray(-tagSize));
          try {
            return Buffer.concat([decipher.update(sealed.subarray(0, -tagSize)), decipher.final()]);
          } catch {
            throw new SealError();
          }
        },
      };
    },
  };
}

/** 4 zero bytes and the number of the sealed frame, from 0: a frame that is left out, repeated or moved does not open. */
function createNonces(): () => Buffer {
  let counter = 0n;
  return () => {
    const nonce = Buffer.alloc(12);
    nonce.writeBigUInt64BE(counter++, 4);
    return nonce;
  };
}
