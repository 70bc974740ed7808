import { GatewayError, latin1OfEvents, latin1OfUtf8 } from "../../core/index.ts";
import { storedResponses } from "../../protocols/index.ts";
import type { ChainTurn, StoredResponse } from "../../store/index.ts";
import { eventStreamType, streamHead } from "../headers/answer-head.ts";
import { answerJson } from "../answers/answer-json.ts";
import { finishAnswer } from "../answers/finish-answer.ts";
import type { ModelCall } from "../model-call.ts";
import { conversationBounds } from "../responses/continue.ts";

/** A process that runs a response in the background says so at least every 15 s (see `createBackgroundJobs`); one that is silent for this time has died. */
const silentMs = 60_000;

/** Answers a call on a response that the gateway keeps. @throws GatewayError. */
export async function serveStored(call: ModelCall): Promise<void> {
  const { id } = call.stored!;
  switch (call.request.operation) {
    case "get-response":
      await get(call, id);
      return;
    case "delete-response":
      await call.deps.responses.forget(id);
      call.deps.background.cancel(id);
      await answer(call, storedResponses.renderDeleted(id));
      return;
    case "cancel-response":
      await answer(call, (await cancel(call, await current(call, id))).response);
      return;
    case "list-input-items":
      await answer(call, await listInput(call, id));
      return;
    default:
      throw new GatewayError("not_served", "A stored response has no such operation.");
  }
}

async function get(call: ModelCall, id: string): Promise<void> {
  const params = new URLSearchParams(call.request.route.query);
  const after = params.get("starting_after");
  const stored = await current(call, id);
  if (!call.request.envelope.stream) {
    if (after !== null) throw new GatewayError("invalid_request", "starting_after needs stream=true.", { param: "starting_after" });
    await answer(call, stored.response);
    return;
  }
  if (after !== null && !/^\d{1,9}$/.test(after)) {
    throw new GatewayError("invalid_request", 'Invalid value for "starting_after": expected the number of an event.', {
      param: "starting_after",
    });
  }
  if (stored.status === "in_progress" || stored.status === "cancelled") {
    throw new GatewayError(
      "invalid_request",
      `The response "${id}" is ${stored.status}, and only one that has ended with an answer is streamed here. Retrieve it without stream.`,
      { param: "stream" },
    );
  }
  const events = latin1OfEvents(storedResponses.replayStored(stored.response, after === null ? -1 : Number(after)));
  await finishAnswer(call, {
    facts: {},
    record() {
      call.served(200);
      return undefined;
    },
    keep: () => undefined,
    write() {
      call.exchange.streamHead(200, streamHead(call, eventStreamType));
      call.exchange.finish(events);
    },
    lose(error) {
      throw error;
    },
  });
}

/** The response as it is now. If the process that made it has died, it has failed. */
async function current(call: ModelCall, id: string): Promise<StoredResponse> {
  const { responses, clock } = call.deps;
  const stored = await read(call, id);
  if (stored.status !== "in_progress" || clock.now() - stored.touchedMs < silentMs) return stored;
  const error = new GatewayError("internal_error", "The gateway's process that made this response has ended. Send the request again.");
  await responses.conclude(id, "failed", storedResponses.asFailed(stored.response, error));
  return await read(call, id);
}

async function read(call: ModelCall, id: string): Promise<StoredResponse> {
  const stored = await call.deps.responses.read(id);
  if (stored === undefined) throw new GatewayError("response_not_found", `The response "${id}" has been deleted.`, { param: "id" });
  return stored;
}

/** A second call, or one after the end, answers how the response ended. */
async function cancel(call: ModelCall, stored: StoredResponse): Promise<StoredResponse> {
  if (!stored.background) {
    throw new GatewayError(
      "invalid_request",
      "Only a response in the background can be cancelled: this one was made with background: false.",
      {
        param: "id",
      },
    );
  }
  await call.deps.responses.conclude(stored.id, "cancelled", storedResponses.asCancelled(stored.response));
  call.deps.background.cancel(stored.id);
  return await read(call, stored.id);
}

async function listInput(call: ModelCall, id: string): Promise<string> {
  const chain = await call.deps.responses.chain(id, call.request.principal.userId, conversationBounds);
  if ("problem" in chain) {
    throw chain.problem === "missing"
      ? new GatewayError("response_not_found", `The response "${chain.id}", which this conversation goes back to, is no longer kept.`, {
          param: "id",
        })
      : new GatewayError("invalid_request", "The conversation is too long to be listed.", { param: "id" });
  }
  const turns = await shownTurns(call, chain.turns);
  return storedResponses.renderInputItems(storedResponses.contextItems(turns), call.request.route.query);
}

/** The client has its own texts in place of placeholders, and what the rules on answers let through. */
async function shownTurns({ firewall }: ModelCall, turns: readonly ChainTurn[]): Promise<readonly ChainTurn[]> {
  if (firewall === undefined) return turns;
  const responses = await firewall.showKept(turns);
  return turns.map((turn, at) => ({ ...turn, input: firewall.restoreKept(turn.input, turn.placeholders), response: responses[at]! }));
}

async function answer(call: ModelCall, body: string): Promise<void> {
  await answerJson(call, undefined, { body: latin1OfUtf8(body), facts: {} });
}
