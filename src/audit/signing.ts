import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify, type KeyObject } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { checkpointText, type Checkpoint } from "./entry.ts";

/** The key that signs checkpoints. */
export interface AuditKey {
  /** 32 bytes, base64url. */
  readonly publicKey: string;
  sign(text: string): string;
}

/** Reads the key from its file, or makes both. The file is for its owner alone. @throws Error if the file is no Ed25519 key. */
export function openAuditKey(path: string): AuditKey {
  return auditKeyOf(readKey(path) ?? makeKey(path));
}

export function auditKeyOf(privateKey: KeyObject): AuditKey {
  if (privateKey.asymmetricKeyType !== "ed25519") throw new Error("The key of the audit trail is no Ed25519 key.");
  const { x } = createPublicKey(privateKey).export({ format: "jwk" });
  return { publicKey: x!, sign: (text) => sign(null, Buffer.from(text), privateKey).toString("base64url") };
}

function readKey(path: string): KeyObject | undefined {
  try {
    return createPrivateKey(readFileSync(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** If two processes make it at the same time, one of them does, and both read it. */
function makeKey(path: string): KeyObject {
  const { privateKey } = generateKeyPairSync("ed25519");
  try {
    writeFileSync(path, privateKey.export({ format: "pem", type: "pkcs8" }), { mode: 0o600, flag: "wx" });
    return privateKey;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    return createPrivateKey(readFileSync(path));
  }
}

/** Whether a checkpoint was signed with the key that it names. */
export function isSigned(checkpoint: Checkpoint): boolean {
  return isSignature(checkpointText(checkpoint), checkpoint);
}

export function isSignature(text: string, { publicKey, signature }: Pick<Checkpoint, "publicKey" | "signature">): boolean {
  try {
    const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: publicKey }, format: "jwk" });
    return verify(null, Buffer.from(text), key, Buffer.from(signature, "base64url"));
  } catch {
    // No key, or no signature.
    return false;
  }
}
