import { createHash } from "node:crypto";
import { isSignedBy, type NodeKey } from "../identity/node-key.ts";
import { canonicalText, parseCanonical } from "./canonical.ts";
import { DocumentError } from "./document-error.ts";
import { documentKinds, type DocumentBody, type DocumentType } from "./kinds.ts";

/** A signed document, as it travels: `{"type":"offer/1","body":{…},"sig":"…"}`. */
export interface MarketDocument<T extends DocumentType = DocumentType> {
  readonly type: T;
  readonly body: DocumentBody<T>;
  /** Ed25519 over `documentBytes`, 86 characters of base64url. */
  readonly sig: string;
}

/** The most bytes of a document's text. */
export const maxDocumentBytes = 8192;
/** How far a document's `at` may be from the receiver's clock when it is first seen. */
export const maxClockSkewMs = 120_000;

/** The bytes that are signed and hashed: a line for the market, one for the type, and the body's canonical text. */
export function documentBytes(type: DocumentType, body: unknown): Buffer {
  return Buffer.from(`tokligence-market\n${type}\n${canonicalText(body)}`, "utf8");
}

/** `sha256:` and 64 hexadecimal digits. The signature is not part of it. */
export function documentHash(type: DocumentType, body: unknown): string {
  return hashOfBytes(documentBytes(type, body));
}

export function hashOfBytes(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/**
 * Checks a body and signs it.
 * @throws DocumentError if a field is wrong or the document is too large, so that no node signs what others refuse.
 */
export function signDocument<T extends DocumentType>(key: NodeKey, type: T, body: DocumentBody<T>): MarketDocument<T> {
  const checked = checkBody(type, body);
  const document = { type, body: checked, sig: key.sign(documentBytes(type, checked)).toString("base64url") };
  if (Buffer.byteLength(documentText(document)) > maxDocumentBytes) throw tooLarge();
  return document;
}

/** The text of a document, as it is sent and stored. */
export function documentText(document: MarketDocument): string {
  return JSON.stringify(document);
}

/**
 * Reads a document that another node sent, up to its signature, which `verifyDocument` checks: a receiver first decides by the body whether it
 * knows the node at all.
 * @throws DocumentError
 */
export function readDocument<T extends DocumentType>(type: T, text: string): MarketDocument<T> {
  if (text.length > maxDocumentBytes || Buffer.byteLength(text) > maxDocumentBytes) throw tooLarge();
  return documentOf(type, parseCanonical(text));
}

/** The same for a document inside another JSON text, which `parseCanonical` has read. @throws DocumentError */
export function documentOf<T extends DocumentType>(type: T, value: unknown): MarketDocument<T> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new DocumentError("bad_field", "A document must be an object.");
  const { type: named, body, sig, ...rest } = value as Readonly<Record<string, unknown>>;
  if (named !== type) throw new DocumentError("unknown_type", `A document of type ${type} is expected here.`);
  const extra = Object.keys(rest)[0];
  if (extra !== undefined)
    throw new DocumentError("bad_field", `A document has type, body and sig, not ${JSON.stringify(extra.slice(0, 64))}.`);
  if (typeof sig !== "string" || !/^[A-Za-z0-9_-]{85}[AQgw]$/.test(sig)) {
    throw new DocumentError("bad_signature", "sig must be 86 characters of base64url.");
  }
  return { type, body: checkBody(type, body), sig };
}

function checkBody<T extends DocumentType>(type: T, body: unknown): DocumentBody<T> {
  return documentKinds[type](body, type) as DocumentBody<T>;
}

/**
 * Checks that `signer` signed the document.
 * @returns the document's hash.
 * @throws DocumentError `bad_signature`
 */
export function verifyDocument({ type, body, sig }: MarketDocument, signer: string): string {
  const bytes = documentBytes(type, body);
  if (!isSignedBy(signer, bytes, Buffer.from(sig, "base64url"))) {
    throw new DocumentError("bad_signature", `The signature of the ${type} is not by ${signer}.`);
  }
  return hashOfBytes(bytes);
}

/** @throws DocumentError `bad_time` if a document that is seen for the first time was not made now. */
export function checkTime(at: number, nowMs: number): void {
  if (Math.abs(at - nowMs) > maxClockSkewMs) {
    throw new DocumentError("bad_time", `The document's time differs from this node's clock by more than ${maxClockSkewMs / 1000} s.`);
  }
}

function tooLarge(): DocumentError {
  return new DocumentError("too_large", `A document has at most ${maxDocumentBytes} bytes.`);
}
