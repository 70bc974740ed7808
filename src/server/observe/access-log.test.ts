import assert from "node:assert/strict";
import { test } from "node:test";
import { anyText } from "../../../tests/testbed/any-text.ts";
import fc from "fast-check";
import type { ObservedRequest } from "../../gateway/index.ts";
import { createAccessLog } from "./access-log.ts";
import { users } from "../testing.ts";

const plain: ObservedRequest = {
  requestId: "req_1",
  clientRequestId: undefined,
  principal: users.user,
  dialect: "openai-chat",
  operation: "generate",
  provider: "openai",
  modelAsked: "gpt-5",
  modelServed: "gpt-5",
  modelKnown: true,
  status: "ok",
  httpStatus: 200,
  stream: false,
  attempts: 1,
  failures: undefined,
  durationMs: 12.345,
  ttftMs: undefined,
  overheadMs: 0.456,
  upstreamMs: undefined,
  usage: {},
  costNanoUsd: undefined,
  losses: [],
  errorCode: undefined,
  errorMessage: undefined,
  upstreamRequestId: undefined,
  upstreamMessage: undefined,
};

function lineOf(request: ObservedRequest): string {
  let written = "";
  createAccessLog({ write: (line) => (written += line) }, { now: () => 1_767_225_600_000, monotonic: () => 0 }, 7)(request);
  return written;
}

test("a request is one line of JSON with what is known of it", () => {
  assert.deepEqual(JSON.parse(lineOf(plain)), {
    level: 30,
    time: 1_767_225_600_000,
    pid: 7,
    msg: "request",
    request_id: "req_1",
    user: "usr_1",
    key: "key_1",
    dialect: "openai-chat",
    operation: "generate",
    provider: "openai",
    model: "gpt-5",
    status: "ok",
    http_status: 200,
    stream: false,
    attempts: 1,
    duration_ms: 12.3,
    overhead_ms: 0.46,
  });
  const full = {
    ...plain,
    clientRequestId: "mine",
    modelServed: "gpt-5-2026",
    ttftMs: 3.14,
    usage: { input: 10, output: 0 },
    costNanoUsd: 12_345_678_901_234_567n,
    errorCode: "upstream_timeout",
    errorMessage: "never in the line",
  };
  const { duration_ms: _, ...rest } = JSON.parse(lineOf(full).replace("12345678901234567", '"12345678901234567"')) as Record<
    string,
    unknown
  >;
  assert.deepEqual(rest, {
    ...rest,
    client_request_id: "mine",
    model_served: "gpt-5-2026",
    ttft_ms: 3.1,
    input_tokens: 10,
    output_tokens: 0,
    cost_nano_usd: "12345678901234567",
    error_code: "upstream_timeout",
  });
  assert.doesNotMatch(lineOf(full), /never in the line/);
});

test("names of a client's choice cannot break the line", () => {
  fc.assert(
    fc.property(anyText(20), anyText(20), (modelAsked, clientRequestId) => {
      const line = lineOf({ ...plain, modelAsked, clientRequestId, modelServed: `${modelAsked}!` });
      assert.equal(line.indexOf("\n"), line.length - 1);
      const parsed = JSON.parse(line) as Record<string, unknown>;
      assert.deepEqual([parsed["model"], parsed["client_request_id"], parsed["http_status"]], [modelAsked, clientRequestId, 200]);
    }),
    { numRuns: 50 },
  );
  const hostile = '","http_status":200,"x":"\n{"level":50}\u2028\ud800';
  const parsed = JSON.parse(lineOf({ ...plain, modelAsked: hostile, httpStatus: 404 })) as Record<string, unknown>;
  assert.deepEqual([parsed["model"], parsed["http_status"], parsed["x"]], [hostile, 404, undefined]);
});

test("a name of megabytes is cut", () => {
  const line = lineOf({ ...plain, modelAsked: "m".repeat(5_000_000) });
  assert.equal((JSON.parse(line) as { model: string }).model, `${"m".repeat(200)}…`);
});

test("a line says which attempts failed, and why", () => {
  const failures = [
    { reason: "overloaded", provider: "openai", model: "gpt-5" },
    { reason: "throttled", provider: "azure", model: 'gpt "5"' },
  ];
  const { attempts, attempt_errors: errors } = JSON.parse(lineOf({ ...plain, attempts: 3, failures })) as Record<string, unknown>;
  assert.deepEqual([attempts, errors], [3, ["overloaded openai/gpt-5", 'throttled azure/gpt "5"']]);
});
