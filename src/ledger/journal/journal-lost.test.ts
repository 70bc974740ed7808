import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ActiveAttempt } from "../active-attempt.ts";
import { createRandom, SimulatedDisk } from "../../../tests/testbed/simulated-disk.ts";
import { takeFileLock, type KeptChange } from "../../store/index.ts";
import { createNodeDisk } from "./disk.ts";
import { closeRecord, KeepingLogger, ManualTime, openRecord } from "../testing.ts";
import { createFileJournal } from "./journal-file.ts";
import { listJournals, lockPath } from "./journal-files.ts";
import { createScanReport, scanJournal } from "./journal-scan.ts";
import type { Journal } from "./journal.ts";
import { rowOf } from "../entries/usage-row.ts";

const directory = "/journals";
const noticed =
  "error a file of the journal was removed, replaced or cut short; the records that the database lacks are written to a new one";

interface Setup {
  readonly time: ManualTime;
  readonly disk: SimulatedDisk;
  readonly logger: KeepingLogger;
  readonly journal: Journal;
}

/** Three rows, the first of them in the database, and an open attempt; everything is synced. */
async function setup(durability: "process" | "power"): Promise<Setup> {
  const time = new ManualTime();
  const disk = new SimulatedDisk({ random: createRandom(1), schedule: time.schedule, syncMs: () => 2 });
  const logger = new KeepingLogger();
  const { clock, schedule } = time;
  const lock = (): { release(): void } => ({ release: () => undefined });
  const afterTurn = (callback: () => void): void => callback();
  const journal = createFileJournal({ disk: disk.session(), directory, name: "one", durability, clock, logger, lock, schedule, afterTurn });
  void journal.append({ type: "open", attempt: new ActiveAttempt(openRecord("d")) });
  for (const id of ["a", "b", "c"]) void close(journal, id);
  await time.advance(100);
  journal.peek(1);
  journal.acknowledge(1);
  return { time, disk, logger, journal };
}

function close(journal: Journal, id: string): Promise<void> | undefined {
  return journal.append({ type: "close", row: rowOf(closeRecord(id), {}, { costNanoUsd: 1n, snapshot: null }) });
}

function idOf(change: KeptChange): string {
  if (change.kind === "insert") return change.owner.id;
  return change.kind === "conclude" ? change.id : change.callId;
}

/** The records that a start after a crash would find beyond the first row, and those that would be missing. */
function found(disk: SimulatedDisk): { readonly records: readonly string[]; readonly missing: readonly unknown[] } {
  const report = createScanReport();
  const session = disk.session();
  const paths = listJournals(session, directory).get("one") ?? [];
  const records = [...scanJournal(session, paths, 2, report)].map((record) =>
    record.type === "close" || record.type === "amend"
      ? `${record.type === "amend" ? `${record.row.status} ` : ""}${record.row.request_id}`
      : `${record.type} ${record.type === "open" ? record.record.requestId : idOf(record.change)}`,
  );
  return { records: records.toSorted(), missing: report.missing };
}

for (const [how, harm] of [
  ["removed", (disk: SimulatedDisk, path: string) => disk.unlink(path)],
  ["emptied", (disk: SimulatedDisk, path: string) => disk.empty(path)],
] as const) {
  test(`process: a segment that is ${how} is noticed with the next sync; the records that the database lacks are written again`, async () => {
    const { time, disk, logger, journal } = await setup("process");
    harm(disk, `${directory}/one.000001.wal`);
    await close(journal, "e");
    await time.advance(100);
    assert.deepEqual(found(disk), { records: ["b", "c", "e", "open d"], missing: [] });
    assert.deepEqual(
      logger.lines.filter((line) => line.startsWith("error")),
      [noticed],
    );
    assert.match(journal.facts().problem ?? "", /removed or changed/);
    assert.equal(journal.hasRoom(1), true);
    await time.advance(5 * 60_000);
    assert.equal(journal.facts().problem, undefined);
  });
}

test("process: an idle journal notices it at an inspection", async () => {
  const { time, disk, journal } = await setup("process");
  disk.unlink(`${directory}/one.000001.wal`);
  journal.inspect();
  await time.advance(10);
  assert.deepEqual(found(disk), { records: ["b", "c", "open d"], missing: [] });
});

test("power: a row in a removed file is not durable: its answer waits for the new file", async () => {
  const { time, disk, journal } = await setup("power");
  disk.unlink(`${directory}/one.000001.wal`);
  const waiting = close(journal, "e")!.then(() => {
    disk.losePower();
  });
  await time.advance(20);
  await waiting;
  assert.deepEqual(found(disk), { records: ["b", "c", "e", "open d"], missing: [] });
});

test("no request is admitted while no new segment can be made; it is tried again", async () => {
  const { time, disk, journal } = await setup("process");
  disk.unlink(`${directory}/one.000001.wal`);
  disk.failWrites = 2;
  journal.inspect();
  await time.advance(10);
  assert.equal(journal.hasRoom(1), false);
  await assert.rejects(close(journal, "e")!);
  await time.advance(2000);
  assert.equal(journal.hasRoom(1), true);
  assert.deepEqual(found(disk), { records: ["b", "c", "e", "open d"], missing: [] });
});

test("a removed folder is made again, with the lock that shows that this process is alive", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "tokligence-journal-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const place = join(folder, "journal");
  const time = new ManualTime();
  const { clock } = time;
  const journal = createFileJournal({
    disk: createNodeDisk(),
    directory: place,
    name: "one",
    durability: "process",
    clock,
    logger: new KeepingLogger(),
    lock: takeFileLock,
  });
  await close(journal, "a");
  rmSync(place, { recursive: true });
  journal.inspect();
  for (let tries = 0; tries < 200 && !existsSync(join(place, "one.000002.wal")); tries++)
    await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual(readdirSync(place).toSorted(), ["one.000002.wal", "one.lock"]);
  assert.equal(takeFileLock(lockPath(place, "one")), undefined);
  await journal.close(false);
  assert.deepEqual([...scanJournal(createNodeDisk(), [join(place, "one.000002.wal")], 0, createScanReport())].length, 1);
});
