export * from "./build-providers.ts";
export * from "./catalog.ts";
export * from "./health.ts";
export * from "./pick-key.ts";
export * from "./providers/presets.ts";
export * from "./types.ts";
export { RoutingError, type ModelRoute } from "./resolve-model.ts";
export { createUpstreamClient, type PooledUpstreamClient, type UpstreamClientOptions } from "./client.ts";
export type { CredentialHeader } from "./egress.ts";
export type { ProxyEnv } from "./proxy.ts";
export type { Resolve } from "./addresses.ts";
export {
  answerLoopback,
  countRequestTokens,
  countTokens,
  embedLoopback,
  streamLoopback,
  type LoopbackContext,
} from "./providers/loopback.ts";
export { closestNames } from "./closest-names.ts";
export { createAnnouncedModels, type AnnouncedModels, type AnnouncedOptions, type AnnouncedState } from "./announced.ts";
export { createLocalProbe, detectLocalServers, type LocalModelServer, type LocalProbe } from "./detect-local.ts";
