import type { GatewayError } from "../core/index.ts";
import { letGoOfBudget } from "./hold-budget.ts";
import { ownHeaders } from "./own-headers.ts";
import type { ModelCall } from "./model-call.ts";

/** Answers with an error in the client's dialect, where the answer has not begun, and settles what is open. */
export async function answerError(call: ModelCall, error: GatewayError): Promise<void> {
  const { exchange, protocol } = call;
  const rendered = protocol.renderError(error, exchange.requestId);
  const settlement = { status: "error", httpStatus: rendered.status, errorCode: error.code, errorMessage: error.message } as const;
  if (exchange.closed) {
    await (call.settle({ ...settlement, status: "cancelled", httpStatus: 499 }) ?? call.settleRefused(499, error.code, error.message));
    return;
  }
  await (call.settle(settlement) ?? call.settleRefused(rendered.status, error.code, error.message));
  // Before the client can ask again.
  await letGoOfBudget(call);
  const headers = ["content-type", "application/json"];
  ownHeaders(call, headers);
  if (error.retryAfterSeconds !== undefined) headers.push("retry-after", String(error.retryAfterSeconds));
  const finalWord =
    error.code === "translation_unavailable" || error.code === "budget_exceeded" || (call.attempts > 1 && rendered.status !== 429);
  if (finalWord) headers.push("x-should-retry", "false");
  exchange.json(rendered.status, headers, rendered.body);
}
