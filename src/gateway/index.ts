export * from "./deps.ts";
export type { ClientExchange } from "./exchange.ts";
export { handleModelCall } from "./handle.ts";
export { asGatewayError } from "./model-call.ts";
export { createStreamRegistry, type ActiveStream, type StreamRegistry } from "./stream-registry.ts";
