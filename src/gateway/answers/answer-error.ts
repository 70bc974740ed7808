import type { ErrorCode, GatewayError } from "../../core/index.ts";
import { endEarlyStream, shownStatus } from "./early-head.ts";
import type { ModelCall } from "../model-call.ts";
import { addOwnHeaders } from "../headers/own-headers.ts";
import { releaseBudget } from "../admission/reserve-budget.ts";
import { settleLimits } from "../admission/take-limits.ts";

/** Sending the same request again would end alike. */
const finalCodes: ReadonlySet<ErrorCode> = new Set([
  "translation_unavailable",
  "budget_exceeded",
  "upstream_credentials_rejected",
  "upstream_quota_exhausted",
]);

/** Answers with an error in the client's dialect, in the stream if only its head has gone out, and settles what is open. */
export async function answerError(call: ModelCall, error: GatewayError): Promise<void> {
  const { exchange, request } = call;
  const rendered = request.protocol.renderError(error, exchange.requestId);
  const httpStatus = shownStatus(call, rendered.status);
  const settlement = { status: "error", httpStatus, errorCode: error.code, errorMessage: error.message } as const;
  if (exchange.closed) {
    await call.settleError({ ...settlement, status: "cancelled", httpStatus: 499 });
    return;
  }
  await call.settleError(settlement);
  // Before the client can ask again.
  settleLimits(call);
  await releaseBudget(call);
  if (endEarlyStream(call, error)) return;
  const headers = ["content-type", "application/json"];
  addOwnHeaders(call, headers);
  if (error.retryAfterSeconds !== undefined) headers.push("retry-after", String(error.retryAfterSeconds));
  const isFinal = finalCodes.has(error.code) || (call.attempts > 1 && rendered.status !== 429);
  if (isFinal) headers.push("x-should-retry", "false");
  exchange.json(rendered.status, headers, rendered.body);
}
