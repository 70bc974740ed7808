import assert from "node:assert/strict";
import { test } from "node:test";
import type { ProtocolId } from "../ir/index.ts";
import { protocols, refusalOf } from "./index.ts";

interface Case {
  readonly name: string;
  readonly protocol: ProtocolId;
  readonly status: number;
  /** As the vendor sends it. */
  readonly body: object | string;
  /** The time to wait in the headers, milliseconds. */
  readonly waitMs?: number;
  /** Kind, wait and scope. */
  readonly refusal: string;
}

const openai = (message: string, type: string, code: string | null): object => ({ error: { message, type, param: null, code } });
const anthropic = (type: string, message: string): object => ({ type: "error", error: { type, message }, request_id: "req_1" });
const google = (code: number, message: string, status: string, details: readonly object[] = []): object => ({
  error: { code, message, status, details },
});
const limits = (...quotaIds: readonly string[]): object => ({
  "@type": "type.googleapis.com/google.rpc.QuotaFailure",
  violations: quotaIds.map((quotaId) => ({ quotaMetric: "generativelanguage.googleapis.com/x", quotaId })),
});
const retryInfo = { "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "37.2s" };
const currentQuota = "You exceeded your current quota, please check your plan and billing details.";
const busy = "The engine is currently overloaded, please try again later.";

const cases: readonly Case[] = [
  {
    name: "OpenAI's rate limit with a time in its words",
    protocol: "openai-chat",
    status: 429,
    body: openai(
      "Rate limit reached for requests per min (RPM): Limit 500, Used 500. Please try again in 1m2.5s.",
      "requests",
      "rate_limit_exceeded",
    ),
    refusal: "throttled 62500",
  },
  {
    name: "OpenAI's quota",
    protocol: "openai-responses",
    status: 429,
    body: openai(currentQuota, "insufficient_quota", "insufficient_quota"),
    waitMs: 20_000,
    refusal: "quota 20000",
  },
  {
    name: "OpenAI's hard limit",
    protocol: "openai-chat",
    status: 400,
    body: openai("Billing hard limit has been reached", "invalid_request_error", "billing_hard_limit_reached"),
    refusal: "quota",
  },
  {
    name: "OpenAI's overload",
    protocol: "openai-chat",
    status: 503,
    body: openai(busy, "server_error", "server_is_overloaded"),
    refusal: "overloaded",
  },
  {
    name: "an overload that comes as 429",
    protocol: "openai-chat",
    status: 429,
    body: openai(busy, "engine_overloaded_error", null),
    refusal: "overloaded",
  },
  {
    name: "OpenAI's slow_down",
    protocol: "openai-chat",
    status: 503,
    body: openai("Slow down.", "server_error", "slow_down"),
    refusal: "overloaded",
  },
  {
    name: "a key of OpenAI's that does not exist",
    protocol: "openai-chat",
    status: 401,
    body: openai("Incorrect API key provided", "invalid_request_error", "invalid_api_key"),
    refusal: "credential",
  },
  {
    name: "a model that the key may not use",
    protocol: "openai-chat",
    status: 403,
    body: openai("Project `p` does not have access", "invalid_request_error", "model_not_found"),
    refusal: "credential, this model only",
  },
  {
    name: "a model that does not exist",
    protocol: "openai-chat",
    status: 404,
    body: openai("The model does not exist", "invalid_request_error", "model_not_found"),
    refusal: "client",
  },
  {
    name: "OpenAI's context length",
    protocol: "openai-chat",
    status: 400,
    body: openai("This model's maximum context length is 8192 tokens.", "invalid_request_error", "context_length_exceeded"),
    refusal: "context",
  },
  {
    name: "vLLM's context length, without a code",
    protocol: "openai-chat",
    status: 400,
    body: openai("This model's maximum context length is 8192 tokens.", "BadRequestError", null),
    refusal: "context",
  },
  {
    name: "llama.cpp's context size",
    protocol: "openai-chat",
    status: 400,
    body: openai("the request exceeds the available context size", "exceed_context_size_error", null),
    refusal: "context",
  },
  {
    name: "Groq's request that is larger than the limit of a minute",
    protocol: "openai-chat",
    status: 413,
    body: openai("Request too large for model", "tokens", "rate_limit_exceeded"),
    refusal: "context",
  },
  {
    name: "Azure's content filter",
    protocol: "openai-chat",
    status: 400,
    body: openai("The response was filtered", "invalid_request_error", "content_filter"),
    refusal: "filtered",
  },
  {
    name: "OpenRouter's moderation",
    protocol: "openai-chat",
    status: 403,
    body: { error: { code: 403, message: "Your input was flagged", metadata: { reasons: ["violence"] } } },
    refusal: "filtered",
  },
  {
    name: "DeepSeek's balance",
    protocol: "openai-chat",
    status: 402,
    body: openai("Insufficient Balance", "unknown_error", "invalid_request_error"),
    refusal: "quota",
  },
  {
    name: "Azure's rate limit",
    protocol: "openai-chat",
    status: 429,
    body: { error: { code: "429", message: "Requests have exceeded call rate limit. Please retry after 6 seconds." } },
    refusal: "throttled 6000",
  },
  {
    name: "a server that loads its model",
    protocol: "openai-chat",
    status: 503,
    body: { error: { code: 503, message: "Loading model", type: "unavailable_error" } },
    refusal: "overloaded 5000",
  },
  { name: "a page in place of an error", protocol: "openai-chat", status: 502, body: "<html>Bad Gateway</html>", refusal: "broken" },
  { name: "a failure", protocol: "openai-chat", status: 500, body: openai("It broke.", "server_error", null), refusal: "broken" },
  { name: "a method that does not exist", protocol: "openai-chat", status: 501, body: openai("No.", "x", null), refusal: "client" },
  {
    name: "a bad request",
    protocol: "openai-chat",
    status: 400,
    body: openai("Invalid type for 'messages'", "invalid_request_error", "invalid_type"),
    refusal: "client",
  },
  {
    name: "Anthropic's rate limit",
    protocol: "anthropic-messages",
    status: 429,
    body: anthropic("rate_limit_error", "This request would exceed your account's rate limit."),
    waitMs: 12_000,
    refusal: "throttled 12000",
  },
  {
    name: "a rate limit that lasts hours",
    protocol: "anthropic-messages",
    status: 429,
    body: anthropic("rate_limit_error", "Slow down."),
    waitMs: 7_200_000,
    refusal: "quota 7200000",
  },
  {
    name: "a time that nobody waits",
    protocol: "anthropic-messages",
    status: 429,
    body: anthropic("rate_limit_error", "Slow down."),
    waitMs: 1e15,
    refusal: "throttled 3600000",
  },
  {
    name: "a time in the past",
    protocol: "anthropic-messages",
    status: 429,
    body: anthropic("rate_limit_error", "Slow down."),
    waitMs: -1e12,
    refusal: "throttled 1000",
  },
  {
    name: "Anthropic's overload",
    protocol: "anthropic-messages",
    status: 529,
    body: anthropic("overloaded_error", "Overloaded"),
    refusal: "overloaded",
  },
  {
    name: "Anthropic's empty balance",
    protocol: "anthropic-messages",
    status: 400,
    body: anthropic("invalid_request_error", "Your credit balance is too low to access the Anthropic API."),
    refusal: "quota",
  },
  {
    name: "Anthropic's spend limit",
    protocol: "anthropic-messages",
    status: 400,
    body: anthropic("invalid_request_error", "You have reached your specified API usage limits. You will regain access on 2026-12-01."),
    refusal: "quota",
  },
  {
    name: "Anthropic's prompt that is too long",
    protocol: "anthropic-messages",
    status: 400,
    body: anthropic("invalid_request_error", "prompt is too long: 213462 tokens > 200000 maximum"),
    refusal: "context",
  },
  {
    name: "Anthropic's refused key",
    protocol: "anthropic-messages",
    status: 401,
    body: anthropic("authentication_error", "invalid x-api-key"),
    refusal: "credential",
  },
  {
    name: "Google's limit of a minute",
    protocol: "gemini-generate",
    status: 429,
    body: google(429, currentQuota, "RESOURCE_EXHAUSTED", [limits("GenerateRequestsPerMinutePerProjectPerModel-FreeTier"), retryInfo]),
    refusal: "throttled 37200",
  },
  {
    name: "Google's limit of a day",
    protocol: "gemini-generate",
    status: 429,
    body: google(429, currentQuota, "RESOURCE_EXHAUSTED", [
      limits("GenerateRequestsPerMinute", "GenerateRequestsPerDayPerProjectPerModel"),
      retryInfo,
    ]),
    refusal: "quota 37200",
  },
  {
    name: "Google's overload",
    protocol: "gemini-generate",
    status: 503,
    body: google(503, "The model is overloaded.", "UNAVAILABLE"),
    refusal: "overloaded",
  },
  {
    name: "Google's refused key",
    protocol: "gemini-generate",
    status: 400,
    body: google(400, "API key not valid.", "INVALID_ARGUMENT", [
      { "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: "API_KEY_INVALID" },
    ]),
    refusal: "credential",
  },
  {
    name: "Google's prompt that is too long",
    protocol: "gemini-generate",
    status: 400,
    body: google(400, "The input token count (1100000) exceeds the maximum number of tokens allowed (1048576).", "INVALID_ARGUMENT"),
    refusal: "context",
  },
  {
    name: "Google's limit in OpenAI's form",
    protocol: "openai-chat",
    status: 429,
    body: [google(429, currentQuota, "RESOURCE_EXHAUSTED", [limits("GenerateRequestsPerDay"), retryInfo])],
    refusal: "quota 37200",
  },
];

test("an upstream's error is what its code says, then its words, then its status", () => {
  const found = cases.map(({ name, protocol, status, body, waitMs }) => {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const { kind, waitMs: wait, isForModelOnly } = refusalOf(protocols.get(protocol)!.parseError(status, text), waitMs);
    return `${name}: ${kind}${wait === undefined ? "" : ` ${wait}`}${isForModelOnly === true ? ", this model only" : ""}`;
  });
  assert.deepEqual(
    found,
    cases.map(({ name, refusal }) => `${name}: ${refusal}`),
  );
});
