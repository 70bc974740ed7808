import { isMarketProvider, type Target } from "../../upstream/index.ts";
import type { ModelCall } from "../model-call.ts";

/** Whether, and when, a second target may be asked while the first one is silent. */
export function planHedge(call: ModelCall): void {
  const hedge = call.plan?.hedge;
  if (hedge !== undefined && !hasSideEffects(call)) call.planHedge(hedge);
}

/**
 * Whether a request, sent twice, leaves more behind than one answer: at its provider, or wherever its provider's tools reach. The calls of a client's own tools are not
 * among them: the client gets those of one answer.
 */
function hasSideEffects(call: ModelCall): boolean {
  const { request, pinnedKey, stored, background } = call;
  const { envelope, text, traits } = request;
  if (!traits.hasOutput || pinnedKey !== undefined || stored !== undefined || background !== undefined) return true;
  if (envelope.background === true || envelope.conversation === true || envelope.previousResponseId !== undefined) return true;
  return storesAtProvider.test(text) || providerTools.test(text);
}

/** Chat's and Responses' `store`. */
const storesAtProvider = /"store"\s*:\s*true/;

/** Tools that a provider runs: those of OpenAI and Anthropic by their type, Google's and others by their member. */
const providerTools = new RegExp(
  [
    String.raw`"type"\s*:\s*"(?:\w+:)?(?:web_|file_search|code_|image_generation|mcp|google_search|shell|tool_search|memory_2|advisor_)`,
    String.raw`"(?:mcp_servers|web_search_options|google_?[sS]earch(?:Retrieval|_retrieval)?|url_?[cC]ontext|code_?[eE]xecution|google_?[mM]aps|file_?[sS]earch|mcp_?[sS]ervers|container)"\s*:`,
  ].join("|"),
);

/** Whether this target may be one of two that are asked at the same time. */
export function mayRace(call: ModelCall, { attempt }: Target): boolean {
  const { lane, provider } = attempt;
  if (lane === "builtin" || isMarketProvider(provider.name)) return false;
  // Where nothing is said of it, a server of Responses stores them.
  return !(call.request.protocol.storesAnswers && lane === "verbatim" && call.request.envelope.store !== false);
}

/** How long the first target may be silent; `undefined`: the second one is not asked. */
export function hedgeDelayMs(call: ModelCall, { state }: Target): number | undefined {
  const { hedge, request } = call;
  if (hedge !== "p95") return hedge;
  const { firstContentMs, totalMs } = state.measures;
  return (request.envelope.stream ? firstContentMs : totalMs).p95;
}
