import assert from "node:assert/strict";
import { test } from "node:test";
import { ActiveAttempt } from "../active-attempt.ts";
import { createRandom, SimulatedDisk } from "../../../tests/testbed/simulated-disk.ts";
import type { KeptChange } from "../../store/index.ts";
import { closeRecord, KeepingLogger, ManualTime, openRecord, settle } from "../testing.ts";
import { createFileJournal, type FileJournalOptions } from "./journal-file.ts";
import { createJournalName, listJournals } from "./journal-files.ts";
import { createScanReport, scanJournal } from "./journal-scan.ts";
import type { Journal } from "./journal.ts";
import { rowOf, type UsageRow } from "../entries/usage-row.ts";

const directory = "/journals";

interface Setup {
  readonly time: ManualTime;
  readonly disk: SimulatedDisk;
  readonly logger: KeepingLogger;
  readonly journal: Journal;
}

function setup(options: Partial<FileJournalOptions> = {}): Setup {
  const time = new ManualTime();
  const disk = new SimulatedDisk({ random: createRandom(1), schedule: time.schedule, syncMs: () => 2 });
  const logger = new KeepingLogger();
  const { clock, schedule } = time;
  const lock = (): { release(): void } => ({ release: () => undefined });
  const journal = createFileJournal({
    disk: disk.session(),
    directory,
    name: "one",
    durability: "process",
    clock,
    logger,
    lock,
    schedule,
    afterTurn: (callback) => callback(),
    ...options,
  });
  return { time, disk, logger, journal };
}

function row(id: string): UsageRow {
  return rowOf(closeRecord(id), {}, { costNanoUsd: 1n, snapshot: null });
}

function close(journal: Journal, id: string): Promise<void> | undefined {
  return journal.append({ type: "close", row: row(id) });
}

function idOf(change: KeptChange): string {
  if (change.kind === "insert") return change.owner.id;
  return change.kind === "conclude" ? change.id : change.callId;
}

/** The records that a start after a crash would find, and the report that it would log. */
function found(disk: SimulatedDisk): { readonly records: readonly string[]; readonly report: ReturnType<typeof createScanReport> } {
  const report = createScanReport();
  const session = disk.session();
  const paths = listJournals(session, directory).get("one") ?? [];
  const records = [...scanJournal(session, paths, 0, report)].map((record) =>
    record.type === "close" || record.type === "amend"
      ? `${record.type === "amend" ? `${record.row.status} ` : ""}${record.row.request_id}`
      : `${record.type} ${record.type === "open" ? record.record.requestId : idOf(record.change)}`,
  );
  return { records, report };
}

test("process: a row is written with all rows of its turn, an OPEN with it or 5 ms later, and a sync follows 40 ms later", async () => {
  const { time, disk, journal } = setup();
  await journal.append({ type: "open", attempt: new ActiveAttempt(openRecord("a")) });
  assert.deepEqual(found(disk).records, []);
  await close(journal, "b");
  assert.deepEqual(found(disk).records, ["open a", "b"]);
  await journal.append({ type: "open", attempt: new ActiveAttempt(openRecord("c")) });
  await time.advance(5);
  assert.deepEqual(found(disk).records, ["open a", "b", "open c"]);
  await time.advance(45);
  await close(journal, "d");
  disk.losePower();
  assert.deepEqual(found(disk).records.slice(0, 3), ["open a", "b", "open c"]);
});

test("process: callers of the same turn wait for its end, and for one write", async () => {
  const turns: (() => void)[] = [];
  const { disk, journal } = setup({ afterTurn: (callback) => void turns.push(callback) });
  const order: string[] = [];
  const first = close(journal, "a")!.then(() => order.push("a"));
  const second = close(journal, "b")!.then(() => order.push("b"));
  await settle();
  assert.deepEqual([turns.length, order, found(disk).records], [1, [], []]);
  turns[0]!();
  assert.deepEqual(found(disk).records, ["a", "b"]);
  await Promise.all([first, second]);
  assert.deepEqual(order, ["a", "b"]);
});

test("power: callers that come during a sync share the next one", async () => {
  const { time, disk, journal } = setup({ durability: "power" });
  const order: string[] = [];
  const wait = (id: string): void => void close(journal, id)!.then(() => order.push(`${id} ${time.nowMs - 1_760_000_000_000}`));
  wait("a");
  wait("b");
  await time.advance(1);
  wait("c");
  wait("d");
  await time.advance(9);
  assert.deepEqual(order, ["a 2", "b 2", "c 4", "d 4"]);
  disk.losePower();
  assert.deepEqual(found(disk).records, ["a", "b", "c", "d"]);
});

test("a sync that fails is not tried again on the same file: the records that it may have lost are in a new segment", async () => {
  const { time, disk, logger, journal } = setup({ durability: "power" });
  disk.failSyncs = 1;
  const kept = close(journal, "a")!;
  await time.advance(10);
  await kept;
  assert.deepEqual(logger.lines, ["error a sync of the journal failed: what it may have lost is written to a new segment"]);
  assert.ok(disk.list(directory).includes("one.000003.wal"), "the second one was being prepared");
  assert.equal(journal.hasRoom(1), true);
  disk.losePower();
  assert.deepEqual(found(disk).records, ["a"]);
});

