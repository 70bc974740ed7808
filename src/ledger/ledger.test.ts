import assert from "node:assert/strict";
import { test } from "node:test";
import { closeRecord, FakeSink, KeepingLogger, ManualTime, openRecord, settle } from "./testing.ts";
import type { ActiveAttempt } from "./active-attempt.ts";
import { createMemoryJournal } from "./journal/journal.ts";
import { createLedger, type LedgerOptions, type LedgerService } from "./ledger.ts";
import { createPriceCatalogue } from "./prices/price-catalogue.ts";
import type { CloseRecord } from "./types.ts";

interface Setup {
  readonly time: ManualTime;
  readonly sink: FakeSink;
  readonly logger: KeepingLogger;
  readonly ledger: LedgerService;
}

const prices = createPriceCatalogue({ overrides: { "openai/gpt-5": { input: "1", output: "10" } } });

function setup(options: Partial<LedgerOptions> = {}): Setup {
  const time = new ManualTime();
  const sink = new FakeSink();
  const logger = new KeepingLogger();
  const parts = { sink, prices: () => prices, clock: time.clock, schedule: time.schedule, logger };
  const ledger = createLedger({ ...parts, flushMs: 20, ...options });
  return { time, sink, logger, ledger };
}

function run(ledger: LedgerService, id: string, changes: Partial<CloseRecord> = {}): ActiveAttempt {
  const attempt = ledger.open(openRecord(id));
  assert.equal(ledger.close(attempt, closeRecord(id, { modelServed: "gpt-5", ...changes })), undefined);
  return attempt;
}

function refuse(ledger: LedgerService, id: string, changes: Partial<CloseRecord> = {}): void {
  assert.equal(ledger.refuse(closeRecord(id, { attempt: 0, status: "refused", ...changes })), undefined);
}

test("entries wait for the flush delay and are written together, outside the caller's turn", async () => {
  const { time, sink, ledger } = setup();
  run(ledger, "req_1");
  await time.advance(19);
  run(ledger, "req_2");
  assert.deepEqual(sink.batches, []);
  await time.advance(1);
  assert.deepEqual(sink.batches, [2]);
  assert.deepEqual(ledger.status(), {
    durability: "async",
    queued: 0,
    written: 2,
    open: 0,
    healthy: true,
    refusedUnrecorded: 0,
    lastError: undefined,
    lastFlushMs: 1_760_000_000_020,
    lagMs: 0,
    journal: { problem: undefined, segments: 0, sizeBytes: 0 },
  });
  assert.deepEqual(time.delays, []);
});

test("a full batch does not wait, and a long queue is written one batch per turn", async () => {
  const { time, sink, ledger } = setup({ batchRows: 3 });
  for (let i = 0; i < 8; i++) run(ledger, `req_${i}`);
  assert.deepEqual([sink.batches, time.delays], [[], [0]]);
  await time.advance(0);
  assert.deepEqual(sink.batches, [3, 3]);
  await time.advance(20);
  assert.deepEqual([sink.batches, sink.rows.size], [[3, 3, 2], 8]);
});

test("a row contains the usage, its cost and the rates", async () => {
  const { sink, ledger } = setup();
  run(ledger, "req_1", { usage: { input: 1000, output: 100, reasoning: 300 } });
  await ledger.flush();
  const row = sink.rows.get("req_1 1")!;
  assert.deepEqual(
    [row.input_tokens, row.output_tokens, row.reasoning_tokens, row.cost_nano_usd, row.price_snapshot],
    [1000, 100, 100, 2_000_000n, '{"source":"override","model":"openai/gpt-5","input":"1","output":"10"}'],
  );
});

test("an interrupted request is charged by what is known of its usage", async () => {
  const { sink, ledger } = setup();
  const { ttftMs: _, ...beforeContent } = closeRecord("");
  const cases: Readonly<Record<string, Partial<CloseRecord>>> = {
    ok: {},
    cancelled: { status: "cancelled", usageSource: "estimated" },
    "interrupted, nothing known": { status: "interrupted", usage: {}, usageSource: "none", inputTokensEstimate: 3 },
    "an operation without tokens": { usage: {}, usageSource: "none" },
    "error after content": { status: "error" },
    "no price": { provider: "ollama", modelServed: "qwen3", upstreamModel: "qwen3" },
    loopback: { provider: "loopback", modelServed: "loopback", usage: {} },
  };
  for (const [id, changes] of Object.entries(cases)) run(ledger, id, changes);
  void ledger.close(ledger.open(openRecord("error before content")), {
    ...beforeContent,
    requestId: "error before content",
    status: "error",
  });
  refuse(ledger, "refused", { provider: "", modelServed: "", upstreamModel: "", usage: {} });
  await ledger.flush();
  assert.deepEqual(
    Object.fromEntries([...sink.rows.values()].map((row) => [row.request_id, [row.cost_nano_usd, row.price_snapshot !== null]])),
    {
      ok: [2_000_000n, true],
      cancelled: [2_000_000n, true],
      "interrupted, nothing known": [null, false],
      "an operation without tokens": [0n, false],
      "error after content": [2_000_000n, true],
      "no price": [null, false],
      loopback: [0n, true],
      "error before content": [0n, false],
      refused: [0n, false],
    },
  );
});

