import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { createSqliteStore, takeFileLock, type KeptChange, type Store } from "../../store/index.ts";
import { createNodeDisk } from "../journal/disk.ts";
import { ActiveAttempt } from "../active-attempt.ts";
import { closeRecord, KeepingLogger, ManualTime, openRecord } from "../testing.ts";
import { replayJournals, type ReplaySummary } from "./ingest.ts";
import { createFileJournal } from "../journal/journal-file.ts";
import { finishedSeq, type Journal } from "../journal/journal.ts";
import { createLedger } from "../ledger.ts";
import { createPriceCatalogue } from "../prices/price-catalogue.ts";
import { createStoreSink, readCheckpoint } from "../entries/sink.ts";
import { rowOf } from "../entries/usage-row.ts";

const prices = createPriceCatalogue({ overrides: { "gpt-5": { input: "1.25", output: "10" } } });

/** A folder on the real disk, a database, and journals whose processes appear dead when their locks are released. */
async function setup(t: TestContext): Promise<{
  readonly directory: string;
  readonly store: Store;
  readonly time: ManualTime;
  readonly logger: KeepingLogger;
  journal(name: string): { readonly journal: Journal; die(): void };
  replay(keepBytes?: number): Promise<ReplaySummary>;
  entries(): Promise<unknown[]>;
}> {
  const folder = mkdtempSync(join(tmpdir(), "tokligence-journal-"));
  const directory = join(folder, "gateway.db.journal");
  const time = new ManualTime();
  const logger = new KeepingLogger();
  const { clock } = time;
  const store = await createSqliteStore({ path: ":memory:", clock });
  t.after(async () => {
    await store.close();
    rmSync(folder, { recursive: true });
  });
  const sink = createStoreSink(store, { clock });
  const disk = createNodeDisk();
  return {
    directory,
    store,
    time,
    logger,
    journal(name) {
      let held: { release(): void } | undefined;
      const lock = (path: string): { release(): void } | undefined => (held = takeFileLock(path));
      const { schedule } = time;
      const journal = createFileJournal({
        disk,
        directory,
        name,
        durability: "process",
        clock,
        logger,
        lock,
        schedule,
        afterTurn: (callback) => callback(),
        segmentBytes: 2000,
      });
      return { journal, die: () => held!.release() };
    },
    replay: (keepBytes) =>
      replayJournals({
        ...(keepBytes === undefined ? {} : { keepBytes }),
        disk,
        directory,
        sink,
        readCheckpoint: (journal) => readCheckpoint(store, journal),
        lock: takeFileLock,
        prices,
        clock,
        logger,
        batchRows: 4,
      }),
    entries: () =>
      store.db
        .selectFrom("usage_entries")
        .select(["request_id", "attempt", "status", "duration_ms", "input_tokens", "usage_source", "cost_nano_usd", "error_code"])
        .orderBy("request_id")
        .orderBy("attempt")
        .execute(),
  };
}

function row(id: string): ReturnType<typeof rowOf> {
  return rowOf(closeRecord(id), { input: 1000 }, { costNanoUsd: 1_250_000n, snapshot: null });
}

test("the journal of a dead process is in the database once, however often it is read; its open attempts are interrupted", async (t) => {
  const { journal, replay, entries, store, time } = await setup(t);
  const { journal: left, die } = journal("left");
  for (let i = 0; i < 10; i++) void left.append({ type: "close", row: row(`a${i}`) });
  // The first three rows exist already, with their checkpoint; the fourth exists without one.
  const sink = createStoreSink(store, { clock: time.clock });
  const { rows, checkpoint } = left.peek(3);
  await sink.write(rows, checkpoint);
  await sink.write([left.peek(4).rows[3]!]);
  void left.append({ type: "open", attempt: new ActiveAttempt(openRecord("b", { inputTokensEstimate: 1000 })) });
  void left.append({ type: "open", attempt: new ActiveAttempt(openRecord("c", { attempt: 2, timeMs: 1_760_000_000_200 })) });
  void left.append({ type: "close", row: row("a_last") });
  die();
  assert.deepEqual(await replay(), { journals: 1, rows: 8, interrupted: 2, busy: [] });
  const expected = [
    ...Array.from({ length: 10 }, (_, i) => entry(`a${i}`)),
    entry("a_last"),
    { ...entry("b"), status: "interrupted", usage_source: "estimated", error_code: "gateway_crashed" },
    {
      ...entry("c"),
      attempt: 2,
      status: "interrupted",
      // Up to the last record of the process.
      duration_ms: 1000,
      input_tokens: null,
      usage_source: "none",
      cost_nano_usd: 0n,
      error_code: "gateway_crashed",
    },
  ];
  assert.deepEqual(await entries(), expected);
  assert.deepEqual(await replay(), { journals: 0, rows: 0, interrupted: 0, busy: [] });
  assert.deepEqual(await entries(), expected);
});

function entry(id: string): object {
  return {
    request_id: id,
    attempt: 1,
    status: "ok",
    duration_ms: 1200,
    input_tokens: 1000,
    usage_source: "reported",
    cost_nano_usd: 1_250_000n,
    error_code: null,
  };
}

test("the journal of a living process is not read until the process has died", async (t) => {
  const { journal, replay, entries } = await setup(t);
  const { journal: living, die } = journal("living");
  void living.append({ type: "close", row: row("a") });
  assert.deepEqual(await replay(), { journals: 0, rows: 0, interrupted: 0, busy: ["living"] });
  assert.deepEqual(await entries(), []);
  die();
  assert.deepEqual(await replay(), { journals: 1, rows: 1, interrupted: 0, busy: [] });
  assert.deepEqual(await entries(), [entry("a")]);
});

