import type { Usage } from "../../ir/index.ts";
import { clampUsage, type Ledger } from "../../ledger/index.ts";
import type { Envelope } from "../../protocols/index.ts";
import type { Attempt } from "../../upstream/index.ts";

/**
 * Tokens that an honest provider may report beyond what is seen of a request or an answer: its own instructions and tools, pictures behind URLs; reasoning that is not
 * shown. Far above any vendor's, as an honest count must never be changed.
 */
const unseenInput = 128_000;
const unseenOutput = 512_000;
/** Betas of some models have a longer context than the catalogue says. */
const leastWindow = 1_000_000;
/** Of a model whose context is not known. */
const longestWindow = 10_000_000;
/** A provider that runs tools asks its model again after each, and reports the sum. */
const mostTurns = 100;

/** Fields by which a provider puts in what it keeps or fetches: conversations, files, caches, URLs. */
const references =
  /"(?:previous_response_id|conversation|prompt|item_reference|cached_?[cC]ontent|file_?[iI]d|file_?[uU]ri|file_url|file_?[dD]ata|container|skills?)"|https?:|gs:/;
/** Tools, plug-ins and models that make a provider ask its model more than once. */
const serverTools =
  /web_?search|web_?fetch|file_?search|url_?context|google_?search|google_?maps|code_?(?:interpreter|execution)|tool_?search|computer|image_generation|mcp|plugins|agent|research|:online|compound|sonar/i;

/** What the checks look at of a request. */
export interface CheckedRequest {
  readonly text: string;
  readonly model: string;
  readonly envelope: Pick<Envelope, "maxOutputTokens" | "choices">;
}

/** Who has answered. */
export interface CheckedAttempt {
  readonly attempt: Attempt;
  readonly ledger: Pick<Ledger, "contextWindow">;
}

/** What an answer reports, as far as it can be true. */
export interface PlausibleUsage {
  readonly usage: Usage;
  /** Some of it was more than the request can hold, and is replaced by what that is. */
  readonly isClamped: boolean;
}

/**
 * Replaces counts that no request of this size can have by the most that it can hold: the bytes of its body as the tokens of its input, its bound or the bytes of its
 * answer as those of its output. Where a provider puts in more than the body has, that is its model's context. Plausible counts are returned as they are, at the cost of
 * a few comparisons.
 */
export function plausibleUsage(request: CheckedRequest, server: CheckedAttempt, usage: Usage, answerBytes: number): PlausibleUsage {
  if (usage.iterations !== undefined) return plausibleIterations(request, server, usage, answerBytes);
  const { input = 0, output = 0, cacheRead = 0, cacheWrite5m = 0, cacheWrite1h = 0, reasoning = 0 } = usage;
  const inputSum = Math.max(input, cacheRead + cacheWrite5m + cacheWrite1h);
  const outputSum = Math.max(output, reasoning);
  const { maxOutputTokens = 0, choices = 1 } = request.envelope;
  const seenInput = request.text.length;
  const seenOutput = Math.max(maxOutputTokens * choices, answerBytes);
  const isInputPlausible = inputSum <= seenInput + unseenInput;
  const isOutputPlausible = outputSum <= seenOutput + unseenOutput * choices;
  if (isInputPlausible && isOutputPlausible) return { usage, isClamped: false };
  const turns = serverTools.test(request.text) || serverTools.test(request.model) ? mostTurns : 1;
  const mostInput = isInputPlausible ? inputSum : largestInput(request, server, turns);
  const clampsInput = inputSum > mostInput;
  const clampsOutput = outputSum > (seenOutput + unseenOutput * choices) * turns;
  if (!clampsInput && !clampsOutput) return { usage, isClamped: false };
  return {
    // Parts are never more than the whole.
    usage: clampUsage({
      ...usage,
      ...(clampsInput ? { input: mostInput } : {}),
      ...(clampsOutput ? { output: Math.min(seenOutput, outputSum) } : {}),
    }),
    isClamped: true,
  };
}

/** No model call behind an answer holds more than the longest context. */
function plausibleIterations(request: CheckedRequest, server: CheckedAttempt, usage: Usage, answerBytes: number): PlausibleUsage {
  const { iterations = [], ...own } = usage;
  const isLong = ({ input = 0, output = 0 }: Usage): boolean => input > longestWindow || output > longestWindow;
  const sound = plausibleUsage(request, server, own, answerBytes);
  return {
    usage: { ...sound.usage, iterations: iterations.filter((iteration) => !isLong(iteration)) },
    isClamped: sound.isClamped || iterations.some(isLong),
  };
}

/** The bytes of a request that refers to nothing else; otherwise the context of its model, for each time that it may be asked. */
function largestInput(request: CheckedRequest, { attempt, ledger }: CheckedAttempt, turns: number): number {
  const { text } = request;
  // A stored response is all that is known of a request without a body.
  const isSelfContained = turns === 1 && text !== "" && !references.test(text);
  if (isSelfContained) return text.length;
  const window = ledger.contextWindow(attempt.provider.name, attempt.upstreamModel);
  return Math.max(text.length + unseenInput, window === undefined ? longestWindow : Math.max(window, leastWindow)) * turns;
}
