import { GatewayError } from "../core/index.ts";
import type { Envelope } from "../protocols/index.ts";
import type { Attempt } from "../upstream/index.ts";
import type { ResponseOwner } from "./deps.ts";
import type { ModelCall } from "./model-call.ts";

/** The envelope of a call that names a stored response in its path: the model that made it. */
export async function readStoredResponse(call: ModelCall): Promise<Envelope> {
  const owner = await ownedResponse(call, call.route.param);
  // Node hands the route a stream only when it is asked for in the query (`stream=true` on retrieval).
  const stream = call.route.route.operation === "get-response" && /(?:^|&)stream=true(?:&|$)/.test(call.route.query);
  return { model: owner.model, stream, spans: {}, insertAt: 0, empty: true };
}

/** Keeps only the attempts at the provider, and the key, that made the response which this request continues or names. */
export function pinToStoredResponse(call: ModelCall, attempts: readonly Attempt[]): readonly Attempt[] | Promise<readonly Attempt[]> {
  const { operation } = call.route.route;
  const byPath = operation.endsWith("-response") || operation === "list-input-items";
  const id = byPath ? call.route.param : call.envelope!.previousResponseId;
  return id === undefined ? attempts : pin(call, attempts, id, byPath ? "id" : "previous_response_id");
}

async function pin(call: ModelCall, attempts: readonly Attempt[], id: string, param: string): Promise<readonly Attempt[]> {
  const owner = await ownedResponse(call, id);
  const pinned = attempts.filter((attempt) => attempt.provider.name === owner.provider);
  if (pinned.length === 0) {
    throw new GatewayError(
      "invalid_request",
      `The response "${id}" was made by the provider "${owner.provider}", which no longer serves "${call.model}". Send the conversation whole, without previous_response_id.`,
      { param },
    );
  }
  call.pinnedKey = owner.providerKey;
  return pinned;
}

async function ownedResponse(call: ModelCall, id: string): Promise<ResponseOwner> {
  const owner = await call.deps.responses.find(id);
  if (owner === undefined || owner.userId !== call.principal.userId) {
    throw new GatewayError("response_not_found", `No response "${id.slice(0, 100)}" of yours is known here.`, { param: "id" });
  }
  return owner;
}
