import { protocols } from "../../protocols/index.ts";
import {
  amount,
  boolean,
  integer,
  list,
  object,
  oneOf,
  optional,
  pattern,
  signedAmount,
  sortedSet,
  text,
  type Field,
  type FieldValue,
} from "./fields.ts";

const maxTime = 253_402_300_799_999;

/** `tn1_` and the node's Ed25519 public key in base64url. */
export const nodeId = pattern(/^tn1_[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/, "tn1_ and 43 characters of base64url");
/** Milliseconds since 1970. */
export const time = integer(0, maxTime);
const count = integer(0, 1_000_000_000);
export const hash = pattern(/^sha256:[0-9a-f]{64}$/, "sha256: and 64 hexadecimal digits");
const hashOrNothing = pattern(/^(?:sha256:[0-9a-f]{64})?$/, "sha256: and 64 hexadecimal digits, or empty");
export const leaseId = pattern(/^lse_[0-9a-f]{32}$/, "lse_ and 32 hexadecimal digits");
const modelName = text(1, 128);
const unit = oneOf("credit");
/** The dialects in which a request may travel: those whose servers store no answers. */
export const marketDialects = [...protocols.values()].filter(({ storesAnswers }) => !storesAnswers).map(({ id }) => id);
const maxRate = 10n ** 15n - 1n;

/** Nano-credits per million tokens, which is femto-credits per token. */
const price = object({ input: amount(0n, maxRate), output: amount(0n, maxRate), cache_read: amount(0n, maxRate) });

const webAddress: Field<string> = (value, at) => {
  const checked = text(1, 256)(value, at);
  const form = pattern(/^https?:\/\/[^/?#@\s]+$/, "an http or https URL without a path");
  return form(checked, at);
};

/** Who a node is, how to seal to it and where to reach it. A higher `seq` replaces a lower one. */
const node = object({
  node: nodeId,
  name: text(1, 64),
  seq: count,
  at: time,
  seal: list(
    object({
      kid: pattern(/^[a-z0-9]{1,16}$/, "1 to 16 small letters and digits"),
      x25519: pattern(/^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/, "43 characters of base64url"),
      until: time,
    }),
    1,
    3,
  ),
  reach: object({ direct: optional(webAddress), relay: optional(webAddress) }),
});

/** What a seller sells, at which price, until when. Signed anew every 30 seconds, so an offer that is valid is from a seller that is alive. */
const offer = object({
  offer: pattern(/^ofr_[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/, "ofr_ and a UUID of version 7"),
  seq: count,
  seller: nodeId,
  at: time,
  until: time,
  model: modelName,
  weights: text(0, 200),
  quantization: text(0, 32),
  context: count,
  max_output: count,
  dialects: sortedSet(oneOf(...marketDialects), marketDialects.length),
  features: sortedSet(oneOf("json_schema", "logprobs", "reasoning", "tools", "vision"), 5),
  unit,
  price,
  free: integer(0, 1000),
  limits: object({ hold: amount(1n), ttl_s: integer(60, 900), unacked: integer(1, 16) }),
  policy: object({ retention: oneOf("none", "logs", "unknown"), training: boolean, region: text(0, 16) }),
  source: oneOf("self-hosted", "organisation", "contract"),
  licence: text(0, 64),
  audience: (value, at): readonly string[] =>
    Array.isArray(value) && value.length === 1 && value[0] === "*" ? ["*"] : sortedSet(nodeId, 64)(value, at),
});

/** A buyer asks a clearing to reserve `hold` for its requests to one offer. Its hash names the lease, so a repeat finds the same lease. */
const leaseRequest = object({
  buyer: nodeId,
  clearing: nodeId,
  seller: nodeId,
  offer: hash,
  hold: amount(1n),
  ttl_s: integer(60, 900),
  nonce: pattern(/^[A-Za-z0-9_-]{21}[AQgw]$/, "22 characters of base64url"),
  at: time,
});

/** The clearing's promise to the seller that up to `hold` is reserved for it. */
const lease = object({
  lease: leaseId,
  clearing: nodeId,
  buyer: nodeId,
  seller: nodeId,
  offer: hash,
  model: modelName,
  unit,
  price,
  hold: amount(1n),
  fee_ppm: integer(0, 200_000),
  unacked: integer(1, 16),
  opened_at: time,
  serve_until: time,
  settle_by: time,
});

/** One request of a lease, and the acknowledgement of the last receipt. `ceiling` is the most that the buyer has agreed to pay so far. */
const order = object({
  lease: leaseId,
  n: integer(1, 1_000_000_000),
  session: hash,
  request: hashOrNothing,
  max: amount(0n),
  ceiling: amount(0n),
  max_output: count,
  deadline: time,
  ack: object({ seq: count, cum: amount(0n), receipt: hashOrNothing }),
  close: boolean,
});

/** What one request cost. `previous` chains the receipts of a lease, `cum` is their sum. */
const receipt = object({
  lease: leaseId,
  seq: integer(1, 1_000_000_000),
  n: count,
  previous: hashOrNothing,
  request: hashOrNothing,
  answer: hashOrNothing,
  usage: object({ input: count, cache_read: count, output: count, reasoning: count }),
  usage_source: oneOf("engine", "estimate"),
  cost: amount(0n),
  cum: amount(0n),
  status: oneOf("done", "cancelled", "interrupted", "failed"),
  finish: text(0, 32),
  model: modelName,
  ttft_ms: count,
  duration_ms: count,
  at: time,
  final: boolean,
});

/** An account at a clearing, as of its entry `seq`. `head` is the hash of all entries up to it. */
const statement = object({
  clearing: nodeId,
  owner: nodeId,
  unit,
  seq: count,
  balance: signedAmount,
  held: amount(0n),
  limit: amount(0n),
  head: hash,
  at: time,
});

/** A buyer shows the exchange an answer, and the request if that is what it disputes: `answer` and `request` are the hashes of their plain bytes. */
const opening = object({
  lease: leaseId,
  n: integer(1, 1_000_000_000),
  receipt: hash,
  request: hashOrNothing,
  answer: hash,
  dialect: oneOf(...marketDialects),
  content_type: text(1, 200),
  at: time,
});

/** What the exchange has found: whether the receipt bills what the answer says. `opening` is the hash of the document that it was shown. */
const verdict = object({
  clearing: nodeId,
  lease: leaseId,
  seq: integer(1, 1_000_000_000),
  receipt: hash,
  opening: hash,
  result: oneOf("right", "wrong", "undecided"),
  reason: text(0, 200),
  cost: amount(0n),
  at: time,
});

/** The documents of the market by type, each with the check of its body. */
export const documentKinds = {
  "node/1": node,
  "offer/1": offer,
  "lease-request/1": leaseRequest,
  "lease/1": lease,
  "order/1": order,
  "receipt/1": receipt,
  "statement/1": statement,
  "opening/1": opening,
  "verdict/1": verdict,
} as const;

export type DocumentType = keyof typeof documentKinds;
/** The body of a document of this type. Amounts are decimal strings of nano-credits, times are milliseconds since 1970. */
export type DocumentBody<T extends DocumentType> = FieldValue<(typeof documentKinds)[T]>;
export type Price = FieldValue<typeof price>;
export type ReceiptUsage = DocumentBody<"receipt/1">["usage"];
