import { GatewayError, latin1OfEvents, latin1OfUtf8 } from "../../core/index.ts";
import type { ChatResponse, EmbeddingRequest } from "../../ir/index.ts";
import { storedResponses, type AnswerFacts, type ClientContext } from "../../protocols/index.ts";
import { answerLoopback, countRequestTokens, countTokens, embedLoopback, streamLoopback, type Attempt } from "../../upstream/index.ts";
import { eventStreamType, streamHead } from "../headers/answer-head.ts";
import { sendStreamHead } from "../answers/early-head.ts";
import { answerJson } from "../answers/answer-json.ts";
import type { AttemptEntry } from "../attempt-entry.ts";
import { costInEvents, costInJson } from "./cost-lane.ts";
import { finishAnswer } from "../answers/finish-answer.ts";
import type { ModelCall } from "../model-call.ts";
import { parseBody } from "../bodies/parse-body.ts";
import { storeWholeAnswer } from "../responses/store-answer.ts";
import { asRequested } from "../responses/own-response.ts";

const maxDimensions = 4096;

/** Answers from the built-in model, in every dialect. A promise only if something must be waited for. */
export function answerBuiltin(call: ModelCall, attempt: Attempt): Promise<void> | undefined {
  const { protocol, parts, route, model } = call.request;
  const wire = parts.length === 0 ? {} : parseBody(call);
  switch (call.request.traits.translation) {
    case "answer":
      return generate(call, attempt, wire);
    case "count": {
      const request = protocol.parseRequest(wire, route);
      return answerJson(call, call.open(attempt), {
        body: latin1OfUtf8(protocol.renderTokenCount(countRequestTokens(request))),
        facts: {},
      });
    }
    case "embeddings":
      return embed(call, attempt, wire);
    case "none":
      throw new GatewayError("not_served", `The built-in model "${model}" has no such operation.`);
  }
}

function generate(call: ModelCall, attempt: Attempt, wire: unknown): Promise<void> | undefined {
  const { protocol, route, envelope } = call.request;
  const request = protocol.parseRequest(wire, route);
  const entry = call.open(attempt);
  const response = answerLoopback(request, { id: call.exchange.requestId.slice(4), createdAt: Math.floor(call.deps.clock.now() / 1000) });
  const client: ClientContext = {
    model: envelope.model,
    includeUsage: envelope.includeUsage ?? false,
    jsonArray: envelope.jsonArray ?? false,
    request: asRequested(call, request),
  };
  if (envelope.stream) return stream(call, entry, response, client);
  const facts = factsOf(response);
  const body = costInJson(call, latin1OfUtf8(protocol.renderResponse(response, client)), facts);
  return answerJson(call, entry, {
    body,
    facts,
    keep: () => storeWholeAnswer(call, attempt.provider.name, () => storedResponses.readEnded(body)),
  });
}

/** Without a model: the entry names the built-in one, whatever name the client asked for. */
function factsOf({ usage, id }: ChatResponse): AnswerFacts {
  return { usage, id };
}

async function stream(call: ModelCall, entry: AttemptEntry, response: ChatResponse, client: ClientContext): Promise<void> {
  const { exchange } = call;
  const facts = factsOf(response);
  const encoder = call.request.protocol.createStreamEncoder(client);
  sendStreamHead(call, 200, streamHead(call, client.jsonArray ? "application/json" : eventStreamType));
  call.answer.firstContentMs = call.deps.clock.monotonic();
  let last = "";
  for (const event of streamLoopback(response)) {
    if (exchange.closed) {
      await entry.settle({ status: "cancelled", httpStatus: 499, facts, errorCode: "client_closed_request" });
      return;
    }
    const piece = encoder.push(event);
    if (event.type === "message-delta" || event.type === "message-end") last += piece;
    else if (piece !== "" && !exchange.chunk(latin1OfEvents(piece))) await drained(exchange);
  }
  const terminal = costInEvents(call, latin1OfEvents(last), facts);
  await finishAnswer(call, {
    facts,
    record: () => entry.settle({ status: "ok", httpStatus: 200, facts }),
    keep: () => storeWholeAnswer(call, entry.attempt?.provider.name ?? "", () => storedResponses.readEndedStream(terminal)),
    write() {
      exchange.finish(terminal);
    },
    lose(error) {
      throw error;
    },
  });
}

function drained(exchange: ModelCall["exchange"]): Promise<void> {
  return new Promise((resolve) => {
    exchange.onDrain(resolve);
    exchange.onLeave(resolve);
  });
}

function embed(call: ModelCall, attempt: Attempt, wire: unknown): Promise<void> | undefined {
  const request: EmbeddingRequest | undefined = call.request.protocol.parseEmbedding?.(wire, call.request.route);
  if (request === undefined || call.request.protocol.renderEmbedding === undefined) {
    throw new GatewayError("not_served", `The dialect ${call.request.protocol.id} has no embeddings.`);
  }
  const { dimensions } = request;
  if (dimensions !== undefined && !(Number.isInteger(dimensions) && dimensions >= 1 && dimensions <= maxDimensions)) {
    throw new GatewayError("invalid_request", `The built-in model makes vectors of 1 to ${maxDimensions} dimensions.`, {
      param: "dimensions",
    });
  }
  const entry = call.open(attempt);
  const inputTokens = request.inputs.reduce((sum, text) => sum + countTokens(text), 0);
  const vectors = request.inputs.map((text) => embedLoopback(text, dimensions));
  const body = call.request.protocol.renderEmbedding({ model: call.request.model, vectors, inputTokens }, request);
  return answerJson(call, entry, {
    body: latin1OfUtf8(body),
    facts: { usage: { input: inputTokens, output: 0 } },
  });
}
