import type { Protocol } from "../../protocols/index.ts";
import type { DocumentBody } from "../documents/kinds.ts";
import { AnswerUsage } from "./answer-usage.ts";
import { sumProblem, usageProblem } from "./bill-rules.ts";

/** An answer in clear, whose hash is the one that its receipt names. */
export interface ShownAnswer {
  readonly protocol: Protocol;
  readonly contentType: string;
  readonly answer: Buffer;
  /** Bytes of the request's body; `undefined`: the request was not shown. */
  readonly requestBytes: number | undefined;
}

export interface Found {
  readonly result: DocumentBody<"verdict/1">["result"];
  /** "" if the receipt is right. */
  readonly reason: string;
}

/**
 * Counts again what a receipt bills, by the answer that it names and by nothing else. An answer that does not say what it used, in the dialect that it is said to have,
 * proves nothing: its buyer may have named another dialect.
 */
export function recount(
  receipt: DocumentBody<"receipt/1">,
  { price, max }: { readonly price: DocumentBody<"lease/1">["price"]; readonly max: bigint },
  { protocol, contentType, answer, requestBytes }: ShownAnswer,
): Found {
  const wrongSum = sumProblem(receipt, { price, max });
  if (wrongSum !== undefined) return { result: "wrong", reason: wrongSum };
  // Whether the request has asked for hidden reasoning is not known here.
  const reader = new AnswerUsage(protocol, contentType, true);
  reader.add(answer);
  const usage = reader.read();
  if (usage === undefined) return { result: "undecided", reason: "the answer does not say what it used" };
  const problem = usageProblem(receipt, { price, max, usage, estimate: reader.estimate(), bytes: answer.length, requestBytes });
  return problem === undefined ? { result: "right", reason: "" } : { result: "wrong", reason: problem };
}
