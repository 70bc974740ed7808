import type { ProtocolId } from "../ir/index.ts";
import { anthropicMessages, anthropicMessagesUpstream } from "./anthropic-messages/index.ts";
import { claudeTraits } from "./anthropic-messages/model-traits.ts";
import { geminiTraits } from "./gemini-generate/model-traits.ts";
import type { TraitTable } from "./model-traits.ts";
import { openaiTraits } from "./openai-shared/model-traits.ts";
import { geminiGenerate, geminiGenerateUpstream } from "./gemini-generate/index.ts";
import { openaiChat, openaiChatUpstream } from "./openai-chat/index.ts";
import { openaiResponses, openaiResponsesUpstream } from "./openai-responses/index.ts";
import type { Protocol } from "./protocol.ts";
import type { UpstreamProtocol } from "./translation.ts";

export { answerFacts, AnsweredError } from "./shared/answered-error.ts";
export { familiesThatSignCalls } from "./gemini-generate/proofs.ts";
export { maxLosses, refuseStoredState } from "./shared/losses.ts";
export { isUnbounded, setOutputLimit } from "./shared/output-limits.ts";
export { paramLabel, spellLoss, spellRefusal, type ParamTable, type SpelledPlaces } from "./param-names.ts";
export { ProviderTraits, type OperatorTraits, type TraitTable } from "./model-traits.ts";
export { operations, type OperationTraits } from "./operations.ts";
export type { OpenSummary, ProofCarrier } from "./capabilities.ts";
export * from "./protocol.ts";
export { refusalOf } from "./refusal.ts";
export type { ModelQuirks, PartKind, RenderQuirks } from "./quirks.ts";
export * from "./translation.ts";
export * as storedResponses from "./openai-responses/stored/index.ts";

/** The wire protocols, for the clients' side and for passing requests on. A new one is a folder beside these, a line here and a line below. */
export const protocols: ReadonlyMap<ProtocolId, Protocol> = new Map(
  [openaiChat, openaiResponses, anthropicMessages, geminiGenerate].map((protocol) => [protocol.id, protocol]),
);

/** What models accept, by vendor. */
export const traitTables: readonly TraitTable<object>[] = [claudeTraits, geminiTraits, openaiTraits];

/** The dialect of routes and errors that belong to no protocol: the admin API, health, unknown paths. */
export const defaultDialect: ProtocolId = openaiChat.id;

/** The upstream's side of each protocol, for translation. */
export const upstreamProtocols: ReadonlyMap<ProtocolId, UpstreamProtocol> = new Map([
  ["openai-chat", openaiChatUpstream],
  ["openai-responses", openaiResponsesUpstream],
  ["anthropic-messages", anthropicMessagesUpstream],
  ["gemini-generate", geminiGenerateUpstream],
]);
