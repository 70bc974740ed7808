import assert from "node:assert/strict";
import { test } from "node:test";
import { createRandom, SimulatedDisk } from "../../../tests/testbed/simulated-disk.ts";
import { closeRecord, FakeSink, KeepingLogger, ManualTime, openRecord, settle } from "../testing.ts";
import { replayJournals } from "../ingest/ingest.ts";
import { ActiveAttempt } from "../active-attempt.ts";
import { createLedger, type LedgerService } from "../ledger.ts";
import { createPriceCatalogue } from "../prices/price-catalogue.ts";
import { createMemoryJournal, type Journal } from "./journal.ts";
import { createFileJournal } from "./journal-file.ts";

const directory = "/journals";
const correction = { status: "cancelled", httpStatus: 499, errorCode: "client_closed_request" } as const;
const prices = createPriceCatalogue({});
const lock = (): { release(): void } => ({ release: () => undefined });

interface Setup {
  readonly time: ManualTime;
  readonly disk: SimulatedDisk;
  readonly sink: FakeSink;
  readonly journal: Journal;
  readonly ledger: LedgerService;
  /** What the database has after the process has died and its journal was read. */
  readonly statusesAfterCrash: () => Promise<readonly string[]>;
  readonly statuses: () => readonly string[];
  /** Records an attempt whose answer is on its way to its client. */
  readonly answer: (id: string) => ActiveAttempt;
}

function setup(kind: "file" | "memory"): Setup {
  const time = new ManualTime();
  const { clock, schedule } = time;
  const disk = new SimulatedDisk({ random: createRandom(1), schedule, syncMs: () => 2 });
  const logger = new KeepingLogger();
  const sink = new FakeSink();
  const journal =
    kind === "memory"
      ? createMemoryJournal({ capacityRows: 20 })
      : createFileJournal({
          disk: disk.session(),
          directory,
          name: "one",
          durability: "process",
          clock,
          logger,
          lock,
          schedule,
          afterTurn: (callback) => callback(),
          segmentBytes: 1000,
          capacityRows: 20,
        });
  const ledger = createLedger({ sink, journal, prices: () => prices, clock, logger, schedule });
  const statuses = (): readonly string[] => [...sink.rows.values()].map((row) => `${row.request_id} ${row.status}`).toSorted();
  return {
    time,
    disk,
    sink,
    journal,
    ledger,
    statuses,
    answer(id) {
      const attempt = ledger.open(openRecord(id));
      void ledger.close(attempt, closeRecord(id), true);
      return attempt;
    },
    async statusesAfterCrash() {
      disk.killProcess();
      const readCheckpoint = (): Promise<{ readonly seq: number; readonly timeMs: number } | undefined> => {
        const last = sink.checkpoints.at(-1);
        return Promise.resolve(last && { seq: last.seq, timeMs: 0 });
      };
      const replayed = replayJournals({ disk: disk.session(), directory, sink, readCheckpoint, lock, prices, clock, logger });
      await time.advance(1000);
      await replayed;
      return statuses();
    },
  };
}

for (const kind of ["file", "memory"] as const) {
  test(`${kind}: the database gets a row when its answer has ended, corrected if the client did not get it`, async () => {
    const { time, sink, ledger, statuses, answer } = setup(kind);
    const [a, b] = ["a", "b", "c"].map((id) => answer(id));
    void ledger.refuse(closeRecord("d", { attempt: 0, status: "refused" }));
    await time.advance(1000);
    assert.deepEqual(statuses(), ["d refused"]);
    assert.equal(ledger.status().queued, 3);
    ledger.release(b!, correction);
    ledger.release(a!);
    ledger.release(a!, correction);
    ledger.release(new ActiveAttempt(openRecord("nobody")));
    await time.advance(1000);
    assert.deepEqual(statuses(), ["a ok", "b cancelled", "d refused"]);
    const { http_status, error_code, input_tokens, cost_nano_usd } = sink.rows.get("b 1")!;
    const { input_tokens: tokens, cost_nano_usd: cost } = sink.rows.get("a 1")!;
    assert.deepEqual([http_status, error_code, input_tokens, cost_nano_usd], [499, "client_closed_request", tokens, cost]);
    const stopped = ledger.stop();
    await time.advance(1000);
    await stopped;
    assert.deepEqual(statuses(), ["a ok", "b cancelled", "c ok", "d refused"]);
  });

  test(`${kind}: rows whose answers are on their way take up room`, () => {
    const { ledger, answer } = setup(kind);
    const attempts = Array.from({ length: 20 }, (_, i) => answer(`a${i}`));
    assert.equal(ledger.healthy(), false);
    ledger.release(attempts[0]!);
    assert.equal(ledger.healthy(), false);
  });

  test(`${kind}: a flush waits for the rows whose answers are on their way`, async () => {
    const { time, ledger, statuses, answer } = setup(kind);
    const attempt = answer("a");
    const flushed = ledger.flush();
    await time.advance(50);
    assert.deepEqual(statuses(), []);
    ledger.release(attempt);
    await time.advance(0);
    await flushed;
    assert.deepEqual(statuses(), ["a ok"]);
  });
}

test("a correction survives a crash, whether the database had rows that came later or not", async () => {
  for (const isLater of [false, true]) {
    const { time, sink, ledger, answer, statusesAfterCrash } = setup("file");
    const slow = answer("slow");
    void ledger.refuse(closeRecord("later", { attempt: 0, status: "refused" }));
    if (isLater) await time.advance(1000);
    assert.equal(sink.rows.size, isLater ? 1 : 0);
    ledger.release(slow, correction);
    await settle();
    assert.deepEqual(await statusesAfterCrash(), ["later refused", "slow cancelled"]);
  }
});

test("a row is there after a crash that came while its answer was on its way", async () => {
  const { time, ledger, answer, statusesAfterCrash } = setup("file");
  answer("slow");
  void ledger.refuse(closeRecord("later", { attempt: 0, status: "refused" }));
  await time.advance(1000);
  assert.deepEqual(await statusesAfterCrash(), ["later refused", "slow ok"]);
});

test("a slow reader does not make the journal keep what came after its row", async () => {
  const { time, ledger, answer, statusesAfterCrash, disk } = setup("file");
  const slow = answer("slow");
  for (let i = 0; i < 40; i++) {
    void ledger.refuse(closeRecord(`r${i}`, { attempt: 0, status: "refused" }));
    await time.advance(200);
  }
  assert.equal(ledger.healthy(), true);
  const session = disk.session();
  const needed = session.list(directory).length;
  assert.ok(needed > 5, `${needed} segments were written`);
  ledger.release(slow, correction);
  await settle();
  const statuses = await statusesAfterCrash();
  assert.deepEqual([statuses.length, statuses.at(-1)], [41, "slow cancelled"]);
});
