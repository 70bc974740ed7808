import { GatewayError } from "../../core/index.ts";
import { storedResponses, type AnswerFacts } from "../../protocols/index.ts";
import type { Delivery } from "../delivery.ts";
import { isForeign } from "../lane.ts";
import type { ModelCall } from "../model-call.ts";
import { rememberResponse } from "./stored-responses.ts";

/**
 * Stores a Responses answer, before the client learns that it is complete: if its provider stores it, whose it is; else all of it.
 * @param ended reads what goes to the client. Not called if nothing is stored.
 */
export function storeAnswer(
  delivery: Delivery,
  facts: AnswerFacts,
  ended: () => storedResponses.EndedResponse | undefined,
): Promise<void> | undefined {
  const { call, attempt, lane } = delivery;
  if (!call.request.protocol.storesAnswers) return undefined;
  return isForeign(lane) ? storeWholeAnswer(call, attempt.provider.name, ended) : rememberResponse(delivery, facts);
}

/** Stores an answer of a provider that stores none. What is too large is not stored, and the log says so. */
export function storeWholeAnswer(
  call: ModelCall,
  provider: string,
  ended: () => storedResponses.EndedResponse | undefined,
): Promise<void> | undefined {
  const { deps, exchange } = call;
  if (!call.request.protocol.storesAnswers || !call.request.traits.hasOutput || call.request.envelope.store === false) return undefined;
  const response = ended();
  if (response === undefined) return undefined;
  const input = ownInput(call);
  const sizeBytes = input.length + response.json.length;
  const limit = call.current.maxStoredBytes;
  const isTooLarge = sizeBytes > limit;
  if (isTooLarge) {
    const fields = { request_id: exchange.requestId, size_bytes: sizeBytes, limit_bytes: limit };
    deps.logger.warn(fields, "a response is larger than gateway.responses.max_size and is not kept");
  }
  if (call.background !== undefined) return conclude(call, call.background, response, isTooLarge);
  return isTooLarge ? undefined : hold(call, provider, input, response);
}

async function hold(call: ModelCall, provider: string, input: string, { id, status, json }: storedResponses.EndedResponse): Promise<void> {
  const isNew = await call.deps.responses.hold(
    { id, userId: call.request.principal.userId, provider, providerKey: "", model: call.request.model, ...call.firewall?.keptWith(id) },
    { status, background: false, previousId: call.continued?.previousId, input, response: json },
  );
  if (!isNew) throw new Error(`The response ${id} is kept already.`);
}

/** The one who asked has only its id: an answer that cannot be kept is one that failed. */
async function conclude(
  call: ModelCall,
  pending: string,
  { id, status, json }: storedResponses.EndedResponse,
  isTooLarge: boolean,
): Promise<void> {
  const tooLarge = new GatewayError("body_too_large", "The answer is larger than gateway.responses.max_size.");
  if (isTooLarge) await call.deps.responses.conclude(id, "failed", storedResponses.asFailed(pending, tooLarge));
  else await call.deps.responses.conclude(id, status, storedResponses.asAnswerTo(pending, json));
}

/** The input items of this request alone, JSON. */
export function ownInput(call: ModelCall): string {
  return call.continued?.input ?? storedResponses.readInputItems(call.request.text, call.request.envelope);
}
