import { randomBytes } from "node:crypto";
import { createFrameSplitter, encodeFrame, FrameError, frameTypes, maxPlainBytes, type Frame } from "./frames.ts";
import { createLeaseSecret, openLeaseSecret, SealError, type LeaseSecret } from "./sealing.ts";
import type { SealingKey } from "./market-keys.ts";

/**
 * A call of a node's interface that the relay which forwards it can neither read nor change. The request is OPEN (clear: `kid`, `enc`) and REQUEST_END (sealed); the answer
 * is OPEN (clear: a salt), HEAD, DATA and LAST (sealed). There is no lease: `call` is in its place.
 */
export interface CallRequest {
  readonly method: "GET" | "POST";
  /** Without the prefix, with its query. */
  readonly path: string;
  /** Of a GET. */
  readonly authorization?: string;
  /** The body of a POST; "" for a GET. */
  readonly text: string;
}

export interface CallAnswer {
  readonly status: number;
  readonly text: string;
}

const label = "call";
const saltSize = 32;

/** The caller's side. */
export interface SealedCall {
  readonly bytes: Buffer;
  /** @throws SealError, FrameError, SyntaxError if it is not the whole answer to this call. */
  open(answer: Buffer): CallAnswer;
}

/** Seals a call to a node's key. */
export function sealCall(request: CallRequest, { kid, x25519 }: { readonly kid: string; readonly x25519: string }): SealedCall {
  const secret = createLeaseSecret(label, kid, x25519);
  const { text, ...head } = request;
  const plain = Buffer.from(`${JSON.stringify(head)}\n${text}`);
  const open = JSON.stringify({ kid, enc: secret.enc.toString("base64url") });
  const sealed = secret.sealer(1, "request").seal(frameTypes.requestEnd, plain);
  return {
    bytes: Buffer.concat([encodeFrame(frameTypes.open, Buffer.from(open)), encodeFrame(frameTypes.requestEnd, sealed)]),
    open: (answer) => openAnswer(secret, answer),
  };
}

function openAnswer(secret: LeaseSecret, answer: Buffer): CallAnswer {
  const splitter = createFrameSplitter();
  const [first, head, ...rest] = splitter.push(answer);
  if (first?.type !== frameTypes.open || first.payload.length !== saltSize || head?.type !== frameTypes.head || !splitter.isComplete)
    throw new FrameError("The answer to a sealed call begins with its salt and its head.");
  const opener = secret.opener(1, "answer", first.payload);
  const { status } = JSON.parse(opener.open(head.type, head.payload).toString("utf8")) as { readonly status?: unknown };
  const parts = rest.map(({ type, payload }) => opener.open(type, payload));
  const isWhole = rest.every(({ type }, index) => type === (index === rest.length - 1 ? frameTypes.last : frameTypes.data));
  if (!isWhole || rest.length === 0 || typeof status !== "number") throw new FrameError("The answer to a sealed call is not whole.");
  return { status, text: Buffer.concat(parts).toString("utf8") };
}

/** A call as its node has opened it. */
export interface OpenedCall {
  readonly request: CallRequest;
  seal(answer: CallAnswer): Buffer;
}

/** The node's side. @throws SealError, FrameError, SyntaxError */
export function openCall(bytes: Buffer, keys: readonly SealingKey[]): OpenedCall {
  const splitter = createFrameSplitter();
  const [first, last, ...more] = splitter.push(bytes);
  if (first?.type !== frameTypes.open || last?.type !== frameTypes.requestEnd || more.length > 0 || !splitter.isComplete)
    throw new FrameError("A sealed call has two frames.");
  const { kid, enc } = JSON.parse(first.payload.toString("utf8")) as Record<string, unknown>;
  const key = keys.find((known) => known.kid === kid);
  if (key === undefined || typeof enc !== "string") throw new SealError();
  const secret = openLeaseSecret(label, key.kid, Buffer.from(enc, "base64url"), key.key);
  return { request: requestOf(secret, last), seal: (answer) => sealAnswer(secret, answer) };
}

function requestOf(secret: LeaseSecret, { type, payload }: Frame): CallRequest {
  const plain = secret.opener(1, "request").open(type, payload).toString("utf8");
  const end = plain.indexOf("\n");
  const { method, path, authorization } = JSON.parse(plain.slice(0, end)) as Record<string, unknown>;
  if ((method !== "GET" && method !== "POST") || typeof path !== "string") throw new FrameError("A sealed call has a method and a path.");
  return { method, path, text: plain.slice(end + 1), ...(typeof authorization === "string" ? { authorization } : {}) };
}

/** Who forwards the call may send it twice. The second answer may differ, so each has a salt, and so a key, of its own. */
function sealAnswer(secret: LeaseSecret, { status, text }: CallAnswer): Buffer {
  const salt = randomBytes(saltSize);
  const sealer = secret.sealer(1, "answer", salt);
  const frames = [encodeFrame(frameTypes.open, salt)];
  const add = (type: number, plain: Buffer): void => {
    frames.push(encodeFrame(type as Frame["type"], sealer.seal(type, plain)));
  };
  add(frameTypes.head, Buffer.from(JSON.stringify({ status })));
  const plain = Buffer.from(text);
  let at = 0;
  for (; plain.length - at > maxPlainBytes; at += maxPlainBytes) add(frameTypes.data, plain.subarray(at, at + maxPlainBytes));
  add(frameTypes.last, plain.subarray(at));
  return Buffer.concat(frames);
}
