import type { AnswerFacts } from "../../protocols/index.ts";
import type { Delivery } from "../delivery.ts";
import type { Settlement } from "../attempt-entry.ts";
import { isForeign } from "../lane.ts";
import { errorOfUpstream } from "../errors/upstream-errors.ts";

/**
 * How an answer that passed as it came is recorded: `ok`, or `failed` with the error that its end reports in the client's own dialect (`AnswerFacts.broken`).
 */
export function settlementOfEnd(
  delivery: Delivery,
  { broken }: AnswerFacts,
  failed: "error" | "interrupted",
): Omit<Settlement, "httpStatus"> {
  if (broken === undefined) return { status: "ok" };
  const error = delivery.clean(errorOfUpstream(broken, delivery.attempt.provider, { foreign: isForeign(delivery.lane) }));
  return { status: failed, errorCode: error.code, errorMessage: error.message, upstreamMessage: error.upstreamMessage };
}
