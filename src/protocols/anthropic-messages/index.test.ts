import type Anthropic from "@anthropic-ai/sdk";
import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError, Secret } from "../../core/index.ts";
import { anthropicMessages } from "./index.ts";
import { callOf, sdkWith } from "./testing.ts";

const paths: readonly (readonly [route: string, method: string, path: string])[] = [
  ["POST /anthropic/v1/messages", "POST", "/v1/messages"],
  ["POST /v1/messages", "POST", "/v1/messages"],
  ["POST /anthropic/v1/messages/count_tokens", "POST", "/v1/messages/count_tokens"],
  ["POST /v1/messages/count_tokens", "POST", "/v1/messages/count_tokens"],
  ["GET /anthropic/v1/models", "GET", "/v1/models"],
  ["GET /anthropic/v1/models/{model}", "GET", "/v1/models/vendor/a%3Ab%20c"],
];
for (const [route, method, path] of paths) {
  test(`${route} goes to ${path}`, () => {
    assert.deepEqual(anthropicMessages.upstreamPath(callOf(route), "vendor/a:b c"), { method, path });
  });
}

test("a model's name with dotted segments is refused in a path", () => {
  for (const name of ["..", "a/../b", "a//b", "."]) {
    assert.throws(() => anthropicMessages.upstreamPath(callOf("GET /anthropic/v1/models/{model}"), name), { code: "invalid_path" });
  }
});

test("the provider's key goes into x-api-key", () => {
  assert.deepEqual(anthropicMessages.credentialHeader(new Secret("sk-1")), ["x-api-key", "sk-1"]);
});

const rendered: readonly (readonly [error: GatewayError, status: number, type: string, code: string])[] = [
  [new GatewayError("invalid_request", "m"), 400, "invalid_request_error", "invalid_request"],
  [new GatewayError("invalid_api_key", "m"), 401, "authentication_error", "invalid_api_key"],
  [new GatewayError("admin_required", "m"), 403, "permission_error", "admin_required"],
  [new GatewayError("model_not_found", "m"), 404, "not_found_error", "model_not_found"],
  [new GatewayError("conflict", "m"), 409, "conflict_error", "conflict"],
  [new GatewayError("body_too_large", "m"), 413, "request_too_large", "body_too_large"],
  [new GatewayError("rate_limited", "m"), 429, "rate_limit_error", "rate_limited"],
  [new GatewayError("internal_error", "m"), 500, "api_error", "internal_error"],
  [new GatewayError("translation_unavailable", "m"), 501, "api_error", "translation_unavailable"],
  [new GatewayError("ledger_unavailable", "m"), 503, "overloaded_error", "ledger_unavailable"],
  [new GatewayError("upstream_timeout", "m"), 504, "timeout_error", "upstream_timeout"],
  [new GatewayError("ledger_unavailable", "m", { status: 529 }), 529, "overloaded_error", "ledger_unavailable"],
  [
    new GatewayError("invalid_request", "m", { status: 402, upstreamType: "billing_error", upstreamCode: "no_credit" }),
    402,
    "billing_error",
    "no_credit",
  ],
  [
    new GatewayError("upstream_credentials_rejected", "m", { upstreamType: "authentication_error" }),
    502,
    "api_error",
    "upstream_credentials_rejected",
  ],
];
for (const [error, status, type, code] of rendered) {
  test(`${error.code} ${error.status} is a ${type}`, () => {
    const { body, ...rest } = anthropicMessages.renderError(error, "req_1");
    assert.deepEqual(rest, { status });
    assert.deepEqual(JSON.parse(body), {
      type: "error",
      error: { type, message: "m", details: { error_code: code } },
      request_id: "req_1",
    });
  });
}

test("the SDK reads status, type, code and message of an error", async () => {
  const { status, body } = anthropicMessages.renderError(new GatewayError("rate_limited", "Slow down ✓."), "req_1");
  const sdk = sdkWith(() => new Response(body, { status, headers: { "content-type": "application/json" } }));
  await assert.rejects(sdk.messages.create({ model: "m", max_tokens: 1, messages: [] }), {
    name: "RateLimitError",
    status: 429,
    type: "rate_limit_error",
    errorCode: "rate_limited",
    apiMessage: "Slow down ✓.",
  });
});

test("an error in a stream is an ASCII event", () => {
  const event = anthropicMessages.renderStreamError(new GatewayError("upstream_truncated", "Schluß ✓"), "req_1", { jsonArray: false });
  assert.equal(
    event,
    'event: error\ndata: {"type":"error","error":{"type":"api_error","message":"Schlu\\u00df \\u2713","details":{"error_code":"upstream_truncated"}},"request_id":"req_1"}\n\n',
  );
});

test("upstream errors of any shape are read", () => {
  const body = '{"type":"error","error":{"type":"not_found_error","message":"model: x","details":{"error_code":"gone"}},"request_id":"r"}';
  assert.deepEqual(anthropicMessages.parseError(404, body), { status: 404, message: "model: x", type: "not_found_error", code: "gone" });
  assert.deepEqual(anthropicMessages.parseError(500, "<html>nginx</html>"), {
    status: 500,
    message: "The provider answered 500 without a readable message.",
  });
  assert.deepEqual(anthropicMessages.parseError(503, ""), {
    status: 503,
    message: "The provider answered 503 without a readable message.",
  });
  assert.deepEqual(anthropicMessages.parseError(503, " upstream connect error \n"), { status: 503, message: "upstream connect error" });
  for (const other of ['{"error":"no"}', '{"message":"no"}', '{"detail":"no"}', '{"error":{"message":"no"}}'])
    assert.deepEqual(anthropicMessages.parseError(400, other), { status: 400, message: "no" });
  assert.deepEqual(anthropicMessages.parseError(400, '{"ok":false}'), {
    status: 400,
    message: "The provider answered 400 without a readable message.",
  });
});

test("the list of models has the vendor's shape, and the SDK reads it", async () => {
  const models = [
    { id: "a/b", provider: "p", createdAt: 1767225600 },
    { id: "c", provider: "p", createdAt: 0 },
  ];
  const wire = (id: string, created_at: string): Anthropic.ModelInfo => ({
    type: "model",
    id,
    display_name: id,
    created_at,
    lifecycle: "active",
    capabilities: null,
    deprecated_at: null,
    line: null,
    max_input_tokens: null,
    max_tokens: null,
    retires_at: null,
  });
  const expected = [wire("a/b", "2026-01-01T00:00:00Z"), wire("c", "1970-01-01T00:00:00Z")];
  const list = anthropicMessages.renderModelList(models);
  assert.deepEqual(JSON.parse(list), { data: expected, has_more: false, first_id: "a/b", last_id: "c" });
  const sdk = sdkWith(() => new Response(list, { headers: { "content-type": "application/json" } }));
  const listed: Anthropic.ModelInfo[] = [];
  for await (const model of sdk.models.list()) listed.push(model);
  assert.deepEqual(listed, expected);
  assert.deepEqual(JSON.parse(anthropicMessages.renderModel(models[0]!)), expected[0]);
  assert.deepEqual(JSON.parse(anthropicMessages.renderModelList([])), { data: [], has_more: false, first_id: null, last_id: null });
  assert.deepEqual(anthropicMessages.parseModelList(JSON.parse(list)), ["a/b", "c"]);
  for (const odd of [{}, { data: {} }, { data: [{}] }, null]) {
    assert.throws(() => anthropicMessages.parseModelList(odd), { code: "upstream_invalid_response" });
  }
});

test("a count of tokens is rendered", () => {
  assert.equal(anthropicMessages.renderTokenCount(7), '{"input_tokens":7}');
});
