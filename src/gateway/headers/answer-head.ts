import { forwardAnswerHeaders } from "./answer-headers.ts";
import type { ModelCall } from "../model-call.ts";
import { addCostHeader, addOwnHeaders } from "./own-headers.ts";

export const eventStreamType = "text/event-stream; charset=utf-8";

/** The headers of a whole answer. @param upstream the upstream's, of which the client gets some; omitted: the answer is the gateway's own. */
export function jsonHead(call: ModelCall, contentType: string, upstream?: readonly string[]): string[] {
  const headers = ["content-type", contentType];
  if (upstream !== undefined) forwardAnswerHeaders(call, upstream, headers);
  addOwnHeaders(call, headers);
  addCostHeader(call, headers);
  return headers;
}

/** The headers of a stream that begins before anything is known of its answer: who answers is in the log and in the ledger. */
export function earlyStreamHead({ request }: ModelCall): string[] {
  return ["content-type", request.envelope.jsonArray === true ? "application/json" : eventStreamType, ...streamHeaders];
}

const streamHeaders = ["cache-control", "no-cache", "x-accel-buffering", "no"] as const;

/** The headers of a stream: its cost is not known yet. */
export function streamHead(call: ModelCall, contentType: string, upstream?: readonly string[]): string[] {
  const headers = ["content-type", contentType];
  if (upstream !== undefined) forwardAnswerHeaders(call, upstream, headers);
  headers.push(...streamHeaders);
  addOwnHeaders(call, headers);
  return headers;
}
