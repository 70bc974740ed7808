import type { ChatRequest } from "../../ir/index.ts";
import type { ModelCall } from "../model-call.ts";

/** The id of a response that the gateway itself keeps, without `resp_`. It is no upstream's, as theirs may come twice. */
export function ownResponseId(call: ModelCall): string {
  return call.exchange.requestId.slice("req_".length);
}

/** For a client's context: Responses that come from another protocol have an id of the gateway's own. */
export function answerIdOf(call: ModelCall): { readonly answerId?: string } {
  return call.request.protocol.storesAnswers ? { answerId: ownResponseId(call) } : {};
}

/** The request as the client sent it, for an answer that repeats parts of it: the body may have been rewritten since. */
export function asRequested(call: ModelCall, request: ChatRequest): ChatRequest {
  const { continued } = call;
  if (continued?.previousId === undefined) return request;
  const { id } = call.request.protocol;
  const own = { ...request.extensions?.[id], previous_response_id: continued.previousId };
  return { ...request, extensions: { ...request.extensions, [id]: own } };
}
