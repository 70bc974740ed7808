import { createPrivateKey, createPublicKey, sign, verify, type KeyObject } from "node:crypto";

/** The fixed bytes before a 32-byte key in the DER forms of RFC 8410. */
const derHeads = {
  ed25519: { pkcs8: "302e020100300506032b657004220420", spki: "302a300506032b6570032100" },
  x25519: { pkcs8: "302e020100300506032b656e04220420", spki: "302a300506032b656e032100" },
} as const;

type Curve = keyof typeof derHeads;

const nodePrefix = "tn1_";

/** A private key from its 32 secret bytes. */
export function privateKeyOf(curve: Curve, seed: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([Buffer.from(derHeads[curve].pkcs8, "hex"), seed]), format: "der", type: "pkcs8" });
}

/** A public key from its 32 bytes. @throws RangeError if there are not 32 of them. */
export function publicKeyOf(curve: Curve, bytes: Uint8Array): KeyObject {
  if (bytes.length !== 32) throw new RangeError("A public key has 32 bytes.");
  return createPublicKey({ key: Buffer.concat([Buffer.from(derHeads[curve].spki, "hex"), bytes]), format: "der", type: "spki" });
}

/** The 32 bytes of a key's public half. */
export function rawPublicKey(key: KeyObject): Buffer {
  const half = key.type === "private" ? createPublicKey(key) : key;
  return half.export({ format: "der", type: "spki" }).subarray(-32);
}

/** What signs the documents of a node. */
export interface NodeKey {
  /** `tn1_` and the public key in base64url: the node's name for all others. */
  readonly id: string;
  sign(bytes: Uint8Array): Buffer;
}

/** A node's key from its 32 secret bytes. */
export function createNodeKey(seed: Uint8Array): NodeKey {
  const key = privateKeyOf("ed25519", seed);
  return { id: nodePrefix + rawPublicKey(key).toString("base64url"), sign: (bytes) => sign(null, bytes, key) };
}

/** Whether the node signed these bytes. A malformed id or signature has signed nothing. */
export function isSignedBy(node: string, bytes: Uint8Array, signature: Uint8Array): boolean {
  const raw = Buffer.from(node.slice(nodePrefix.length), "base64url");
  if (!node.startsWith(nodePrefix) || raw.length !== 32 || signature.length !== 64) return false;
  try {
    return verify(null, bytes, publicKeyOf("ed25519", raw), signature);
  } catch {
    return false; // Not a point of the curve.
  }
}
