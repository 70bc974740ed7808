import { GatewayError } from "../../core/index.ts";
import type { Attempt } from "../../upstream/index.ts";
import { answerJson } from "../answers/answer-json.ts";
import { finishAnswer } from "../answers/finish-answer.ts";
import { streamHead } from "../headers/answer-head.ts";
import type { ReadAnswer } from "../lane.ts";
import type { ModelCall } from "../model-call.ts";
import type { CachedAnswer } from "../response-cache/answer-store.ts";
import { readOtherForm } from "./verbatim-lane.ts";

/**
 * Answers from the response cache. `false`: there is no answer that the request may have. A promise only if the answer, or its record, must be waited for.
 * @param attempts all that the request may be served by: an answer of another provider or model is not for it.
 */
export function serveCached(call: ModelCall, attempts: readonly Attempt[]): Promise<boolean> | boolean {
  const { cacheUse, deps } = call;
  if (cacheUse?.isRead !== true) return false;
  const found = deps.responseCache.get(cacheUse.key, deps.clock.now());
  return found instanceof Promise ? found.then((answer) => serveFound(call, attempts, answer)) : serveFound(call, attempts, found);
}

function serveFound(call: ModelCall, attempts: readonly Attempt[], found: CachedAnswer | undefined): Promise<boolean> | boolean {
  const { cacheUse, deps } = call;
  const attempt = attempts.find(
    ({ provider, upstreamModel }) => provider.name === found?.provider && upstreamModel === found.upstreamModel,
  );
  const answer = found === undefined || attempt === undefined ? undefined : formedAnswer(call, attempt, found);
  if (cacheUse === undefined || found === undefined || attempt === undefined || answer === undefined) return false;
  deps.responseCache.hits += 1;
  cacheUse.ageMs = Math.max(0, deps.clock.now() - found.storedMs);
  const entry = call.openCached(attempt, { savedNanoUsd: found.costNanoUsd });
  const facts = { model: found.modelServed };
  if (!call.request.envelope.stream) return answerJson(call, entry, { body: answer.body, facts })?.then(() => true) ?? true;
  call.answer.firstContentMs = deps.clock.monotonic();
  const ended = finishAnswer(call, {
    facts,
    record: () => entry.settle({ status: "ok", httpStatus: 200, facts }),
    keep: () => undefined,
    write() {
      call.exchange.streamHead(200, streamHead(call, answer.contentType ?? found.contentType));
      call.exchange.finish(answer.body);
    },
    lose(error) {
      throw error;
    },
  });
  return ended?.then(() => true) ?? true;
}

/** The answer in the form that the client asked for; `undefined`: it cannot be made. */
function formedAnswer(call: ModelCall, attempt: Attempt, found: CachedAnswer): Pick<ReadAnswer, "body" | "contentType"> | undefined {
  const { stream, jsonArray = false, includeUsage = false } = call.request.envelope;
  const form = jsonArray ? "array" : "events";
  if (found.form === (stream ? form : "json") && (!stream || found.includesUsage === includeUsage)) return found;
  // One stream is not made into another.
  if (stream && found.form !== "json") return undefined;
  if (!stream && found.form !== "events") return undefined;
  try {
    return readOtherForm(call, attempt, found.body);
  } catch (error) {
    if (error instanceof GatewayError) return undefined;
    throw error;
  }
}
