import { GatewayError, messageOf, latin1OfUtf8 } from "../../core/index.ts";
import { estimateRequest, type ChatRequest } from "../../ir/index.ts";
import { refuseStoredState } from "../../protocols/index.ts";
import type { Attempt, Target } from "../../upstream/index.ts";
import { answerJson } from "../answers/answer-json.ts";
import { withCost } from "./cost-lane.ts";
import type { FailedAttempt } from "../delivery.ts";
import type { ModelCall } from "../model-call.ts";
import { parseBody } from "../bodies/parse-body.ts";
import { sendUpstream } from "../answers/send-upstream.ts";
import { createTranslatedCountLane } from "./translated-count-lane.ts";
import { fitForeign } from "./translated-lane.ts";
import { createVerbatimLane } from "./verbatim-lane.ts";

/** Statuses of a counter that is not there, or not for this model. */
const noCounter: ReadonlySet<number> = new Set([404, 405, 501]);

/**
 * Counts the tokens of a request: the provider's own counter is asked, in its own protocol, where it has one; else, and where the counter fails, the
 * gateway estimates, and `x-tokligence-estimated` says so. A count costs nothing; every attempt leaves an entry without usage.
 * @returns what the provider's counter says where the request, or the gateway's key, is wrong; `undefined`: the client has its answer.
 */
export async function countTokens(call: ModelCall, target: Target): Promise<FailedAttempt | undefined> {
  const failure = await askCounter(call, target);
  if (failure === "served") return undefined;
  if (failure !== undefined && !mayEstimate(failure, target.attempt)) return { error: failure };
  await answerEstimate(call, target.attempt, failure);
  return undefined;
}

/** `undefined`: there is no counter to ask. */
async function askCounter(call: ModelCall, target: Target): Promise<"served" | GatewayError | undefined> {
  const { attempt } = target;
  if (attempt.provider.quirks.noTokenCounter === true) return undefined;
  const lane = attempt.lane === "translated" ? translatedLane(call, attempt) : createVerbatimLane(call, attempt);
  if (lane === undefined) return undefined;
  const outcome = await sendUpstream(call, target, withCost(call, lane));
  return outcome === undefined ? "served" : outcome.error;
}

/** `undefined` where the protocol has no counter, or the request no form there that could be counted. */
function translatedLane(call: ModelCall, attempt: Attempt): ReturnType<typeof createTranslatedCountLane> | undefined {
  const { counter } = call.deps.protocols.get(attempt.protocol)!.upstream;
  if (counter === undefined) return undefined;
  try {
    return createTranslatedCountLane(call, attempt, parse(call), counter);
  } catch (error) {
    if (error instanceof GatewayError) return undefined;
    throw error;
  }
}

/** A counter that is missing or out of order, but no verdict on the client's own request, on the gateway's key or on its rate. */
function mayEstimate(error: GatewayError, { lane }: Attempt): boolean {
  if (error.code === "upstream_credentials_rejected" || error.status === 429) return false;
  return error.status >= 500 || noCounter.has(error.status) || lane === "translated";
}

/**
 * Answers with the gateway's own count.
 * @param failure why no counter has counted.
 * @throws GatewayError `failure`, or the refusal of a request whose prompt the gateway does not have in full.
 */
export async function answerEstimate(call: ModelCall, attempt: Attempt, failure: GatewayError | undefined): Promise<void> {
  const request = parse(call);
  try {
    refuseStoredState(request);
  } catch (refusal) {
    throw failure ?? refusal;
  }
  const { provider, upstreamModel } = attempt;
  const tokens = call.deps.calibration.correct(provider.name, upstreamModel, estimateRequest(request));
  call.answer.isEstimated = true;
  await answerJson(call, call.open(attempt), { body: latin1OfUtf8(call.request.protocol.renderTokenCount(tokens)), facts: {} });
}

/** As a translation renders it: with what only the client's protocol has (a search of tools, a compaction) in neutral terms. */
function parse(call: ModelCall): ChatRequest {
  return fitForeign(call, call.request.protocol.parseRequest(parseBody(call), call.request.route));
}

/** After an answer: what the provider reported for its input teaches how far estimates for this model are off. */
export function learnFromUsage(call: ModelCall): void {
  const { attempt, settlement } = call;
  const reportedInput = settlement?.facts?.usage?.input;
  if (attempt === undefined || reportedInput === undefined || !call.request.traits.hasOutput) return;
  const sizeBytes = call.request.text.length;
  if (attempt.lane === "builtin" || sizeBytes > maxLearnedBytes) return;
  const { calibration, bodyCalibration } = call.deps;
  const { provider, upstreamModel } = attempt;
  // What its provider keeps of a conversation is no part of the body.
  const isSelfContained = call.request.envelope.previousResponseId === undefined && call.request.envelope.conversation !== true;
  if (isSelfContained && bodyCalibration.wants(provider.name, upstreamModel, sizeBytes)) {
    bodyCalibration.observe(provider.name, upstreamModel, call.request.promptEstimate, reportedInput);
  }
  if (!calibration.wants(provider.name, upstreamModel, sizeBytes)) return;
  try {
    const request = parse(call);
    refuseStoredState(request);
    calibration.observe(provider.name, upstreamModel, estimateRequest(request), reportedInput);
  } catch (error) {
    // The provider knew of the request what the gateway does not. The client has its answer, and there is nothing to learn from it.
    call.deps.logger.debug({ provider: provider.name, error: messageOf(error) }, "no estimate could be made of a request that was served");
  }
}

/** A longer body is not parsed for this. */
const maxLearnedBytes = 1024 * 1024;
