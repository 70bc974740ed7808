import { asBytes } from "../../core/index.ts";
import type { Attempt } from "../../upstream/index.ts";
import { RecordedExchange, type Recording } from "../bodies/recorded-exchange.ts";
import type { ClientExchange } from "../exchange.ts";
import type { ModelCall } from "../model-call.ts";
import type { CachedAnswer } from "./answer-store.ts";
import { isSearching } from "./searching.ts";

/** An exchange that remembers the answer that goes over it, so that it can be kept. */
export class KeptExchange {
  readonly exchange: RecordedExchange;
  #recording: Recording | undefined;

  /** @param maxBytes a longer answer is not kept. */
  constructor(exchange: ClientExchange, maxBytes: number) {
    this.exchange = new RecordedExchange(exchange, maxBytes, (recording) => {
      this.#recording = recording;
    });
  }

  /** The answer that went out; `undefined` if there is none, or not all of it is known. */
  answer(): string | undefined {
    this.exchange.end(1);
    return this.#recording?.isCut === false ? this.#recording.answer : undefined;
  }
}

/** In the dialects whose stop reason does not say that the model refuses. Quotes in a text are escaped, so no text is taken for it. */
const refusal = /"refusal"\s*:\s*"|"type"\s*:\s*"refusal"/;

/** Keeps the answer of a request that is over, if it is whole and good. */
export function keepCachedAnswer(call: ModelCall, kept: KeptExchange): void {
  const { cacheUse, entry, attempt, settlement, deps, current } = call;
  const settings = current.responseCache;
  if (cacheUse === undefined || settings === undefined || entry === undefined || attempt === undefined) return;
  const body = kept.answer();
  if (body === undefined || refusal.test(body) || !isGood(call, attempt) || settlement?.facts === undefined) return;
  const { request } = call;
  const form = formOf(call);
  const answer: CachedAnswer = {
    form,
    contentType: form === "events" ? "text/event-stream; charset=utf-8" : "application/json",
    body: asBytes(body),
    includesUsage: request.envelope.includeUsage === true,
    provider: attempt.provider.name,
    upstreamModel: attempt.upstreamModel,
    modelServed: entry.modelServed,
    costNanoUsd: entry.costNanoUsd,
    storedMs: deps.clock.now(),
  };
  deps.responseCache.put(cacheUse.key, answer, settings);
}

function formOf({ request: { envelope } }: ModelCall): CachedAnswer["form"] {
  if (!envelope.stream) return "json";
  return envelope.jsonArray === true ? "array" : "events";
}

/** Answered to its end, not refused or filtered, not made of what the provider found elsewhere, and not shortened by a budget. */
function isGood({ settlement, entry, reservation, exchange }: ModelCall, { lane }: Attempt): boolean {
  if (settlement?.status !== "ok" || settlement.httpStatus !== 200 || entry?.isFromCache === true || exchange.closed) return false;
  const { facts } = settlement;
  if (lane === "builtin" || reservation?.outputLimit !== undefined) return false;
  return facts?.broken === undefined && facts?.isBlocked !== true && entry?.isRefused !== true && !isSearching(facts?.usage?.units);
}
