import type { ProtocolId } from "../ir/index.ts";
import { anthropicMessages } from "./anthropic-messages/index.ts";
import { claudeTraits } from "./anthropic-messages/model-traits.ts";
import { geminiTraits } from "./gemini-generate/model-traits.ts";
import type { ProviderTraits, TraitTable } from "./model-traits.ts";
import { openaiTraits } from "./openai-shared/model-traits.ts";
import { geminiGenerate } from "./gemini-generate/index.ts";
import { openaiChat } from "./openai-chat/index.ts";
import { openaiResponses } from "./openai-responses/index.ts";
import type { Protocol } from "./protocol.ts";

export { PassedText } from "./shared/text-bytes.ts";
export { answerFacts, AnsweredError } from "./shared/answered-error.ts";
export { emptyEnd } from "./shared/broken-end.ts";
export { familiesThatSignCalls } from "./gemini-generate/proofs.ts";
export { readReset, writeReset, type LimitHeaderNames, type LimitHeaders } from "./shared/limit-headers.ts";
export { maxLosses, refuseStoredState } from "./shared/losses.ts";
export { isUnbounded, setOutputLimit } from "./shared/output-limits.ts";
export { paramLabel, spellLoss, spellRefusal, type ParamTable, type SpelledPlaces } from "./param-names.ts";
export { ProviderTraits, type OperatorTraits, type TraitTable } from "./model-traits.ts";
export { operations, type OperationTraits } from "./operations.ts";
export type { OpenSummary, ProofCarrier, TextDelta, WireRules } from "./capabilities.ts";
export * from "./protocol.ts";
export { refusalOf } from "./refusal.ts";
export { ServerQuirks, type ModelQuirks, type PartKind, type RenderQuirks } from "./quirks.ts";
export type { CacheablePrompt, CacheCall, ContextCaching, KeptContext } from "./context-cache.ts";
export * from "./prompt-cache.ts";
export * from "./translation.ts";
export * as storedResponses from "./openai-responses/stored/index.ts";

/** The wire protocols by their ids. */
export type ProtocolTable = ReadonlyMap<ProtocolId, Protocol>;

/** All wire protocols. A new one is a folder beside these, and its name in this list. */
export const protocols: ProtocolTable = new Map(
  [openaiChat, openaiResponses, anthropicMessages, geminiGenerate].map((protocol) => [protocol.id, protocol]),
);

/** What models accept, by vendor. */
export const traitTables: readonly TraitTable<object>[] = [claudeTraits, geminiTraits, openaiTraits];

const tableOf: Readonly<Partial<Record<ProtocolId, TraitTable<{ readonly maxOutputTokens: number | undefined }>>>> = {
  "openai-chat": openaiTraits,
  "openai-responses": openaiTraits,
  "anthropic-messages": claudeTraits,
  "gemini-generate": geminiTraits,
};

/** The largest output of a provider's model, to which a translated request's limit is lowered; `undefined`: that is not known. */
export function maxOutputOf(traits: ProviderTraits, protocol: ProtocolId, model: string): number | undefined {
  const table = tableOf[protocol];
  return table === undefined ? undefined : traits.of(table, model).maxOutputTokens;
}

/** The dialect of routes and errors that belong to no protocol: the admin API, health, unknown paths. */
export const defaultDialect: ProtocolId = openaiChat.id;
