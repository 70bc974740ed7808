import assert from "node:assert/strict";
import { silentLogger, type Clock, type Schedule } from "../../src/core/index.ts";
import { closeRecord, ManualTime, openRecord, settle } from "../../src/ledger/testing.ts";
import {
  createFileJournal,
  createLedger,
  createPriceCatalogue,
  finishedSeq,
  replayJournals,
  type EntryStatus,
  type JournalCheckpoint,
  type ActiveAttempt,
  type LedgerService,
  type LedgerSink,
  type UsageRow,
} from "../../src/ledger/index.ts";
import { createRandom, SimulatedDisk } from "../testbed/simulated-disk.ts";

const directory = "/journals";
const openMs = 5;
/** What `process` may lose when the power fails. */
const lossMs = 50;

/** A database whose transactions are all or nothing; it may fail before or after one, and lose the last ones when the power fails. */
class SimulatedDatabase {
  commits: { readonly rows: readonly UsageRow[]; readonly checkpoint: (JournalCheckpoint & { readonly timeMs: number }) | undefined }[] =
    [];
  mode: "up" | "down" | "fail-after" = "up";
  /** What has come through a power failure is there for good. */
  #safe = 0;

  losePower(lost: number): void {
    this.commits.length -= Math.min(this.commits.length - this.#safe, lost);
    this.#safe = this.commits.length;
  }

  sink(clock: Clock): LedgerSink {
    return {
      write: async (rows, checkpoint) => {
        if (this.mode === "down") throw new Error("database is locked");
        const known = new Set(this.rows().map(keyOf));
        const fresh = rows.filter((row) => !known.has(keyOf(row)) && known.add(keyOf(row)));
        this.commits.push({ rows: fresh, checkpoint: checkpoint && { ...checkpoint, timeMs: clock.now() } });
        if (this.mode === "fail-after") throw new Error("the connection was lost after the commit");
        await Promise.resolve();
      },
    };
  }

  rows(): UsageRow[] {
    return this.commits.flatMap((commit) => commit.rows);
  }

  checkpoint(journal: string): (JournalCheckpoint & { readonly timeMs: number }) | undefined {
    return this.commits.findLast((commit) => commit.checkpoint?.journal === journal)?.checkpoint;
  }
}

function keyOf(row: Pick<UsageRow, "request_id" | "attempt">): string {
  return `${row.request_id} ${row.attempt}`;
}

/** What is known of an attempt from outside. */
interface Attempt {
  readonly id: string;
  readonly number: number;
  readonly openedMs: number;
  closed?: EntryStatus;
  /** When the client had its answer. */
  answeredMs?: number;
  /** A crash has come after which its row, or a row with how it ended, is not promised any more. */
  excused: boolean;
  doubtful: boolean;
  /** Its process died while it was under way, and its OPEN was on disk. */
  interrupted: boolean;
  /** When its client was found not to have got the answer, and the row corrected to `cancelled`. */
  correctedMs?: number;
  /** A crash came before the correction was safe: its row may say what it said before. */
  mayBeUncorrected: boolean;
  /** What its ledger knows it by. */
  active?: ActiveAttempt;
}

const correction = { status: "cancelled", httpStatus: 499, errorCode: "client_closed_request" } as const;

export interface SimulationFigures {
  readonly answered: number;
  readonly crashes: number;
  readonly rows: number;
}

const prices = createPriceCatalogue({ overrides: { "gpt-5": { input: "1.25", output: "10" } } });

/** Plays one seed. @throws AssertionError where a promise was broken; its message has the seed. */
export async function simulateJournal(seed: number): Promise<SimulationFigures> {
  const random = createRandom(seed);
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)]!;
  const durability = pick(["power", "process"] as const);
  const time = new ManualTime();
  let offsetMs = 0;
  const clock: Clock = { now: () => time.nowMs + offsetMs, monotonic: () => time.nowMs };
  const disk = new SimulatedDisk({ random, schedule: time.schedule, syncMs: () => Math.floor(random() * 4) });
  const database = new SimulatedDatabase();
  const attempts: Attempt[] = [];
  let under: Attempt[] = [];
  /** Closed, and their answers are on their way to their clients. */
  let held: Attempt[] = [];
  let epoch = 0;
  let crashes = 0;
  let locks = new Set<string>();
  let ledger: LedgerService;

  const lock = (path: string): { release(): void } | undefined => {
    if (locks.has(path)) return undefined;
    locks.add(path);
    return { release: () => void locks.delete(path) };
  };

  /** Time goes on while it starts. */
  async function boot(): Promise<void> {
    const state = { starting: true };
    const start = startProcess().finally(() => {
      state.starting = false;
    });
    // What it throws is thrown below, not here.
    start.catch(() => undefined);
    for (await settle(); state.starting;) await time.advance(1);
    await start;
  }

  async function startProcess(): Promise<void> {
    const mine = ++epoch;
    const schedule: Schedule = (delayMs, callback) => time.schedule(delayMs, () => mine === epoch && callback());
    const session = disk.session();
    const written = database.sink(clock);
    const sink: LedgerSink = {
      write: (rows, checkpoint) => (mine === epoch ? written.write(rows, checkpoint) : new Promise(() => undefined)),
    };
    const readCheckpoint = (journal: string): ReturnType<Parameters<typeof replayJournals>[0]["readCheckpoint"]> =>
      Promise.resolve(database.checkpoint(journal));
    // A start that fails is tried again; at the end things are well.
    for (let tries = 1; ; tries++) {
      try {
        await replayJournals({ disk: session, directory, sink, readCheckpoint, lock, prices, clock, logger: silentLogger, batchRows: 3 });
        const journal = createFileJournal({
          disk: session,
          directory,
          name: `journal-${String(mine).padStart(4, "0")}-${tries}`,
          durability,
          clock,
          logger: silentLogger,
          lock,
          schedule,
          afterTurn: (callback) => void schedule(0, callback),
          segmentBytes: 2500,
          capacityBytes: 64 * 1024,
          capacityRows: 200,
          openMs,
        });
        ledger = createLedger({ sink, journal, prices: () => prices, clock, logger: silentLogger, schedule, batchRows: 4 });
        return;
      } catch (error) {
        if (tries > 3) {
          database.mode = "up";
          disk.failWrites = 0;
          disk.capacityBytes = Infinity;
        }
        assert.ok(tries < 6, `seed ${seed}: it does not start: ${String(error)}`);
      }
    }
  }

  function begin(): void {
    // As in the gateway: a ledger that takes nothing admits nothing.
    if (!ledger.healthy()) return;
    const attempt: Attempt = {
      id: `req_${attempts.length}`,
      number: 1,
      openedMs: time.nowMs,
      excused: false,
      doubtful: false,
      interrupted: false,
      mayBeUncorrected: false,
    };
    attempts.push(attempt);
    under.push(attempt);
    attempt.active = ledger.open(openRecord(attempt.id, { timeMs: clock.now(), inputTokensEstimate: 7 }));
  }

  function end(): void {
    const [attempt] = under.splice(Math.floor(random() * under.length), 1);
    if (attempt === undefined) return;
    const mine = epoch;
    attempt.closed = pick<EntryStatus>(["ok", "ok", "error", "cancelled", "interrupted"]);
    const isUnsettled = attempt.closed === "ok" && random() < 0.6;
    if (isUnsettled) held.push(attempt);
    const durable = ledger.close(attempt.active!, closeRecord(attempt.id, { timeMs: clock.now(), status: attempt.closed }), isUnsettled);
    const answer = (): void => {
      if (mine === epoch) attempt.answeredMs = time.nowMs;
    };
    if (durable === undefined) answer();
    else durable.then(answer, () => undefined);
  }

  function release(): void {
    const [attempt] = held.splice(Math.floor(random() * held.length), 1);
    if (attempt === undefined) return;
    if (random() < 0.5) {
      ledger.release(attempt.active!);
      return;
    }
    attempt.correctedMs = time.nowMs;
    ledger.release(attempt.active!, correction);
  }

  async function crash(power: boolean): Promise<void> {
    crashes += 1;
    const written = ledger.healthy() && disk.failWrites === 0;
    for (const attempt of attempts) {
      if (attempt.correctedMs === undefined) continue;
      const isSafe = written && !attempt.doubtful && time.nowMs - attempt.correctedMs > (power ? lossMs : openMs);
      if (!isSafe) attempt.mayBeUncorrected = true;
    }
    for (const attempt of under) if (!power && written && time.nowMs - attempt.openedMs > openMs) attempt.interrupted = true;
    // A journal that cannot be written has said so. What it holds survives its process, not the machine.
    if (!ledger.healthy()) for (const attempt of attempts) attempt.doubtful = true;
    if (power) {
      const safeMs = durability === "power" ? Infinity : time.nowMs - lossMs;
      for (const attempt of attempts) {
        if (attempt.answeredMs === undefined || attempt.answeredMs > safeMs || (durability === "process" && attempt.doubtful))
          attempt.excused = true;
        attempt.interrupted = false;
      }
      disk.losePower();
      // synchronous = NORMAL: the last transactions may be gone, all of each.
      database.losePower(Math.floor(random() * 3));
    } else {
      disk.killProcess();
    }
    epoch += 1;
    // A disk that fails the first sync after a crash as well, and loses power before the database has synced, has lost what was on no other one.
    disk.failSyncs = 0;
    under = [];
    held = [];
    locks = new Set();
    await boot();
  }

  await boot();
  const steps = 20 + Math.floor(random() * 60);
  for (let step = 0; step < steps; step++) {
    const dice = random();
    if (dice < 0.35) for (let i = 0; i <= random() * 4; i++) begin();
    else if (dice < 0.65) for (let i = 0; i <= random() * 4; i++) end();
    else if (dice < 0.71) for (let i = 0; i <= random() * 3; i++) release();
    else if (dice < 0.82) await time.advance(pick([0, 1, 3, 10, 45, 200, 1100]));
    else if (dice < 0.86) database.mode = pick(["up", "up", "down", "fail-after"]);
    else if (dice < 0.88) disk.failWrites = pick([0, 1, 2, 5]);
    else if (dice < 0.9) disk.failSyncs = pick([0, 1, 2, 3]);
    else if (dice < 0.91) disk.capacityBytes = random() < 0.5 ? Infinity : 6000;
    else if (dice < 0.93) offsetMs += pick([-86_400_000, -1000, 1000, 5 * 3_600_000]);
    else if (dice < 0.95) void ledger!.refuse(closeRecord(`req_refused_${seed}_${step}`, { attempt: 0, status: "refused" }));
    else if (dice < 0.985) await crash(random() < 0.5);
    else await settle();
  }
  database.mode = "up";
  disk.failWrites = 0;
  disk.failSyncs = 0;
  disk.capacityBytes = Infinity;
  if (random() < 0.8) await crash(random() < 0.5);
  await time.advance(10_000);
  const stopped = ledger!.stop();
  await time.advance(20_000);
  await stopped;

  check(seed, attempts, database);
  // Everything is in the database: a further start finds nothing to do.
  const before = database.rows().length;
  await boot();
  assert.equal(database.rows().length, before, `seed ${seed}: rows of a finished journal were written again`);
  return { answered: attempts.filter(({ answeredMs }) => answeredMs !== undefined).length, crashes, rows: before };
}

