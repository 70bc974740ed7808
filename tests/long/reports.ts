import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock } from "../../src/core/index.ts";
import { createReports, createRollupStep, createStoreSink, exportEntries, type Reports, type UsageRow } from "../../src/ledger/index.ts";
import { rowOf } from "../../src/ledger/entries/usage-row.ts";
import { closeRecord } from "../../src/ledger/testing.ts";
import { createSqliteStore, type Store } from "../../src/store/index.ts";
import { writeFigures } from "./figures.ts";

const rowCount = 1_000_000;
const batchRows = 5000;
const hourMs = 3_600_000;
const startMs = 1_760_000_400_000;

/** A row every ten seconds, of 50 users and 20 models. */
function rowAt(template: UsageRow, index: number): UsageRow {
  const model = `model-${index % 20}`;
  return {
    ...template,
    request_id: `req_${String(index).padStart(12, "0")}`,
    time_ms: startMs + index * 10_000,
    user_id: `usr_${index % 50}`,
    model_asked: model,
    model_served: model,
  };
}

async function fill(store: Store): Promise<void> {
  const sink = createStoreSink(store, { steps: [createRollupStep(store)] });
  const template = rowOf(closeRecord("req_0"), { input: 1000, output: 100 }, { costNanoUsd: 5_000n, snapshot: null });
  for (let from = 0; from < rowCount; from += batchRows) {
    await sink.write(Array.from({ length: batchRows }, (_, offset) => rowAt(template, from + offset)));
  }
}

/** What an operator asks for: sums of all time and of parts of hours, a search, and a long export. */
const questions: Readonly<Record<string, (reports: Reports) => Promise<unknown>>> = {
  "usage by user and day": (reports) => reports.usage({ groupBy: ["user", "day"] }),
  "usage by model from the middle of an hour": (reports) =>
    reports.usage({ groupBy: ["model"], fromMs: startMs + hourMs / 2, toMs: startMs + 2000 * hourMs + hourMs / 2 }),
  "usage of one model": (reports) => reports.usage({ groupBy: ["user"], model: "model-7" }),
  "entries with a tag that none has": (reports) => reports.entries({ limit: 100, tag: "nobody" }),
  "an export of 50,000 entries": async (reports) => {
    let characters = 0;
    for await (const text of exportEntries(
      async (query) => {
        const page = await reports.entries(query);
        return { ...page, entries: page.entries.map((entry) => ({ ...entry, username: null, key_name: null })) };
      },
      { limit: 50_000 },
      "csv",
    )) {
      characters += text.length;
    }
    return characters;
  },
};

interface Figures {
  readonly took_ms: number;
  /** The longest turn of the event loop meanwhile, in time of this thread's processor: a busy machine does not change it. */
  readonly longest_turn_ms: number;
}

/** Rounded up to a tenth. */
const rounded = (ms: number): number => Math.ceil(ms * 10) / 10;

function threadMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** Looks at each turn of the event loop until the function that it returns is called, which returns the longest. */
function watchTurns(): () => number {
  let longest = 0;
  let last = threadMs();
  let isOver = false;
  const turn = (): void => {
    const now = threadMs();
    longest = Math.max(longest, now - last);
    last = now;
    if (!isOver) setImmediate(turn);
  };
  setImmediate(turn);
  return () => {
    isOver = true;
    turn();
    return longest;
  };
}

async function measure(db: Store["db"]): Promise<Record<string, Figures>> {
  const reports = createReports({ store: { dialect: "sqlite", db } });
  const figures: Record<string, Figures> = {};
  for (const [name, ask] of Object.entries(questions)) {
    const end = watchTurns();
    const from = performance.now();
    await ask(reports);
    figures[name] = { took_ms: rounded(performance.now() - from), longest_turn_ms: rounded(end()) };
  }
  return figures;
}

test("reports and exports from a million entries keep no request waiting", async () => {
  const folder = await mkdtemp(join(tmpdir(), "tokligence-reports-"));
  const store = await createSqliteStore({ path: join(folder, "a.db"), clock: systemClock });
  try {
    await fill(store);
    const onServingThread = await measure(store.db);
    const inThread = await measure(store.reader);
    writeFigures("reports", { rows: rowCount, on_the_serving_thread: onServingThread, in_a_thread: inThread });
    const longest = (figures: typeof inThread): number => Math.max(...Object.values(figures).map(({ longest_turn_ms }) => longest_turn_ms));
    assert.ok(longest(inThread) < longest(onServingThread) / 5, JSON.stringify({ onServingThread, inThread }, null, 1));
  } finally {
    await store.close();
    await rm(folder, { recursive: true, force: true });
  }
});
