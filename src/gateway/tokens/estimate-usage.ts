import { noBytes, utf8OfLatin1, type Bytes } from "../../core/index.ts";
import { estimateAnswer, estimatePassed, type Usage } from "../../ir/index.ts";
import type { StreamTap } from "../../protocols/index.ts";
import type { Attempt } from "../../upstream/index.ts";
import type { AttemptEntry } from "../attempt-entry.ts";
import type { UsedTokens } from "../delivery.ts";
import type { ModelCall } from "../model-call.ts";

/** Tokens of the request's prompt, as budgets and entries without a report count them: corrected by what was learned of the attempt's model. */
export function estimateInput(call: ModelCall, { provider, upstreamModel }: Attempt): number {
  return call.deps.bodyCalibration.correct(provider.name, upstreamModel, call.request.promptEstimate);
}

/** Tokens of `textBytes` bytes of text that have passed on to the client; `sample`: the beginning of it, as it is written in JSON. */
export function estimateOutput(call: ModelCall, { provider, upstreamModel }: Attempt, textBytes: number, sample = noBytes): number {
  return call.deps.calibration.correct(provider.name, upstreamModel, estimatePassed(textBytes, sample));
}

/**
 * Output tokens that a provider has probably generated for an answer of one piece that is cancelled before it comes: the part of an usual answer of the target that fits
 * into the time since its request was sent. 0 of a stream, whose output would have been seen, and where nothing was measured.
 */
export function estimateUnseen(call: ModelCall, { attempt, dispatchedMs }: AttemptEntry): number {
  const measures = attempt?.states[0]?.measures;
  const [usual, usualMs] = [measures?.outputTokens.value, measures?.totalMs.value];
  if (call.request.envelope.stream || usual === undefined || usualMs === undefined) return 0;
  const spentMs = call.deps.clock.monotonic() - dispatchedMs;
  return Math.round(usual * Math.min(1, usualMs > 0 ? spentMs / usualMs : 1));
}

/** What the ledger is to have of a stream so far. `isWhole`: it has come to its end. */
export function usedByStream(
  call: ModelCall,
  attempt: Attempt,
  { facts, textBytes: answerBytes, textSample }: Pick<StreamTap, "facts" | "textBytes" | "textSample">,
  isWhole: boolean,
): UsedTokens {
  const { usage } = facts;
  if (isWhole && usage?.input !== undefined && usage.output !== undefined) return { facts, answerBytes };
  const estimate: Usage = { input: estimateInput(call, attempt), output: estimateOutput(call, attempt, answerBytes, textSample) };
  // Before its end a stream reports the prompt's tokens alone, or a first few of the output: the rest of what went out is estimated.
  const isPartial = !isWhole && usage !== undefined && (usage.output ?? 0) < estimate.output! / 2;
  if (!isPartial) return { facts, estimate, answerBytes };
  const { usage: _partial, ...others } = facts;
  return { facts: others, estimate: { ...estimate, ...usage, output: estimate.output! } };
}

/** The usage of a whole answer (latin1) that reports none. Vectors are no tokens. */
export function estimateWhole(call: ModelCall, attempt: Attempt, whole: Bytes): Usage {
  const input = estimateInput(call, attempt);
  if (!call.request.traits.hasOutput) return { input, output: 0 };
  try {
    const answer = call.deps.protocols.get(attempt.protocol)!.upstream.parseResponse(utf8OfLatin1(whole));
    return { input, output: call.deps.calibration.correct(attempt.provider.name, attempt.upstreamModel, estimateAnswer(answer)) };
  } catch {
    // The client judges an answer that cannot be read; its bytes were written all the same.
    return estimateLength(call, attempt, whole);
  }
}

/** The usage of a whole answer that cannot be read. */
export function estimateLength(call: ModelCall, attempt: Attempt, whole: string): Usage {
  const output = call.request.traits.hasOutput ? estimateOutput(call, attempt, whole.length) : 0;
  return { input: estimateInput(call, attempt), output };
}