test("if the upstream's name for the model has no price, the requested model's price is charged", async () => {
  const { sink, ledger } = setup();
  run(ledger, "req_1", { modelServed: "gpt-5-internal-build", upstreamModel: "gpt-5" });
  await ledger.flush();
  assert.equal(sink.rows.get("req_1 1")!.cost_nano_usd, 2_000_000n);
  const usage = { input: 1000, output: 100 };
  assert.deepEqual(
    [
      ledger.cost("openai", "gpt-5", usage, 0),
      ledger.cost("openai", "zzz", usage, 0),
      ledger.cost("openai", "zzz", usage, 0, "gpt-5"),
      ledger.cost("openai", "gpt-5", { input: 10, cacheRead: 20 }, 0),
    ],
    [2_000_000n, undefined, 2_000_000n, 10_000n],
  );
});

test("new prices apply from the next entry on", async () => {
  let current = prices;
  const { sink, ledger } = setup({ prices: () => current });
  run(ledger, "req_1");
  current = createPriceCatalogue({ overrides: { "openai/gpt-5": { input: "2", output: "20" } } });
  run(ledger, "req_2");
  await ledger.flush();
  assert.deepEqual(
    [...sink.rows.values()].map((row) => row.cost_nano_usd),
    [2_000_000n, 4_000_000n],
  );
});