test("while the disk fails, append rejects and no request is admitted; everything is written once the disk works again", async () => {
  const { time, disk, logger, journal } = setup();
  await close(journal, "a");
  disk.capacityBytes = 0;
  await assert.rejects(close(journal, "b")!, {
    code: "ledger_unavailable",
    message: "The usage of this request could not be recorded: ENOSPC: simulated",
  });
  assert.deepEqual([journal.hasRoom(1), journal.facts().problem], [false, "the journal cannot be written: ENOSPC: simulated"]);
  await time.advance(5000);
  assert.equal(journal.hasRoom(1), false);
  disk.capacityBytes = Infinity;
  await time.advance(1100);
  assert.equal(journal.hasRoom(1), true);
  await close(journal, "c");
  assert.deepEqual(found(disk).records, ["a", "b", "c"]);
  assert.deepEqual(logger.lines, [
    "error a write to the journal failed: it goes on in a new segment",
    "error the journal cannot be written; no request is admitted until it can",
    "info the journal is written again; requests are admitted",
  ]);
  assert.deepEqual(
    journal.peek(9).rows.map(({ request_id }) => request_id),
    ["a", "b", "c"],
  );
});

test("it warns at 80 % of its capacity, has no room at 100 %, and has room again when rows are acknowledged", () => {
  const { logger, journal } = setup({ capacityRows: 2048 });
  for (let i = 0; i < 2047; i++) void close(journal, `r${i}`);
  assert.deepEqual(
    [journal.hasRoom(1), journal.facts().problem],
    [true, "the journal is 99 % full: the database does not take the entries as fast as they come"],
  );
  void close(journal, "last");
  assert.equal(journal.hasRoom(1), false);
  assert.equal(journal.peek(3000).checkpoint?.seq, 2048);
  journal.acknowledge(1000);
  assert.deepEqual([journal.hasRoom(1), journal.facts().problem], [true, undefined]);
  assert.deepEqual(logger.lines, [
    "error the journal is nearly full: the database does not take the entries as fast as they come",
    "info the journal has room again",
  ]);
});

test("bytes count as well as rows", () => {
  const { journal } = setup({ capacityBytes: 100_000 });
  let rows = 0;
  while (journal.hasRoom(1) && rows < 1000) void close(journal, `r${rows++}`);
  assert.ok(rows > 300 && rows < 1000, `${rows}`);
});

test("a segment whose rows are in the database is removed after a day, after its open attempts were opened again", async () => {
  const { time, disk, journal } = setup({ segmentBytes: 1900 });
  await journal.append({ type: "open", attempt: new ActiveAttempt(openRecord("long")) });
  for (let i = 0; i < 40; i++) void close(journal, `a${i}`);
  await time.advance(100);
  journal.acknowledge(40);
  const before = disk.list(directory).length;
  assert.ok(before > 2);
  await time.advance(24 * 3_600_000);
  // The first acknowledgement opens it again. The segment is removed by the next one, once that is safe.
  void close(journal, "b");
  journal.acknowledge(1);
  void close(journal, "c");
  journal.acknowledge(1);
  assert.equal(disk.list(directory).length, before);
  await time.advance(100);
  void close(journal, "d");
  journal.acknowledge(1);
  assert.ok(disk.list(directory).length < before);
  const { records } = found(disk);
  assert.ok(!records.includes("a0") && records.includes("open long"), records.join());
});

test("a partial record at the end is skipped; a damaged record between others is reported, and the others are read", async () => {
  const { time, disk, journal } = setup();
  for (const id of ["a", "b", "c"]) void close(journal, id);
  await time.advance(50);
  const [name] = disk.list(directory);
  const path = `${directory}/${name}`;
  const size = disk.session().sizeBytes(path);
  disk.corrupt(path, size - 1);
  assert.deepEqual([found(disk).records, found(disk).report.tornBytes > 0, found(disk).report.damages], [["a", "b"], true, []]);
  disk.corrupt(path, size - 1);
  const record = Math.floor((size - 19) / 3);
  disk.corrupt(path, 19 + record + 30);
  const { records, report } = found(disk);
  assert.deepEqual(records, ["a", "c"]);
  assert.deepEqual(report, {
    damages: [{ path, position: 19 + record, sizeBytes: record, reason: "no complete record" }],
    missing: [[2, 2]],
    tornBytes: 0,
  });
});

test("a closed journal keeps its files for a day, and leaves no file if it was empty", async () => {
  const empty = setup();
  await empty.journal.close(true);
  assert.deepEqual(empty.disk.list(directory), []);
  for (const durability of ["power", "process"] as const) {
    const { time, disk, journal } = setup({ durability });
    void close(journal, "a");
    const closed = journal.close(true);
    await time.advance(20);
    await closed;
    disk.losePower();
    assert.deepEqual(found(disk).records, ["a"]);
    assert.equal(disk.list(directory).length, 1);
    assert.ok(disk.session().sizeBytes(`${directory}/${disk.list(directory)[0]}`) < 1000, "what was prepared and not used is cut off");
    await settle();
  }
});

test("a journal that another process writes cannot be opened", () => {
  assert.throws(() => setup({ lock: () => undefined }), { message: "The journal one in /journals is written by another process." });
});

test("names are unique and sort by time", () => {
  const first = createJournalName(Date.UTC(2026, 0, 31, 23, 59, 59), 42, 0.5);
  assert.equal(first, "20260131T235959Z-42-i00000");
  assert.ok(first < createJournalName(Date.UTC(2026, 1, 1), 7, 0));
});