function check(seed: number, attempts: readonly Attempt[], database: SimulatedDatabase): void {
  const rows = new Map<string, UsageRow>();
  for (const row of database.rows()) {
    assert.ok(!rows.has(keyOf(row)), `seed ${seed}: ${keyOf(row)} is there twice`);
    rows.set(keyOf(row), row);
  }
  for (const attempt of attempts) {
    const row = rows.get(`${attempt.id} ${attempt.number}`);
    const where = `seed ${seed}: ${JSON.stringify({ ...attempt, active: undefined })}, row ${row?.status}`;
    rows.delete(`${attempt.id} ${attempt.number}`);
    const expected = attempt.correctedMs === undefined ? attempt.closed : correction.status;
    if (attempt.answeredMs !== undefined && !attempt.excused && !attempt.mayBeUncorrected) assert.equal(row?.status, expected, where);
    if (attempt.interrupted) assert.equal(row?.status, "interrupted", where);
    if (row === undefined) continue;
    assert.ok(row.status === expected || row.status === attempt.closed || row.status === "interrupted", where);
    if (row.status === "interrupted" && attempt.closed !== "interrupted")
      assert.deepEqual([row.usage_source, row.input_tokens, row.cost_nano_usd], ["estimated", 7, 8_750n], where);
  }
  for (const [key, row] of rows)
    assert.deepEqual([row.attempt, row.status], [0, "refused"], `seed ${seed}: no request was made for ${key}`);
  for (const { checkpoint } of database.commits) assert.ok(checkpoint === undefined || checkpoint.seq <= finishedSeq);
}
