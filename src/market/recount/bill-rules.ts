import { costOfReceipt } from "../documents/cost.ts";
import type { DocumentBody, Price } from "../documents/kinds.ts";
import type { StatedUsage } from "./answer-usage.ts";

/** What is known of an answer that a receipt bills. */
export interface BilledAnswer {
  readonly price: Price;
  /** Of the order. */
  readonly max: bigint;
  /** What the answer itself says that it used; `undefined` if it does not. */
  readonly usage: StatedUsage | undefined;
  /** Tokens that its text is estimated at; `undefined`: it could not be read. */
  readonly estimate: number | undefined;
  /** Plain bytes of the answer. */
  readonly bytes: number;
  /** Bytes of the request's body; `undefined`: not known. */
  readonly requestBytes: number | undefined;
}

/** A token is at least a byte of text; the rest is what templates and calls of tools add, which is not in the text: 16 frames of 4 tokens. */
const frameTokens = 64;
/** Instructions and tools that a server adds to a prompt. */
const inputSlack = 1000;
/** An estimate is at most 40 % off for the texts that it was measured with. */
const mostOver = 1.5;

/** What is wrong with the sum of a receipt; `undefined`: nothing. It must be that of its usage, and at most that of the order. */
export function sumProblem(body: DocumentBody<"receipt/1">, { price, max }: Pick<BilledAnswer, "price" | "max">): string | undefined {
  const { usage, status } = body;
  const cost = BigInt(body.cost);
  if (cost > max) return "it costs more than was agreed";
  if (usage.cache_read > usage.input || usage.reasoning > usage.output) return "its usage contradicts itself";
  if (status === "failed" || status === "interrupted") return cost === 0n ? undefined : "its cost is not that of its usage";
  const reckoned = costOfReceipt(price, usage);
  return cost === (reckoned > max ? max : reckoned) ? undefined : "its cost is not that of its usage";
}

/** What is wrong with the usage that a receipt bills, by the answer; `undefined`: nothing. */
export function usageProblem({ usage, cost }: DocumentBody<"receipt/1">, answer: BilledAnswer): string | undefined {
  const { bytes, estimate, price, usage: stated, max } = answer;
  if (stated !== undefined && BigInt(cost) > costOfStated(price, stated, max)) return "it bills more than the answer says that it used";
  if (billsMoreInput(usage, answer)) return "it bills more input than the request has";
  const shown = usage.output - usage.reasoning;
  if (shown > bytes + frameTokens) return "it bills more output than arrived";
  const most = estimate === undefined ? Infinity : estimate * mostOver + frameTokens;
  return shown > most ? "it counts far more output than the text has" : undefined;
}

/** Whether it bills more input than the bytes of the request may have. */
export function billsMoreInput({ input }: { readonly input: number }, { requestBytes }: Pick<BilledAnswer, "requestBytes">): boolean {
  return requestBytes !== undefined && input > Math.ceil(requestBytes / 3) + frameTokens + inputSlack;
}

function costOfStated(price: Price, usage: StatedUsage, max: bigint): bigint {
  const cost = costOfReceipt(price, { input: usage.input, cache_read: usage.cacheRead, output: usage.output, reasoning: 0 });
  return cost > max ? max : cost;
}
