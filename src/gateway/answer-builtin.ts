import { GatewayError, latin1OfEvents, latin1OfUtf8 } from "../core/index.ts";
import type { ChatResponse, EmbeddingRequest } from "../ir/index.ts";
import { storedResponses, type ClientContext } from "../protocols/index.ts";
import { answerLoopback, countRequestTokens, countTokens, embedLoopback, streamLoopback, type Attempt } from "../upstream/index.ts";
import { allDone } from "./all-done.ts";
import { costInEvents, costInJson } from "./cost-lane.ts";
import type { ModelCall, Settlement } from "./model-call.ts";
import { costHeader, ownHeaders } from "./own-headers.ts";
import { parseBody } from "./parse-body.ts";
import { holdAnswer } from "./responses/hold.ts";
import { asAsked } from "./responses/own-response.ts";

const maxDimensions = 4096;

/** Answers from the built-in model, in every dialect. A promise only where something must be waited for. */
export function answerBuiltin(call: ModelCall, attempt: Attempt): Promise<void> | undefined {
  const wire = call.parts.length === 0 ? {} : parseBody(call);
  switch (call.route.route.operation) {
    case "generate":
      return generate(call, attempt, wire);
    case "count-tokens": {
      const request = call.protocol.parseRequest(wire, call.route);
      call.open(attempt);
      return answerJson(call, call.protocol.renderTokenCount(countRequestTokens(request)), { status: "ok", httpStatus: 200 });
    }
    case "embed":
    case "batch-embed":
      return embed(call, attempt, wire);
    default:
      throw new GatewayError("not_served", `The built-in model "${call.model}" has no such operation.`);
  }
}

function generate(call: ModelCall, attempt: Attempt, wire: unknown): Promise<void> | undefined {
  const request = call.protocol.parseRequest(wire, call.route);
  call.open(attempt);
  const response = answerLoopback(request, { id: call.exchange.requestId.slice(4), createdAt: Math.floor(call.deps.clock.now() / 1000) });
  const envelope = call.envelope!;
  const client: ClientContext = {
    model: envelope.model,
    includeUsage: envelope.includeUsage ?? false,
    jsonArray: envelope.jsonArray ?? false,
    request: asAsked(call, request),
  };
  const settlement: Settlement = {
    status: "ok",
    httpStatus: 200,
    facts: { usage: response.usage, model: response.model, id: response.id },
  };
  if (envelope.stream) return stream(call, attempt, response, client, settlement);
  const body = costInJson(call, call.protocol.renderResponse(response, client), settlement.facts!);
  return answerJson(
    call,
    body,
    settlement,
    holdAnswer(call, attempt.provider.name, () => storedResponses.readEnded(latin1OfUtf8(body))),
  );
}

async function stream(
  call: ModelCall,
  attempt: Attempt,
  response: ChatResponse,
  client: ClientContext,
  settlement: Settlement,
): Promise<void> {
  const { exchange } = call;
  const encoder = call.protocol.createStreamEncoder(client);
  const headers = [
    "content-type",
    client.jsonArray ? "application/json" : "text/event-stream; charset=utf-8",
    "cache-control",
    "no-cache",
    "x-accel-buffering",
    "no",
  ];
  ownHeaders(call, headers);
  exchange.streamHead(200, headers);
  call.firstContentMs = call.deps.clock.monotonic();
  let last = "";
  for (const event of streamLoopback(response)) {
    if (exchange.closed) {
      await call.settle({ ...settlement, status: "cancelled", httpStatus: 499, errorCode: "client_closed_request" });
      return;
    }
    const piece = encoder.push(event);
    if (event.type === "message-delta" || event.type === "message-end") last += piece;
    else if (piece !== "" && !exchange.chunk(latin1OfEvents(piece))) await drained(exchange);
  }
  const terminal = costInEvents(call, latin1OfEvents(last), settlement.facts!);
  await allDone(
    call.settle(settlement),
    holdAnswer(call, attempt.provider.name, () => storedResponses.readEndedStream(terminal)),
  );
  exchange.finish(terminal);
}

function drained(exchange: ModelCall["exchange"]): Promise<void> {
  return new Promise((resolve) => {
    exchange.onDrain(resolve);
    exchange.onLeave(resolve);
  });
}

function embed(call: ModelCall, attempt: Attempt, wire: unknown): Promise<void> | undefined {
  const request: EmbeddingRequest | undefined = call.protocol.parseEmbedding?.(wire, call.route);
  if (request === undefined || call.protocol.renderEmbedding === undefined) {
    throw new GatewayError("not_served", `The dialect ${call.protocol.id} has no embeddings.`);
  }
  const { dimensions } = request;
  if (dimensions !== undefined && !(Number.isInteger(dimensions) && dimensions >= 1 && dimensions <= maxDimensions)) {
    throw new GatewayError("invalid_request", `The built-in model makes vectors of 1 to ${maxDimensions} dimensions.`, {
      param: "dimensions",
    });
  }
  call.open(attempt);
  const inputTokens = request.inputs.reduce((sum, text) => sum + countTokens(text), 0);
  const vectors = request.inputs.map((text) => embedLoopback(text, dimensions));
  const body = call.protocol.renderEmbedding({ model: call.model, vectors, inputTokens }, request);
  return answerJson(call, body, { status: "ok", httpStatus: 200, facts: { usage: { input: inputTokens, output: 0 }, model: call.model } });
}

/** An answer of the gateway's own: recorded, then sent. A promise only where the record must be waited for. */
export function answerJson(call: ModelCall, body: string, settlement: Settlement, kept?: Promise<void>): Promise<void> | undefined {
  call.firstContentMs = call.deps.clock.monotonic();
  const recorded = allDone(call.settle(settlement), kept);
  if (recorded === undefined) {
    sendJson(call, body);
    return undefined;
  }
  return recorded.then(() => {
    sendJson(call, body);
  });
}

function sendJson(call: ModelCall, body: string): void {
  const headers = ["content-type", "application/json"];
  ownHeaders(call, headers);
  costHeader(call, headers);
  call.exchange.json(200, headers, body);
}
