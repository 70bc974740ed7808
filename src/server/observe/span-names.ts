/**
 * The names of attributes in traces. Those of `gen_ai` are of OpenTelemetry's conventions for generative AI, which are not stable yet (status "Development", read
 * 2026-11); all that use them take them from here. Langfuse reads the same names, `user.id`, and `input.value` and `output.value`.
 */
export const spanNames = {
  operation: "gen_ai.operation.name",
  provider: "gen_ai.provider.name",
  requestModel: "gen_ai.request.model",
  responseModel: "gen_ai.response.model",
  responseId: "gen_ai.response.id",
  finishReasons: "gen_ai.response.finish_reasons",
  inputTokens: "gen_ai.usage.input_tokens",
  outputTokens: "gen_ai.usage.output_tokens",
  cacheReadTokens: "gen_ai.usage.cache_read.input_tokens",
  cacheWriteTokens: "gen_ai.usage.cache_creation.input_tokens",
  reasoningTokens: "gen_ai.usage.reasoning.output_tokens",
  errorType: "error.type",
  httpStatus: "http.response.status_code",
  serverAddress: "server.address",
  userId: "user.id",
  input: "input.value",
  output: "output.value",
  requestId: "tokligence.request_id",
  keyId: "tokligence.key_id",
  dialect: "tokligence.dialect",
  model: "tokligence.model",
  attempts: "tokligence.attempts",
  attempt: "tokligence.attempt",
  providerKey: "tokligence.provider_key",
  providerName: "tokligence.provider",
  lane: "tokligence.lane",
  stream: "tokligence.stream",
  costUsd: "tokligence.cost_usd",
  timeToFirstToken: "tokligence.time_to_first_token_ms",
  overhead: "tokligence.overhead_ms",
} as const;

/** What an operation is called. */
const operationNames: Readonly<Record<string, string>> = { generate: "chat", embed: "embeddings" };

export function operationName(operation: string): string {
  return operationNames[operation] ?? operation;
}

/** Well-known names of providers, by the name or preset here; others keep their own. */
const providerNames: Readonly<Record<string, string>> = {
  google: "gcp.gemini",
  gemini: "gcp.gemini",
  azure: "azure.ai.openai",
  "azure-openai": "azure.ai.openai",
  mistral: "mistral_ai",
  xai: "x_ai",
};

export function providerName(name: string): string {
  return providerNames[name] ?? name;
}
