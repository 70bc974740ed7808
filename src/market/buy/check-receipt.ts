import { costOfReceipt } from "../documents/cost.ts";
import type { DocumentBody, Price } from "../documents/kinds.ts";
import type { StatedUsage } from "./answer-usage.ts";
import type { SentOrder } from "./sent-order.ts";

/** What the buyer has received of an answer. */
export interface Received {
  /** `sha256:…` of the plain bytes, or "" if there were none; `undefined`: the answer was cut, so its hash is not known. */
  readonly answer: string | undefined;
  /** What the answer itself says that it used; `undefined` if it does not, or was cut. */
  readonly usage?: StatedUsage | undefined;
  /** Tokens that the text of the answer is estimated at; `undefined`: it could not be read. */
  readonly estimate?: number | undefined;
  /** Plain bytes of the answer. */
  readonly bytes: number;
  /** The status in the answer's head; `undefined`: none arrived. */
  readonly status: number | undefined;
  /** Bytes of the request's body. */
  readonly requestBytes: number;
}

export interface Expected {
  readonly lease: DocumentBody<"lease/1">;
  readonly seq: number;
  readonly cum: bigint;
  readonly previous: string;
  readonly order: SentOrder;
  readonly received: Received;
}

/** A receipt does not say what happened. It is not acknowledged, and its seller is avoided for a day. */
export class ReceiptError extends Error {
  constructor(message: string) {
    super(`The seller's receipt is wrong: ${message}.`);
    this.name = "ReceiptError";
  }
}

/** A token is at least a byte of text; the rest is what templates and calls of tools add, which is not in the text: 16 frames of 4 tokens. */
const frameTokens = 64;

/** @throws ReceiptError */
export function checkReceipt(body: DocumentBody<"receipt/1">, expected: Expected): void {
  const { lease, order, received } = expected;
  const refuse = (isWrong: boolean, what: string): void => {
    if (isWrong) throw new ReceiptError(what);
  };
  const { n, request } = order.document.body;
  refuse(body.lease !== lease.lease || body.n !== n || body.request !== request || body.final, "it is for another request");
  refuse(body.seq !== expected.seq || body.previous !== expected.previous, "it does not follow the one before");
  const cost = BigInt(body.cost);
  refuse(BigInt(body.cum) !== expected.cum + cost, "its sum is wrong");
  refuse(cost > order.max, "it costs more than was agreed");
  refuse(body.usage.cache_read > body.usage.input || body.usage.reasoning > body.usage.output, "its usage contradicts itself");
  const isFree = body.status === "failed" || body.status === "interrupted";
  const reckoned = costOfReceipt(lease.price, body.usage);
  refuse(isFree ? cost !== 0n : cost !== (reckoned > order.max ? order.max : reckoned), "its cost is not that of its usage");
  if (received.answer !== undefined) {
    refuse(body.answer !== received.answer, "it is for another answer");
    refuse(!isFree && (received.status ?? 0) >= 400, "it bills an error");
    refuse(cost !== 0n && received.answer === "", "it bills an answer of which nothing arrived");
  }
  if (cost === 0n) return;
  refuse(cost > costOfStated(lease.price, received.usage, order.max), "it bills more than the answer says that it used");
  refuse(body.status === "done" && received.answer === undefined, "it bills an answer that did not arrive whole");
  refuse(body.usage.input > Math.ceil(received.requestBytes / 3) + frameTokens + 1000, "it bills more input than the request has");
  refuse(body.usage.output - body.usage.reasoning > received.bytes + frameTokens, "it bills more output than arrived");
  const { output, reasoning } = body.usage;
  const most = received.estimate === undefined ? Infinity : received.estimate * mostOver + frameTokens;
  refuse(received.answer !== undefined && output - reasoning > most, "it counts far more output than the text has");
}

/** An estimate is at most 40 % off for the texts that it was measured with. */
const mostOver = 1.5;

function costOfStated(price: Price, usage: StatedUsage | undefined, max: bigint): bigint {
  if (usage === undefined) return max;
  return costOfReceipt(price, { input: usage.input, cache_read: usage.cacheRead, output: usage.output, reasoning: 0 });
}