test("while the database fails, entries are kept and tried again with growing pauses; the failure is logged once", async () => {
  const { time, sink, logger, ledger } = setup({ batchRows: 5 });
  sink.outcome = "fail";
  run(ledger, "req_1");
  await time.advance(20);
  const pauses: number[] = [];
  for (let i = 0; i < 8; i++) {
    const pause = time.delays[0]!;
    pauses.push(pause);
    run(ledger, `req_later_${i}`);
    assert.deepEqual(time.delays, [pause]);
    await time.advance(pause);
  }
  assert.deepEqual(pauses, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
  const { queued, written, lastError, healthy } = ledger.status();
  assert.deepEqual([queued, written, lastError, healthy, sink.rows.size], [9, 0, "disk I/O error", true, 0]);
  assert.deepEqual(logger.lines, ["error usage entries cannot be written; they are kept and tried again"]);

  sink.outcome = "ok";
  await time.advance(5020);
  assert.deepEqual([sink.rows.size, ledger.status().queued, ledger.status().lastError], [9, 0, undefined]);
  assert.deepEqual(logger.lines.slice(1), ["info usage entries are written again"]);
});

test("a batch that was committed but reported as failed is not written twice", async () => {
  const { time, sink, ledger } = setup();
  sink.script = ["fail-after"];
  run(ledger, "req_1");
  await time.advance(20);
  run(ledger, "req_2");
  await time.advance(100);
  assert.deepEqual([sink.batches, [...sink.rows.keys()], ledger.status().written], [[1, 2], ["req_1 1", "req_2 1"], 2]);
});

test("without room for the active attempts no request is admitted; admitted ones are recorded", async () => {
  const { time, sink, logger, ledger } = setup({ journal: createMemoryJournal({ capacityRows: 3 }) });
  sink.outcome = "fail";
  const opened = ["req_1", "req_2"].map((id) => ledger.open(openRecord(id)));
  assert.equal(ledger.healthy(), true);
  opened.push(ledger.open(openRecord("req_3")));
  assert.equal(ledger.healthy(), false);
  assert.equal(ledger.healthy(), false);
  for (const attempt of opened) void ledger.close(attempt, closeRecord(attempt.record.requestId));
  refuse(ledger, "req_refused");
  const { queued, refusedUnrecorded, healthy } = ledger.status();
  assert.deepEqual([queued, refusedUnrecorded, healthy], [3, 1, false]);

  await time.advance(20);
  sink.outcome = "ok";
  await time.advance(100);
  assert.equal(ledger.healthy(), true);
  assert.deepEqual([...sink.rows.keys()], ["req_1 1", "req_2 1", "req_3 1"]);
  assert.deepEqual(logger.lines, [
    "error the ledger accepts no more entries; no request is admitted",
    "error usage entries cannot be written; they are kept and tried again",
    "info usage entries are written again",
    "info the ledger accepts entries again; requests are admitted",
  ]);
});

test("an attempt that is closed twice keeps its first row", async () => {
  const { sink, logger, ledger } = setup();
  void ledger.close(run(ledger, "req_1"), closeRecord("req_1", { status: "error" }));
  await ledger.flush();
  assert.deepEqual(
    [...sink.rows.values()].map((row) => row.status),
    ["ok"],
  );
  assert.deepEqual([sink.batches, logger.lines], [[1], ["warn an attempt was closed that was not open"]]);
});

test("flush writes at once, even during a backoff or another write", async () => {
  const { time, sink, ledger } = setup({ batchRows: 2 });
  await ledger.flush();
  sink.script = ["fail"];
  run(ledger, "req_0");
  await time.advance(20);
  for (let i = 1; i < 6; i++) run(ledger, `req_${i}`);
  await Promise.all([ledger.flush(), ledger.flush()]);
  assert.deepEqual([sink.batches, sink.rows.size, time.delays], [[1, 2, 2, 2], 6, []]);
});

test("flush fails after its timeout with the reason; the entries are written later", async () => {
  const { time, sink, ledger } = setup({ flushTimeoutMs: 1000 });
  sink.outcome = "fail";
  run(ledger, "req_1");
  const flushed = assert.rejects(ledger.flush(), {
    code: "ledger_unavailable",
    message: "1 usage entries could not be written within 1000 ms: disk I/O error.",
  });
  await time.advance(1000);
  await flushed;
  assert.equal(sink.batches.length, 11);
  sink.outcome = "ok";
  await time.advance(5000);
  assert.deepEqual([sink.rows.size, time.delays], [1, []]);
});

test("a database that never answers does not block flush for ever", async () => {
  const { time, sink, ledger } = setup({ flushTimeoutMs: 1000 });
  sink.outcome = "hang";
  run(ledger, "req_1");
  const flushed = assert.rejects(ledger.flush(), {
    message: "1 usage entries could not be written within 1000 ms: the database has not answered.",
  });
  await time.advance(1000);
  await flushed;
});

test("stop writes everything, and open attempts as interrupted", async () => {
  const { time, sink, ledger } = setup();
  run(ledger, "req_1");
  const second = ledger.open(openRecord("req_2", { inputTokensEstimate: 1000 }));
  ledger.open(openRecord("req_3", { attempt: 2 }));
  time.nowMs += 500;
  await ledger.stop();
  await ledger.stop();
  assert.deepEqual(
    [...sink.rows.values()]
      .map((row) => [row.request_id, row.attempt, row.status, row.duration_ms, row.cost_nano_usd, row.error_code])
      .toSorted(([one], [other]) => String(one).localeCompare(String(other))),
    [
      ["req_1", 1, "ok", 1200, 2_000_000n, null],
      ["req_2", 1, "interrupted", 500, 1_000_000n, "shutting_down"],
      ["req_3", 2, "interrupted", 500, 0n, "shutting_down"],
    ],
  );
  // Calls after `stop` change nothing.
  void ledger.close(ledger.open(openRecord("req_4")), closeRecord("req_4"));
  void ledger.close(second, closeRecord("req_2"));
  refuse(ledger, "req_5");
  await time.advance(10_000);
  const { queued, open, healthy, refusedUnrecorded } = ledger.status();
  assert.deepEqual([sink.rows.size, queued, open, healthy, refusedUnrecorded, time.delays], [3, 0, 0, false, 1, []]);
});

test("stop reports the number of lost entries if the database fails", async () => {
  const { time, sink, logger, ledger } = setup({ flushTimeoutMs: 1000 });
  sink.outcome = "fail";
  run(ledger, "req_1");
  ledger.open(openRecord("req_2"));
  const stopped = assert.rejects(ledger.stop(), {
    code: "ledger_unavailable",
    message: "2 usage entries could not be written within 1000 ms: disk I/O error.",
  });
  await time.advance(1000);
  await stopped;
  await settle();
  assert.equal(logger.lines.at(-1), "error usage entries were lost: the database did not accept them");
  assert.deepEqual(time.delays, []);
});

test("`close` waits for the journal if necessary, and an OPEN that the journal refuses fails the CLOSE", async () => {
  const memory = createMemoryJournal();
  const { ledger } = setup({
    journal: {
      durability: "power",
      append(record) {
        void memory.append(record);
        return Promise.reject(new Error("no space left on device"));
      },
      openAttempts: memory.openAttempts,
      release: (attempt, correction) => memory.release(attempt, correction),
      releaseAll: () => memory.releaseAll(),
      get pending() {
        return memory.pending;
      },
      get unsettled() {
        return memory.unsettled;
      },
      hasRoom: (records) => memory.hasRoom(records),
      peek: (limit) => memory.peek(limit),
      acknowledge: (count) => memory.acknowledge(count),
      inspect: () => undefined,
      finalCheckpoint: undefined,
      facts: () => memory.facts(),
      close: () => memory.close(true),
    },
  });
  const attempt = ledger.open(openRecord("req_1"));
  await settle();
  await assert.rejects(ledger.close(attempt, closeRecord("req_1"))!, { message: "no space left on device" });
  assert.equal(ledger.status().durability, "power");
});
