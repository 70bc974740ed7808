import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import type { Usage } from "../../ir/index.ts";
import { closeRecord } from "../testing.ts";
import { clampUsage } from "./clamp-usage.ts";
import { interruptedRecord, noFurtherColumns, rowOf, rowValues, usageColumns } from "./usage-row.ts";

test("a closed attempt becomes a row", () => {
  const record = closeRecord("req_1", {
    clientRequestId: "abc",
    errorCode: "upstream_error",
    usage: { input: 9, output: 8, cacheRead: 7, cacheWrite5m: 1, cacheWrite1h: 1, reasoning: 3 },
  });
  const row = rowOf(record, record.usage, { costNanoUsd: 42n, snapshot: "{}" });
  assert.deepEqual(row, {
    request_id: "req_1",
    attempt: 1,
    time_ms: 1_760_000_000_000,
    duration_ms: 1200,
    ttft_ms: 300,
    user_id: "usr_1",
    key_id: "key_1",
    dialect: "openai-chat",
    provider: "openai",
    model_asked: "gpt-5",
    model_served: "gpt-5-2025-08-07",
    input_tokens: 9,
    output_tokens: 8,
    cache_read_tokens: 7,
    cache_write_5m_tokens: 1,
    cache_write_1h_tokens: 1,
    reasoning_tokens: 3,
    direction: "consume",
    status: "ok",
    usage_source: "reported",
    cost_nano_usd: 42n,
    price_snapshot: "{}",
    http_status: 200,
    error_code: "upstream_error",
    tags: null,
    client_request_id: "abc",
    ...noFurtherColumns,
  });
  assert.deepEqual(Object.fromEntries(rowValues(row).map((value, i) => [usageColumns[i], value])), row);
});

test("no text of a client or an upstream makes a row that a database refuses", () => {
  const row = rowOf(
    closeRecord("req_1", {
      modelAsked: `a\0b\ud800${"x".repeat(500)}`,
      modelServed: "\0",
      clientRequestId: "y".repeat(300),
      durationMs: Number.NaN,
      ttftMs: -0.5,
      httpStatus: 200.7,
    }),
    {},
    { costNanoUsd: undefined, snapshot: null },
  );
  assert.deepEqual(
    [row.model_asked, row.model_served, row.client_request_id, row.duration_ms, row.ttft_ms, row.http_status],
    [`a\ufffdb\ufffd${"x".repeat(252)}`, "\ufffd", "y".repeat(256), 0, 0, 201],
  );
});

test("an attempt of a dead process is recorded as interrupted, its usage unknown", () => {
  const { ttftMs: _, ...record } = closeRecord("req_1");
  const { status: _s, durationMs: _d, modelServed: _m, usage: _u, usageSource: _n, httpStatus: _h, ...open } = record;
  assert.deepEqual(interruptedRecord(open, open.timeMs + 77, "shutting_down"), {
    ...open,
    status: "interrupted",
    durationMs: 77,
    modelServed: "gpt-5",
    usage: {},
    usageSource: "none",
    httpStatus: 0,
    errorCode: "shutting_down",
  });
});

test("a valid usage is returned unchanged", () => {
  const usage: Usage = { input: 10, output: 5, cacheRead: 4, cacheWrite5m: 3, cacheWrite1h: 3, reasoning: 5 };
  assert.equal(clampUsage(usage), usage);
});

test("impossible counts are unknown, parts that exceed the whole are reduced", () => {
  const usages: Usage[] = [
    { input: -1, output: 1.5, cacheRead: Number.NaN, reasoning: Infinity },
    { input: 10, cacheRead: 6, cacheWrite5m: 6, cacheWrite1h: 6 },
    { output: 3, reasoning: 4 },
    { input: 2e12, cacheRead: 5, reasoning: 4 },
  ];
  assert.deepEqual(usages.map(clampUsage), [
    {},
    { input: 10, cacheRead: 6, cacheWrite5m: 4, cacheWrite1h: 0 },
    { output: 3, reasoning: 3 },
    { cacheRead: 5, reasoning: 4 },
  ]);
});

test("every clamped usage is valid", () => {
  const count = fc.option(fc.oneof(fc.nat({ max: 20 }), fc.double()), { nil: undefined });
  const names = ["input", "output", "cacheRead", "cacheWrite5m", "cacheWrite1h", "reasoning"] as const;
  fc.assert(
    fc.property(fc.tuple(...names.map(() => count)), (counts) => {
      const usage = Object.fromEntries(names.map((name, i) => [name, counts[i]]).filter(([, value]) => value !== undefined)) as Usage;
      const sound = clampUsage(usage);
      assert.equal(clampUsage(sound), sound);
      for (const value of Object.values(sound)) assert.ok(Number.isSafeInteger(value) && value >= 0);
      const parts = (sound.cacheRead ?? 0) + (sound.cacheWrite5m ?? 0) + (sound.cacheWrite1h ?? 0);
      assert.ok(parts <= (sound.input ?? Infinity) && (sound.reasoning ?? 0) <= (sound.output ?? Infinity));
    }),
  );
});
