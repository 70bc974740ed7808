import { GatewayError } from "../../core/index.ts";
import { storedResponses } from "../../protocols/index.ts";
import type { Attempt } from "../../upstream/index.ts";
import type { ModelCall } from "../model-call.ts";
import { parseBody } from "../bodies/parse-body.ts";
import { jsonHead } from "../headers/answer-head.ts";
import { DetachedExchange } from "./detached-exchange.ts";
import { ownInput } from "./store-answer.ts";
import { asRequested, ownResponseId } from "./own-response.ts";

/** Whether the gateway itself has to make this response in the background. A provider that keeps responses does it by itself. */
export function runsHere(call: ModelCall, attempts: readonly Attempt[]): boolean {
  const isAsked = call.request.protocol.storesAnswers && call.request.traits.hasOutput && call.request.envelope.background === true;
  return isAsked && attempts[0]?.lane !== "verbatim";
}

/**
 * Answers `queued` and makes the response without its client, who polls it or cancels it. Upstream it is a stream, as those may take long.
 * @param send tries the attempts, in order, and reports how that ended.
 * @throws GatewayError where the request is wrong or no more are taken.
 */
export async function startBackground(
  call: ModelCall,
  attempts: readonly Attempt[],
  send: (call: ModelCall, attempts: readonly Attempt[]) => Promise<void>,
): Promise<void> {
  const { deps, exchange: client } = call;
  const envelope = call.request.envelope;
  if (envelope.store === false) throw invalid("store", "A response in the background must be stored: leave store out, or set it to true.");
  if (envelope.stream) {
    throw invalid(
      "stream",
      `A response of "${call.request.model}" in the background cannot be streamed: leave stream out, and retrieve it by its id.`,
    );
  }
  deps.background.checkRoom();
  const request = asRequested(call, call.request.protocol.parseRequest(parseBody(call), call.request.route));
  const id = `resp_${ownResponseId(call)}`;
  const state = { id, createdAt: Math.floor(deps.clock.now() / 1000), model: call.request.model };
  const pending = storedResponses.renderPending(request, { ...state, status: "in_progress" });
  const input = ownInput(call);
  if (input.length > call.current.maxStoredBytes)
    throw invalid("input", "The input is larger than gateway.responses.max_size, and so cannot be kept.");
  await deps.responses.hold(
    {
      id,
      userId: call.request.principal.userId,
      provider: attempts[0]?.provider.name ?? "",
      providerKey: "",
      model: call.request.model,
      ...call.firewall?.keptWith(id),
    },
    { status: "in_progress", background: true, previousId: call.continued?.previousId, input, response: pending },
  );
  const headers = jsonHead(call, "application/json");
  const exchange = new DetachedExchange(client);
  const run = call.inBackground({ exchange, pending });
  deps.background.start({ id, pending, exchange, work: () => send(run, attempts) });
  client.json(200, headers, storedResponses.renderPending(request, { ...state, status: "queued" }));
}

function invalid(param: string, message: string): GatewayError {
  return new GatewayError("invalid_request", message, { param });
}
