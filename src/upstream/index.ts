export * from "./providers/build-providers.ts";
export { isMarketProvider } from "./routing/market-provider.ts";
export * from "./routing/catalog.ts";
export * from "./routing/explain-model.ts";
export * from "./resilience/health.ts";
export { createAffinity, type Affinity } from "./resilience/affinity.ts";
export { RetryBudget } from "./resilience/retry-budget.ts";
export { defaultResilience, type BreakerSettings, type ResilienceSettings } from "./resilience/settings.ts";
export type { Availability, BlockKind, TargetState } from "./resilience/target-state.ts";
export { shareStates, type StateSharing } from "./resilience/share-states.ts";
export { createTargetStates, type KnownTarget, type TargetStates } from "./resilience/target-states.ts";
export * from "./providers/next-key-index.ts";
export * from "./providers/presets.ts";
export * from "./types.ts";
export * from "./routing/targets.ts";
export { RoutingError, type ModelRoute } from "./routing/resolve-model.ts";
export { callOnce, createDestination, type CallOnceDeps, type OneAnswer } from "./providers/call-once.ts";
export { postHook } from "./providers/post-hook.ts";
export { fetchJson } from "./transport/fetch-json.ts";
export { createSyslogClient, type SyslogClient, type SyslogTarget } from "./transport/syslog-client.ts";
export { sendMail } from "./transport/send-mail.ts";
export { createUpstreamClient, type PooledUpstreamClient, type UpstreamClientOptions } from "./transport/client.ts";
export { openUpgraded, UpgradeRefused, type UpgradedConnection, type UpgradeRequest } from "./transport/upgrade.ts";
export type { CredentialHeader } from "./transport/egress.ts";
export type { ProxyEnv } from "./transport/proxy.ts";
export type { Resolve } from "./transport/addresses.ts";
export {
  answerLoopback,
  countRequestTokens,
  countTokens,
  embedLoopback,
  streamLoopback,
  type LoopbackContext,
} from "./providers/loopback.ts";
export { closestNames } from "./routing/closest-names.ts";
export {
  createAnnouncedModels,
  type AnnouncedModels,
  type AnnouncedOptions,
  type AnnouncedState,
  type ListingOutcome,
} from "./providers/announced.ts";
export { createLocalProbe, detectLocalServers, type LocalModelServer, type LocalProbe } from "./providers/detect-local.ts";
export { Redactor, secretForms, secretsOf, shortestSecret } from "./providers/redactor.ts";
export { modelTraitsSetting, readModelTraits, traitNames } from "./providers/model-traits-setting.ts";
export { inCamelCase } from "./providers/quirks-setting.ts";
export {
  modelAliasesSchema,
  modelRoutesSchema,
  providersSchema,
  readProvider,
  type ParsedProvider,
  type ProviderKeys,
} from "./providers/section.ts";
export { fallbacksSchema, modelsSchema } from "./routing/models-section.ts";
export { readRouting, routingSchema, type RoutingSection } from "./routing/section.ts";
