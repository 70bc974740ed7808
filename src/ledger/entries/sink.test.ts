import assert from "node:assert/strict";
import { test } from "node:test";
import { createSqliteStore, type Store } from "../../store/index.ts";
import { closeRecord, ManualTime } from "../testing.ts";
import { createStoreSink, readCheckpoint, type IngestStep } from "./sink.ts";
import { rowOf, type UsageRow } from "./usage-row.ts";

const time = new ManualTime();

function row(id: string, attempt = 1, cost = 1n): UsageRow {
  const record = closeRecord(id, { attempt });
  return rowOf(record, record.usage, { costNanoUsd: cost, snapshot: null });
}

const named = (rows: readonly UsageRow[]): readonly string[] => rows.map((one) => `${one.request_id}#${one.attempt}=${one.cost_nano_usd}`);

async function withStore(use: (store: Store) => Promise<void>): Promise<void> {
  const store = await createSqliteStore({ path: ":memory:", clock: time.clock });
  try {
    await use(store);
  } finally {
    await store.close();
  }
}

async function stored(store: Store): Promise<readonly string[]> {
  return named(await store.db.selectFrom("usage_entries").selectAll().orderBy("request_id").orderBy("attempt").execute());
}

test("the steps see each row once, even if it is sent again in another batch", async () => {
  await withStore(async (store) => {
    const seen: (readonly string[])[] = [];
    const sink = createStoreSink(store, { steps: [async (_, rows) => void seen.push(named(rows))] });
    await sink.write([row("a"), row("b")]);
    await sink.write([row("a"), row("b")]);
    // One row that exists, one twice in the batch with another cost, a second attempt, and many new ones.
    const many = Array.from({ length: 1200 }, (_, i) => row(`m${String(i).padStart(4, "0")}`));
    await sink.write([row("b", 1, 9n), row("c"), row("c", 1, 9n), row("a", 2), ...many]);
    await sink.write([]);
    assert.deepEqual(seen, [
      ["a#1=1", "b#1=1"],
      ["c#1=1", "a#2=1", ...named(many)],
    ]);
    assert.deepEqual(await stored(store), ["a#1=1", "a#2=1", "b#1=1", "c#1=1", ...named(many)]);
  });
});

test("rows, the steps' changes and the checkpoint are written together or not at all", async () => {
  await withStore(async (store) => {
    let broken = true;
    const marks: IngestStep = async (transaction, rows) => {
      await transaction.updateTable("revisions").set({ value: rows.length }).where("name", "=", "accounts").execute();
    };
    const fails: IngestStep = async () => {
      if (broken) throw new Error("the step failed");
    };
    const sink = createStoreSink(store, { steps: [marks, fails], clock: time.clock });
    const facts = async (): Promise<unknown> => ({
      rows: await stored(store),
      marks: await store.readRevision(),
      checkpoint: await readCheckpoint(store, "journal-1"),
    });
    await assert.rejects(sink.write([row("a"), row("b")], { journal: "journal-1", seq: 7 }), /the step failed/);
    assert.deepEqual(await facts(), { rows: [], marks: 0, checkpoint: undefined });
    broken = false;
    await sink.write([row("a"), row("b")], { journal: "journal-1", seq: 7 });
    assert.deepEqual(await facts(), {
      rows: ["a#1=1", "b#1=1"],
      marks: 2,
      checkpoint: { journal: "journal-1", seq: 7, timeMs: time.nowMs },
    });
  });
});

test("a checkpoint advances with rows that exist already, and without rows; each journal has its own", async () => {
  await withStore(async (store) => {
    const sink = createStoreSink(store, { clock: time.clock });
    await sink.write([row("a")], { journal: "one", seq: 1 });
    await sink.write([row("a")], { journal: "one", seq: 2 });
    await sink.write([], { journal: "two", seq: 5 });
    const all = await store.db.selectFrom("journal_checkpoints").selectAll().orderBy("journal").execute();
    assert.deepEqual(all, [
      { journal: "one", seq: 2, time_ms: time.nowMs },
      { journal: "two", seq: 5, time_ms: time.nowMs },
    ]);
    assert.deepEqual(await readCheckpoint(store, "one"), { journal: "one", seq: 2, timeMs: time.nowMs });
  });
});
