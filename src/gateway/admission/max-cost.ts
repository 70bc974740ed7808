import { ceilingCost, highestCost } from "../../ledger/index.ts";
import type { Units, Usage } from "../../ir/index.ts";
import type { Attempt } from "../../upstream/index.ts";
import { estimateInput } from "../tokens/estimate-usage.ts";
import type { ModelCall } from "../model-call.ts";

/**
 * What the request may cost at most: that of its most expensive attempt, with the prompt as it is estimated, as much output as it allows, the class of
 * service, speed and region that it asks for, and its calls of the provider's tools. Nano-USD; 0 for what has no
 * price.
 * @param outputTokens a bound on each of its answers in place of its own.
 */
export function maxCost(call: ModelCall, attempts: readonly Attempt[], outputTokens?: number): bigint {
  const { isBilled, hasOutput } = call.request.traits;
  if (!isBilled) return 0n;
  const choices = answersOf(call);
  let most = 0n;
  for (const attempt of attempts) {
    const output = hasOutput ? (outputTokens ?? outputLimit(call, attempt)) * choices : 0;
    const cost = costOf(call, attempt, output);
    if (cost > most) most = cost;
  }
  return most > mostNanoUsd ? mostNanoUsd : most;
}

/** The output tokens that each of the request's answers may have for this much money, whichever attempt serves it; 0 or less if the prompt alone costs more. */
export function affordableOutput(call: ModelCall, attempts: readonly Attempt[], leftNanoUsd: bigint): number {
  const choices = answersOf(call);
  let fewest = mostTokens;
  for (const attempt of attempts) {
    const prompt = costOf(call, attempt, 0);
    const million = costOf(call, attempt, 1_000_000) - prompt;
    if (million > 0n) fewest = Math.min(fewest, Math.floor(Number(((leftNanoUsd - prompt) * 1_000_000n) / million) / choices));
  }
  // The price of the whole is rounded.
  return maxCost(call, attempts, fewest) > leftNanoUsd ? fewest - 1 : fewest;
}

function costOf(call: ModelCall, attempt: Attempt, output: number): bigint {
  const { units, speed, region, tier: bodyTier } = call.request.askedExtras;
  const input = estimateInput(call, attempt);
  const plain = { input, output, ...(units === undefined ? {} : { units: callsAndMedia(units, input) }) };
  const standard = priceOf(call, attempt, plain);
  const tier = call.request.envelope.tier ?? bodyTier;
  if (tier === undefined && speed === undefined && region === undefined) return standard;
  // A server that does not know a cheaper class serves, and bills, the standard one.
  const asked = priceOf(call, attempt, {
    ...plain,
    ...(tier === undefined ? {} : { tier }),
    ...(speed === undefined ? {} : { speed }),
    ...(region === undefined ? {} : { region }),
  });
  return asked > standard ? asked : standard;
}

type BoundedUsage = Usage & { readonly input: number; readonly output: number };

function priceOf(call: ModelCall, { provider, upstreamModel }: Attempt, usage: BoundedUsage): bigint {
  const { ledger, clock } = call.deps;
  const price = (used: Usage): bigint | undefined => ledger.cost(provider.name, upstreamModel, used, clock.now());
  // A provider without a price for its searches, or one that runs none, is not counted with them.
  let most = price(usage) ?? highestCost(price, withoutCalls(usage));
  if (most === undefined) return ceilingCost(call.current.budget.ceiling, usage.input, usage.output);
  // All of the answer may be what is dearest.
  for (const unit of call.request.askedExtras.outputs) {
    const cost = usage.output === 0 ? undefined : price({ ...usage, units: { ...usage.units, [unit]: usage.output } });
    if (cost !== undefined && cost > most) most = cost;
  }
  return most;
}

function withoutCalls({ units = {}, ...usage }: BoundedUsage): BoundedUsage {
  const { input_audio: audio = 0, input_image: image = 0, input_video: video = 0 } = units;
  return audio + image + video === 0 ? usage : { ...usage, units: { input_audio: audio, input_image: image, input_video: video } };
}

/** Media are parts of the prompt, as it is estimated. */
function callsAndMedia(units: Units, input: number): Units {
  const { input_audio: audio = 0, input_image: image = 0, input_video: video = 0 } = units;
  return audio + image + video <= input ? units : { ...units, input_audio: Math.min(audio, input), input_image: 0, input_video: 0 };
}

/** The output tokens that the provider is asked for at most. */
function outputLimit(call: ModelCall, { lane, protocol }: Attempt): number {
  const { maxOutputTokens: asked, otherLimit = 0 } = call.request.envelope;
  const { least = 0, unasked = 0 } = (lane === "translated" ? call.deps.protocols.get(protocol)?.upstream.outputBounds : undefined) ?? {};
  return bounded(asked ?? Math.max(call.current.budget.outputTokens, unasked, otherLimit), least, mostTokens);
}

function answersOf(call: ModelCall): number {
  return bounded(call.request.envelope.choices ?? 1, 1, mostChoices);
}

/** A client may write any number; sums of these fit into the database. */
const mostTokens = 10_000_000;
const mostChoices = 1000;
const mostNanoUsd = 10n ** 15n;

function bounded(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}
