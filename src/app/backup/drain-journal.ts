import { setTimeout as sleep } from "node:timers/promises";
import { createNodeDisk, finishedSeq, listJournals, readWaitingRecords } from "../../ledger/index.ts";
import type { DumpSource } from "../../store/index.ts";

const limitMs = 15_000;
/** Without a gateway nothing is written, unless one is about to end. */
const idleLimitMs = 1000;
const pauseMs = 50;

/**
 * Waits until the database has all that the journals on this machine hold now. @throws Error that says what to do if that does not happen.
 * @param isRunning a gateway writes the journals' entries into the database.
 */
export async function waitForJournals(source: DumpSource, directory: string, isRunning: boolean): Promise<void> {
  let waiting = await readWaiting(source, directory);
  for (const deadline = performance.now() + (isRunning ? limitMs : idleLimitMs); waiting.length > 0; await sleep(pauseMs)) {
    if (performance.now() > deadline && !isRunning) {
      throw new Error(
        `The journal in ${directory} has entries that are not in the database. Start the gateway, and make the backup while it runs: tokligence start --background`,
      );
    }
    if (performance.now() > deadline) {
      throw new Error(
        `${waiting.length} entries of the journal in ${directory} did not come into the database within ${limitMs / 1000} s. What is wrong: tokligence ledger status`,
      );
    }
    const covered = await readCheckpoints(source);
    const left: Waiting[] = [];
    for (const record of waiting) {
      if ((covered.get(record.journal) ?? 0) < record.seq && !(await isWritten(source, record))) left.push(record);
    }
    waiting = left;
  }
}

interface Waiting {
  readonly journal: string;
  readonly seq: number;
  readonly entry?: { readonly requestId: string; readonly attempt: number };
}

async function readWaiting(source: DumpSource, directory: string): Promise<readonly Waiting[]> {
  const disk = createNodeDisk();
  const covered = await readCheckpoints(source);
  return [...listJournals(disk, directory)].flatMap(([journal, paths]) => {
    const seq = covered.get(journal) ?? 0;
    return seq === finishedSeq ? [] : readWaitingRecords(disk, paths, seq).map((record) => ({ ...record, journal }));
  });
}

async function readCheckpoints(source: DumpSource): Promise<ReadonlyMap<string, number>> {
  const rows = await source.query("select journal, seq from journal_checkpoints");
  return new Map(rows.map(({ journal, seq }) => [String(journal), Number(seq)]));
}

/** A checkpoint may be behind the rows: an attempt that is not settled holds it back. */
async function isWritten(source: DumpSource, { entry }: Waiting): Promise<boolean> {
  if (entry === undefined) return false;
  const id = entry.requestId.replaceAll("'", "''");
  const found = await source.query(`select 1 as found from usage_entries where request_id = '${id}' and attempt = ${entry.attempt}`);
  return found.length > 0;
}
