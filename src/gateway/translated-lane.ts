import { GatewayError, latin1OfUtf8, parseLatin1, SseSplitter, utf8OfLatin1, type SseEvent } from "../core/index.ts";
import { mergeUsage, type StreamEvent } from "../ir/index.ts";
import type { AnswerFacts, ClientContext, Loss, StreamDecoder, StreamEncoder, StreamTap, UpstreamError } from "../protocols/index.ts";
import type { Attempt } from "../upstream/index.ts";
import { findHeader } from "./headers.ts";
import type { Lane } from "./lane.ts";
import type { ModelCall } from "./model-call.ts";

/**
 * Another protocol: the request is parsed into the neutral form and rendered for the upstream; its answer goes the other way. What the upstream's wire
 * has no place for is reported, or refuses the request (`gateway.on_loss`).
 * @throws GatewayError `invalid_request` where the request is not one of the client's dialect, or loses what must not be lost.
 */
export function createTranslatedLane(call: ModelCall, attempt: Attempt): Lane {
  const { provider, upstreamModel } = attempt;
  const envelope = call.envelope!;
  const outer = call.deps.protocols.get(attempt.protocol)!;
  const upstream = call.deps.upstreamProtocols.get(attempt.protocol)!;
  const request = call.protocol.parseRequest(parseLatin1(call.text), call.route);
  const { stream } = envelope;
  const rendered = upstream.renderRequest(request, { model: upstreamModel, stream, provider: provider.name, quirks: provider.quirks });
  reportLosses(call, rendered.losses);
  const target = outer.upstreamPath(
    { route: { method: "POST", path: "", operation: "generate", stream }, param: upstreamModel, query: "" },
    upstreamModel,
  );
  const client: ClientContext = {
    model: envelope.model,
    includeUsage: envelope.includeUsage ?? false,
    jsonArray: envelope.jsonArray ?? false,
    request,
  };
  return {
    request: {
      method: target.method,
      path: stream && upstream.streamQuery !== undefined ? `${target.path}?${upstream.streamQuery}` : target.path,
      headers: translatedHeaders(call, outer.requiredHeaders, stream),
      body: [Buffer.from(rendered.value, "utf8")],
    },
    translated: true,
    readJson(whole) {
      const parsed = upstream.parseResponse(utf8OfLatin1(whole), rendered.toolNames);
      // Some wires tell no time; their answers are from now.
      const response = parsed.createdAt === 0 ? { ...parsed, createdAt: nowSeconds(call) } : parsed;
      const facts: AnswerFacts = { usage: response.usage, model: response.model, id: response.id };
      if (response.rawStopReason !== undefined) facts.stopReason = response.rawStopReason;
      return { facts, body: latin1OfUtf8(call.protocol.renderResponse(response, client)) };
    },
    openStream: () => {
      const decoder = upstream.createStreamDecoder(rendered.toolNames);
      const tap = new TranslatingTap(decoder, call.protocol.createStreamEncoder(client), nowSeconds(call));
      return {
        splitter: new SseSplitter(),
        tap,
        jsonArray: client.jsonArray,
        contentType: client.jsonArray ? "application/json" : "text/event-stream; charset=utf-8",
        // The elements of an array are no events, and nothing of them is repeated in an error.
        ...(client.jsonArray ? {} : { told: () => tap.told(call.protocol.createTap({ hideUsage: false })) }),
      };
    },
  };
}

function nowSeconds(call: ModelCall): number {
  return Math.floor(call.deps.clock.now() / 1000);
}

/** The client's own protocol headers mean nothing to another vendor. */
function translatedHeaders(call: ModelCall, required: readonly (readonly [string, string])[], stream: boolean): string[] {
  const headers = ["content-type", "application/json", "accept", stream ? "text/event-stream" : "application/json"];
  for (const name of ["user-agent", "traceparent", "tracestate", "idempotency-key"]) {
    const value = findHeader(call.exchange.rawHeaders, name);
    if (value !== undefined) headers.push(name, value);
  }
  for (const [name, value] of required) headers.push(name, value);
  return headers;
}

/** @throws GatewayError `invalid_request` where losses refuse the request. */
function reportLosses(call: ModelCall, losses: readonly Loss[]): void {
  const dropped = losses.filter((loss) => loss.action === "dropped");
  if (dropped.length === 0) return;
  if (call.current.onLoss === "refuse") {
    const what = dropped.map((loss) => `${loss.param} (${loss.reason})`).join("; ");
    throw new GatewayError("invalid_request", `The model "${call.model}" has no place for ${what}, and gateway.on_loss is refuse.`, {
      param: dropped[0]!.param,
    });
  }
  call.droppedParams = [...new Set(dropped.map((loss) => loss.param))];
}

/** Reads the upstream's stream and writes the client's: decoder and encoder, with what a tap knows between them. */
class TranslatingTap implements StreamTap {
  readonly facts: AnswerFacts = {};
  opened = false;
  ended = false;
  finished = false;
  error: UpstreamError | undefined;
  readonly #decoder: StreamDecoder;
  readonly #encoder: StreamEncoder;
  readonly #createdAt: number;
  /** The first and the last of what was written, latin1. */
  #first = "";
  #last = "";

  constructor(decoder: StreamDecoder, encoder: StreamEncoder, createdAt: number) {
    this.#decoder = decoder;
    this.#encoder = encoder;
    this.#createdAt = createdAt;
  }

  push(event: SseEvent): string {
    return this.#encode(this.#decoder.push(event));
  }

  completion(): string {
    return this.#encode(this.#decoder.end());
  }

  /** What the client was told: its dialect's ids and numbers are the encoder's own. `reader` is a tap of that dialect. */
  told(reader: StreamTap): AnswerFacts {
    for (const event of new SseSplitter().push(this.#first + this.#last)) reader.push(event);
    const { usage } = this.facts;
    return { ...reader.facts, ...(usage === undefined ? {} : { usage }) };
  }

  #encode(events: readonly StreamEvent[]): string {
    let text = "";
    for (const event of events) {
      if (this.ended) break;
      this.#learn(event);
      // The error is told by the one who ends the stream.
      if (event.type === "error") break;
      const dated = event.type === "message-start" && event.createdAt === 0 ? { ...event, createdAt: this.#createdAt } : event;
      text += this.#encoder.push(dated);
    }
    const written = latin1OfUtf8(text);
    if (written !== "") {
      if (this.#first === "") this.#first = written;
      else this.#last = written;
    }
    return written;
  }

  #learn(event: StreamEvent): void {
    const { facts } = this;
    switch (event.type) {
      case "message-start":
        facts.id = event.id;
        facts.model = event.model;
        if (event.usage !== undefined) facts.usage = mergeUsage(facts.usage, event.usage);
        return;
      case "block-start":
        if (event.block.type === "tool-call" || event.block.type === "opaque") this.opened = true;
        return;
      case "block-delta":
        this.opened = true;
        return;
      case "message-delta":
        if (event.usage !== undefined) facts.usage = mergeUsage(facts.usage, event.usage);
        if (event.rawStopReason !== undefined) facts.stopReason = event.rawStopReason;
        if (event.stopReason !== undefined) {
          this.finished = true;
          this.opened = true;
        }
        return;
      case "message-end":
        this.ended = true;
        this.finished = true;
        this.opened = true;
        return;
      case "error":
        this.error = event.error;
        return;
      case "block-end":
      case "ping":
    }
  }
}
