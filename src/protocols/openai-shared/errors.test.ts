import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { GatewayError } from "../../core/index.ts";
import { parseError, renderError } from "./errors.ts";

describe("an error for an OpenAI client", () => {
  for (const [error, status, expected] of [
    [
      new GatewayError("model_not_found", "No such model.", { param: "model" }),
      404,
      { message: "No such model.", type: "invalid_request_error", param: "model", code: "model_not_found" },
    ],
    [
      new GatewayError("invalid_api_key", "Wrong key."),
      401,
      { message: "Wrong key.", type: "invalid_request_error", param: null, code: "invalid_api_key" },
    ],
    [
      new GatewayError("rate_limited", "Slow down."),
      429,
      { message: "Slow down.", type: "rate_limit_error", param: null, code: "rate_limit_exceeded" },
    ],
    [new GatewayError("upstream_timeout", "Late."), 504, { message: "Late.", type: "server_error", param: null, code: "upstream_timeout" }],
    [
      new GatewayError("upstream_error", "Busy.", { status: 529, kind: "overloaded", upstreamCode: "overloaded" }),
      503,
      { message: "Busy.", type: "server_error", param: null, code: "overloaded" },
    ],
    [
      new GatewayError("invalid_request", "Too long.", { status: 400, upstreamType: "invalid_request_error", param: "messages" }),
      400,
      { message: "Too long.", type: "invalid_request_error", param: "messages", code: null },
    ],
  ] as const) {
    test(`${error.code} ${error.status}`, () => {
      const rendered = renderError(error);
      assert.deepEqual([rendered.status, JSON.parse(rendered.body)], [status, { error: expected }]);
    });
  }
});

describe("an upstream's error", () => {
  for (const [what, status, body, expected] of [
    [
      "OpenAI",
      400,
      '{"error":{"message":"Bad","type":"invalid_request_error","param":"input","code":null}}',
      { status: 400, message: "Bad", type: "invalid_request_error", param: "input" },
    ],
    [
      "Google's compatible endpoint",
      400,
      '[{"error":{"code":400,"message":"Bad","status":"INVALID_ARGUMENT"}}]',
      { status: 400, message: "Bad", code: "400" },
    ],
    ["a bare text", 500, '{"error":"boom"}', { status: 500, message: "boom" }],
    [
      "vLLM",
      404,
      '{"object":"error","message":"No model","type":"NotFoundError","code":404}',
      { status: 404, message: "No model", type: "NotFoundError", code: "404" },
    ],
    [
      "FastAPI",
      422,
      '{"detail":[{"loc":["body"],"msg":"field required"}]}',
      { status: 422, message: '[{"loc":["body"],"msg":"field required"}]' },
    ],
    ["an error without words", 500, '{"error":{}}', { status: 500, message: "The provider reported an error without a message." }],
    ["plain text", 503, " no healthy upstream ", { status: 503, message: "no healthy upstream" }],
    // A long text is shortened in the place where its secrets are removed.
    ["a long text", 503, "x".repeat(600), { status: 503, message: "x".repeat(600) }],
    [
      "OpenRouter's moderation",
      403,
      '{"error":{"code":403,"message":"Refused.","metadata":{"reasons":["violence"],"flagged_input":"…"}}}',
      { status: 403, message: "Refused.", code: "403", isModeration: true },
    ],
    [
      "xAI's moderation",
      403,
      '{"code":"The caller does not have permission","error":"Content violates usage guidelines. Failed check: SAFETY_CHECK_TYPE_BIO"}',
      {
        status: 403,
        message: "Content violates usage guidelines. Failed check: SAFETY_CHECK_TYPE_BIO",
        code: "The caller does not have permission",
        isModeration: true,
      },
    ],
    [
      "an account that is blocked",
      403,
      '{"error":{"message":"Your account was flagged: its content violates our policies."}}',
      { status: 403, message: "Your account was flagged: its content violates our policies." },
    ],
    ["HTML", 502, "<html>nginx</html>", { status: 502, message: "The provider answered with status 502 and no readable error." }],
    ["nothing", 502, "", { status: 502, message: "The provider answered with status 502 and no readable error." }],
    ["JSON of another kind", 500, '{"ok":false}', { status: 500, message: "The provider answered with status 500 and no readable error." }],
  ] as const) {
    test(`of ${what} is read`, () => {
      assert.deepEqual(parseError(status, body), expected);
    });
  }
});
