import { replaceData, SseSplitter, type SseEvent, asBytes, type Bytes } from "../../core/index.ts";
import { formatUsd } from "../../ledger/index.ts";
import type { AnswerFacts, StreamTap, UpstreamError } from "../../protocols/index.ts";
import { isAnyForm, type Lane, type ReadAnswer } from "../lane.ts";
import type { ModelCall } from "../model-call.ts";

/** The same lane; where the client asked for the cost (`"usage":{"include":true}`), its answers have it in their usage. */
export function withCost(call: ModelCall, lane: Lane): Lane {
  if (call.request.envelope.includeCost !== true) return lane;
  const priced = ({ body, ...rest }: ReadAnswer): ReadAnswer => ({
    ...rest,
    body:
      rest.contentType?.startsWith("text/event-stream") === true
        ? costInEvents(call, body, rest.facts)
        : costInJson(call, body, rest.facts),
  });
  const readJson = (whole: Bytes): ReadAnswer => priced(lane.readJson(whole));
  if (!isAnyForm(lane)) return { ...lane, readJson };
  return {
    ...lane,
    readJson,
    readOtherForm: (whole) => priced(lane.readOtherForm(whole)),
    openStream(contentType) {
      const stream = lane.openStream(contentType);
      return { ...stream, tap: new PricingPipe(call, stream.tap) };
    },
  };
}

/** A JSON answer (latin1) with its cost, where the client asked for it. */
export function costInJson(call: ModelCall, json: Bytes, facts: AnswerFacts): Bytes {
  if (call.request.envelope.includeCost !== true) return json;
  return call.request.protocol.addCost?.(json, costOf(call, facts)) ?? json;
}

/** Whole events (latin1) with the cost in those that tell usage, where the client asked for it. */
export function costInEvents(call: ModelCall, events: Bytes, facts: AnswerFacts): Bytes {
  if (call.request.envelope.includeCost !== true || !events.includes('"usage"')) return events;
  let out = "";
  for (const event of new SseSplitter().push(events)) {
    const data = costInJson(call, event.data, facts);
    out += data === event.data ? event.raw : replaceData(event, data);
  }
  return asBytes(out);
}

/** What the ledger will charge for this usage. */
function costOf(call: ModelCall, facts: AnswerFacts): string | null {
  const cost = call.entry?.reckon(facts);
  return cost === undefined ? null : formatUsd(cost);
}

/** A pipe that adds the cost to what it passes on. */
class PricingPipe implements StreamTap {
  readonly #call: ModelCall;
  readonly #tap: StreamTap;

  constructor(call: ModelCall, tap: StreamTap) {
    this.#call = call;
    this.#tap = tap;
  }

  get facts(): AnswerFacts {
    return this.#tap.facts;
  }

  get opened(): boolean {
    return this.#tap.opened;
  }

  get ended(): boolean {
    return this.#tap.ended;
  }

  get finished(): boolean {
    return this.#tap.finished;
  }

  get textBytes(): number {
    return this.#tap.textBytes;
  }

  get textSample(): Bytes {
    return this.#tap.textSample;
  }

  get error(): UpstreamError | undefined {
    return this.#tap.error;
  }

  push(event: SseEvent): Bytes {
    return costInEvents(this.#call, this.#tap.push(event), this.facts);
  }

  completion(): Bytes {
    return costInEvents(this.#call, this.#tap.completion(), this.facts);
  }
}
