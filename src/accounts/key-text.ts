import { hash } from "node:crypto";

const keyBytes = 32;
const shownLength = 8;
/** `tok_` and 32 bytes in base64url (RFC 4648, section 5) without padding. */
const keyPattern = /^tok_[A-Za-z0-9_-]{43}$/;

/** `tok_` + 256 random bits, 47 characters. */
export function makeKeyText(random: (size: number) => Uint8Array): string {
  const bytes = random(keyBytes);
  if (bytes.length !== keyBytes) throw new RangeError(`The random source returned ${bytes.length} bytes instead of ${keyBytes}.`);
  return `tok_${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64url")}`;
}

/** Whether a text has the form of a gateway key. Any other text is refused without hashing it or reading the database. */
export function isKeyText(text: string): boolean {
  return text.length === 47 && keyPattern.test(text);
}

/** Keys that were taken over from LiteLLM: `sk-` and any text of printable ASCII, as its users may choose them. */
const importedPattern = /^sk-[\x21-\x7e]{1,253}$/;

/** Whether a text has the form of a key that was imported. It is looked up by its hash as our own keys are. */
export function isImportedKeyText(text: string): boolean {
  return text.startsWith("sk-") && importedPattern.test(text);
}

/** SHA-256, hex. A key is 256 random bits, so a slow or salted hash would add nothing. */
export function hashKey(key: string): string {
  return hash("sha256", key);
}

/** The first characters, by which a key can be recognised: `tok_ab12`. They are 24 of its 256 bits. */
export function shownPrefix(key: string): string {
  return key.slice(0, shownLength);
}

/** The prefix of a key, as lists show it, with or without `…`, or the `sk-…AbCd` of an imported one; `undefined`: the text is not a prefix. */
export function readPrefix(text: string): string | undefined {
  const imported = /^sk-(?:…|\.{3})([A-Za-z0-9_-]{4})$/.exec(text)?.[1];
  if (imported !== undefined) return `sk-…${imported}`;
  return /^(tok_[A-Za-z0-9_-]{4})(?:…|\.{3})?$/.exec(text)?.[1];
}
