import type { DocumentBody } from "../documents/kinds.ts";
import type { StatedUsage } from "../recount/answer-usage.ts";
import { sumProblem, usageProblem, type BilledAnswer } from "../recount/bill-rules.ts";
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
  const isFree = body.status === "failed" || body.status === "interrupted";
  const bill = billOf(expected);
  const wrongSum = sumProblem(body, bill);
  if (wrongSum !== undefined) throw new ReceiptError(wrongSum);
  if (received.answer !== undefined) {
    refuse(body.answer !== received.answer, "it is for another answer");
    refuse(!isFree && (received.status ?? 0) >= 400, "it bills an error");
    refuse(cost !== 0n && received.answer === "", "it bills an answer of which nothing arrived");
  }
  if (cost === 0n) return;
  refuse(body.status === "done" && received.answer === undefined, "it bills an answer that did not arrive whole");
  const wrongUsage = usageProblem(body, bill);
  if (wrongUsage !== undefined) throw new ReceiptError(wrongUsage);
}

/** What is known of the answer. Of one that was cut, its text is not. */
function billOf({ lease, order, received }: Pick<Expected, "lease" | "order" | "received">): BilledAnswer {
  const { usage, estimate, bytes, requestBytes, answer } = received;
  return { price: lease.price, max: order.max, usage, estimate: answer === undefined ? undefined : estimate, bytes, requestBytes };
}
