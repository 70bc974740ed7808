import { GatewayError } from "../../core/index.ts";
import type { AnswerFacts, Envelope } from "../../protocols/index.ts";
import type { KnownResponse } from "../../store/index.ts";
import type { Attempt } from "../../upstream/index.ts";
import type { Delivery } from "../delivery.ts";
import type { ModelCall } from "../model-call.ts";

/** The envelope of a call that names a stored response in its path: the model that made it. */
export async function readStoredResponse(call: ModelCall): Promise<Envelope> {
  const stored = await ownedResponse(call, call.request.route.param, "id");
  call.stored = stored;
  call.firewall?.goOnFrom(stored.placeholders);
  // Node hands the route a stream only when it is asked for in the query (`stream=true` on retrieval).
  const stream = call.request.operation === "get-response" && /(?:^|&)stream=true(?:&|$)/.test(call.request.route.query);
  return { model: stored.model, stream, spans: {}, insertAt: 0, empty: true };
}

/** @throws GatewayError `response_not_found` if there is none of that id, or it is another user's. */
export async function ownedResponse(call: ModelCall, id: string, param: "id" | "previous_response_id"): Promise<KnownResponse> {
  const stored = await call.deps.responses.find(id);
  if (stored === undefined || stored.userId !== call.request.principal.userId) {
    throw new GatewayError("response_not_found", `No response "${id.slice(0, 100)}" of yours is known here.`, { param });
  }
  return stored;
}

/**
 * Keeps only the attempts at the provider, and the key, that keep the response which this request continues or names: one of the model's targets, or a fallback that
 * made it when they had failed.
 * @throws GatewayError `invalid_request` where the model is not served by that provider.
 */
export function pinTo(
  call: ModelCall,
  attempts: readonly Attempt[],
  stored: KnownResponse,
  param: "id" | "previous_response_id",
): readonly Attempt[] {
  const keeps = ({ provider, lane }: Attempt): boolean => provider.name === stored.provider && lane === "verbatim";
  const own = attempts.filter(keeps);
  const pinned = own.length > 0 ? own : fallbackAttempts(call).filter(keeps).slice(0, 1);
  if (pinned.length === 0) {
    throw new GatewayError(
      "invalid_request",
      `The response "${stored.id}" is kept by the provider "${stored.provider}", which does not serve "${call.request.model}". Send the conversation whole, without previous_response_id.`,
      { param },
    );
  }
  call.pinnedKey = stored.providerKey;
  return pinned;
}

function fallbackAttempts({ plan }: ModelCall): readonly Attempt[] {
  return Object.values(plan?.fallbacks ?? {}).flatMap((list) => list.flatMap((fallback) => fallback.attempts));
}

/**
 * Keeps which user and key a response at its provider belongs to, before the client learns its id; a deleted one is forgotten.
 * @param unbilled what it costs will be known later.
 */
export function rememberResponse(
  delivery: Delivery,
  facts: AnswerFacts,
  unbilled = isPending(delivery.call, facts) && facts.usage === undefined,
): Promise<void> | undefined {
  const { call, attempt, key } = delivery;
  if (call.request.operation === "delete-response") return call.deps.responses.forget(call.request.route.param);
  if (!call.request.traits.hasOutput || facts.id === undefined || call.request.envelope.store === false) return undefined;
  return call.deps.responses.record(
    {
      id: facts.id,
      userId: call.request.principal.userId,
      provider: attempt.provider.name,
      providerKey: key?.id ?? "",
      model: call.request.model,
      ...call.firewall?.keptWith(facts.id),
    },
    { unbilled },
  );
}

/** A background response that is queued or in progress has no answer yet whose length could tell what it costs. */
export function isPending(call: ModelCall, facts: AnswerFacts): boolean {
  return call.request.traits.hasOutput && call.request.envelope.background === true && facts.stopReason === undefined;
}

/**
 * Whether this look at a response that ran in the background at its provider is the first to see what it used, and so has to bill it. A promise only where
 * it may be.
 */
export function claimBilling(call: ModelCall, facts: AnswerFacts): Promise<boolean> | undefined {
  const isSeen = facts.stopReason !== undefined && facts.usage !== undefined;
  return call.stored?.unbilled === true && isSeen ? call.deps.responses.claimBill(call.stored.id) : undefined;
}