test("an unreadable part is reported with its position, and the rest is read", async (t) => {
  const { directory, journal, replay, entries, logger } = await setup(t);
  const { journal: left, die } = journal("left");
  for (const id of ["a", "b"]) void left.append({ type: "close", row: row(id) });
  die();
  writeFileSync(join(directory, "left.000003.wal"), "no record at all");
  const disk = createNodeDisk();
  const file = disk.open(join(directory, "left.000001.wal"));
  file.write(Buffer.from("x"), 16 + "left".length + 40);
  file.close();
  assert.deepEqual(await replay(), { journals: 1, rows: 1, interrupted: 0, busy: [] });
  assert.deepEqual(await entries(), [entry("b")]);
  assert.deepEqual(logger.lines, [
    "error a part of a journal cannot be read",
    "error records of a journal are missing: their usage may not be in the ledger",
    "info the journal of an earlier process was replayed",
  ]);
});

test("a ledger that is stopped leaves a journal that is not read again, and that is deleted after a day", async (t) => {
  const { directory, journal, replay, store, time, logger } = await setup(t);
  const { journal: mine } = journal("mine");
  const sink = createStoreSink(store, { clock: time.clock });
  const ledger = createLedger({ sink, journal: mine, prices: () => prices, clock: time.clock, logger });
  void ledger.close(ledger.open(openRecord("a")), closeRecord("a"));
  await ledger.stop();
  assert.deepEqual(await readCheckpoint(store, "mine"), { journal: "mine", seq: finishedSeq, timeMs: time.nowMs });
  assert.deepEqual(await replay(), { journals: 0, rows: 0, interrupted: 0, busy: [] });
  const disk = createNodeDisk();
  assert.deepEqual(disk.list(directory), ["mine.000001.wal"]);
  time.nowMs += 24 * 3_600_000;
  await replay();
  assert.deepEqual(disk.list(directory), []);
});

test("the oldest of the kept journals are deleted if they take too much space", async (t) => {
  const { directory, journal, replay } = await setup(t);
  for (const name of ["1", "2", "3"]) {
    const { journal: left, die } = journal(name);
    void left.append({ type: "close", row: row(name) });
    die();
  }
  const disk = createNodeDisk();
  const { length } = readFileSync(join(directory, "1.000001.wal"));
  await replay(0);
  assert.equal(disk.list(directory).length, 3, "none goes in the run that has read it");
  await replay(2 * length);
  assert.deepEqual(disk.list(directory).toSorted(), ["2.000001.wal", "3.000001.wal"]);
});

test("a failing database loses nothing: the entries are kept for the next start, and the log says so", async (t) => {
  const { journal, replay, entries, time, logger } = await setup(t);
  const { journal: mine } = journal("mine");
  const sink = { write: () => Promise.reject(new Error("database is locked")) };
  const { clock, schedule } = time;
  const ledger = createLedger({ sink, journal: mine, prices: () => prices, clock, schedule, logger });
  void ledger.close(ledger.open(openRecord("a")), closeRecord("a", { usage: { input: 1000 } }));
  const stopped = assert.rejects(ledger.stop(), { code: "ledger_unavailable" });
  await time.advance(10_000);
  await stopped;
  assert.equal(logger.lines.at(-1), "error usage entries wait in the journal: the next start writes them to the database");
  assert.deepEqual(await replay(), { journals: 1, rows: 1, interrupted: 0, busy: [] });
  assert.deepEqual(await entries(), [entry("a")]);
});

test("responses and proofs that only the journal has are in the database after the next start, once, however often it is read", async (t) => {
  const { journal, replay, store, directory } = await setup(t);
  const owner = { userId: "u", provider: "p", providerKey: "", model: "m" };
  const insert = (id: string, status: "completed" | "in_progress"): KeptChange => ({
    kind: "insert",
    owner: { id, ...owner },
    createdMs: 5,
    unbilled: false,
    body: { status, background: false, previousId: undefined, input: "[]", response: "{}" },
  });
  const changes: readonly KeptChange[] = [
    insert("resp_a", "completed"),
    insert("resp_b", "in_progress"),
    { kind: "conclude", id: "resp_b", status: "completed", response: '{"done":true}' },
    { kind: "proof", userId: "u", callId: "call_1", sealed: "S", createdMs: 5 },
  ];
  const { journal: first, die } = journal("one");
  const written: string[] = [];
  for (const change of changes) {
    await first.append({ type: "keep", queued: { change, size: 1, written: () => written.push(change.kind) } });
    await first.append({
      type: "close",
      row: rowOf(closeRecord(`req_${written.length}_${change.kind}`), {}, { costNanoUsd: 1n, snapshot: null }),
    });
  }
  // The database has had the first of them.
  const batch = first.peek(1);
  await createStoreSink(store).write(batch.rows, batch.checkpoint, batch.changes);
  first.acknowledge(batch.count);
  assert.deepEqual([written, first.pending], [["insert"], 7]);
  die();
  await store.db.deleteFrom("stored_responses").where("id", "=", "resp_a").execute();
  const copies = readdirSync(directory).map((name) => [join(directory, name), readFileSync(join(directory, name))] as const);
  await replay();
  for (const [path, bytes] of copies) writeFileSync(path, bytes);
  await store.db.deleteFrom("journal_checkpoints").execute();
  await store.db.insertInto("journal_checkpoints").values({ journal: "one", seq: 1, time_ms: 1 }).execute();
  await replay();
  const kept = await store.db.selectFrom("stored_responses").select(["id", "status", "response"]).execute();
  assert.deepEqual(kept, [{ id: "resp_b", status: "completed", response: '{"done":true}' }]);
  assert.equal((await store.db.selectFrom("kept_proofs").selectAll().execute()).length, 1);
});
