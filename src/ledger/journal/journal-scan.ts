import { messageOf } from "../../core/index.ts";
import type { KeptChange } from "../../store/index.ts";
import type { Disk } from "./disk.ts";
import { decodeClose, decodeKeep, decodeOpen, frameHeadBytes, readFrame, recordTypes, type Frame } from "./journal-codec.ts";
import { attemptKey, type OpenRecord } from "../types.ts";
import type { UsageRow } from "../entries/usage-row.ts";

/** A record that the scan found. `covered`: its seq is within the checkpoint. */
export type FoundRecord =
  | { readonly type: "open"; readonly record: OpenRecord }
  | { readonly type: "close"; readonly row: UsageRow; readonly covered: boolean }
  /** Replaces the row that a CLOSE has recorded. */
  | { readonly type: "amend"; readonly row: UsageRow; readonly covered: boolean }
  /** A KEEP that the checkpoint covers is not returned. */
  | { readonly type: "keep"; readonly change: KeptChange };

/** Bytes of a segment that are not a record, although records follow. */
export interface Damage {
  readonly path: string;
  readonly position: number;
  readonly sizeBytes: number;
  readonly reason: string;
}

/** What a scan could not read. It is filled during the scan and is complete at its end. */
export interface ScanReport {
  readonly damages: Damage[];
  /** Records beyond the checkpoint that were not found, from seq to seq. */
  missing: readonly (readonly [number, number])[];
  /** Bytes at the ends of segments that are the beginning of a record: a write that a crash interrupted. No caller was promised these records. */
  tornBytes: number;
}

export function createScanReport(): ScanReport {
  return { damages: [], missing: [], tornBytes: 0 };
}

/**
 * All records of a journal, segment by segment, each once. A record that was written again after a failed sync is returned from whichever place still
 * has it. Bytes that are not a record are skipped up to the next complete one, and reported.
 * @param coveredSeq the database has all rows up to this seq; 0: none.
 */
export function* scanJournal(disk: Disk, paths: readonly string[], coveredSeq: number, report: ScanReport): Generator<FoundRecord> {
  const seen = new SeqsSeen(coveredSeq);
  for (const path of paths) {
    let bytes: Buffer;
    try {
      bytes = readWhole(disk, path);
    } catch (error) {
      report.damages.push({ path, position: 0, sizeBytes: 0, reason: messageOf(error) });
      continue;
    }
    for (const { at, frame, end } of readPieces(bytes)) {
      if (frame === undefined) {
        if (end === undefined) report.tornBytes += endOfData(bytes) - at;
        else report.damages.push({ path, position: at, sizeBytes: end - at, reason: "no complete record" });
        continue;
      }
      const { type, seq, payload } = frame;
      try {
        if (type === recordTypes.head) {
          seen.excuse(seq);
        } else if (type === recordTypes.open) {
          if (seq <= coveredSeq || seen.add(seq)) yield { type: "open", record: decodeOpen(payload) };
        } else if (type === recordTypes.close) {
          const covered = seq <= coveredSeq;
          if (covered || seen.add(seq)) yield { type: "close", row: decodeClose(payload), covered };
        } else if (type === recordTypes.amend) {
          const covered = seq <= coveredSeq;
          if (covered || seen.add(seq)) yield { type: "amend", row: decodeClose(payload), covered };
        } else if (seq > coveredSeq && seen.add(seq)) {
          yield { type: "keep", change: decodeKeep(payload) };
        }
      } catch (error) {
        report.damages.push({ path, position: at, sizeBytes: frame.end - at, reason: messageOf(error) });
      }
    }
  }
  report.missing = seen.missing;
}

/** The rows of the AMEND records by `attemptKey`: they replace the rows of CLOSE records. `scanJournal` reports what cannot be read. */
export function readAmendedRows(disk: Disk, paths: readonly string[]): Map<string, UsageRow> {
  const amended = new Map<string, UsageRow>();
  for (const path of paths) {
    try {
      for (const { frame } of readPieces(readWhole(disk, path))) {
        if (frame?.type !== recordTypes.amend) continue;
        const row = decodeClose(frame.payload);
        amended.set(attemptKey(row.request_id, row.attempt), row);
      }
    } catch {
      // Reported by the scan, which reads it again.
    }
  }
  return amended;
}

/** A record that the database may not have yet. */
export interface WaitingRecord {
  readonly seq: number;
  /** Of a usage entry; `undefined`: a change of a stored response or proof. */
  readonly entry?: { readonly requestId: string; readonly attempt: number };
}

/** The records of entries and changes beyond the checkpoint. Another process may be writing the files. */
export function readWaitingRecords(disk: Disk, paths: readonly string[], coveredSeq: number): readonly WaitingRecord[] {
  const waiting: WaitingRecord[] = [];
  // Older segments have older records.
  for (const path of paths.toReversed()) {
    let count = 0;
    for (const { frame } of readPieces(readWhole(disk, path))) {
      if (frame === undefined || frame.seq <= coveredSeq) continue;
      if (frame.type === recordTypes.close) {
        const { request_id: requestId, attempt } = decodeClose(frame.payload);
        waiting.push({ seq: frame.seq, entry: { requestId, attempt } });
      } else if (frame.type === recordTypes.keep) waiting.push({ seq: frame.seq });
      else continue;
      count += 1;
    }
    if (count === 0) break;
  }
  return waiting;
}

interface Piece {
  readonly at: number;
  /** `undefined`: bytes that hold no whole record. */
  readonly frame: Frame | undefined;
  /** Where the next record begins; `undefined` behind the last one. */
  readonly end: number | undefined;
}

/** The records of a segment, and what is between them, in order. */
function* readPieces(bytes: Buffer): Generator<Piece> {
  const end = endOfData(bytes);
  for (let at = 0; at < end;) {
    const frame = readFrame(bytes, at);
    const next = frame === undefined ? nextFrame(bytes, at + 1, end) : frame.end;
    yield { at, frame, end: next };
    at = next ?? end;
  }
}

/** Which records beyond the checkpoint have been found. */
class SeqsSeen {
  #last: number;
  #gaps: (readonly [number, number])[] = [];
  #excused = 0;

  constructor(last: number) {
    this.#last = last;
  }

  get missing(): readonly (readonly [number, number])[] {
    return this.#gaps.flatMap(([from, to]) => (to <= this.#excused ? [] : [[Math.max(from, this.#excused + 1), to] as const]));
  }

  /** Records up to this one do not count as missing: those that were needed were written again. */
  excuse(seq: number): void {
    this.#excused = Math.max(this.#excused, seq);
  }

  /** @returns false if it was found before. */
  add(seq: number): boolean {
    if (seq > this.#last) {
      if (seq > this.#last + 1) this.#gaps.push([this.#last + 1, seq - 1]);
      this.#last = seq;
      return true;
    }
    const gap = this.#gaps.findIndex(([from, to]) => from <= seq && seq <= to);
    if (gap < 0) return false;
    const [from, to] = this.#gaps[gap]!;
    const rest: (readonly [number, number])[] = [];
    if (from < seq) rest.push([from, seq - 1]);
    if (seq < to) rest.push([seq + 1, to]);
    this.#gaps.splice(gap, 1, ...rest);
    return true;
  }
}

function readWhole(disk: Disk, path: string): Buffer {
  const file = disk.open(path);
  try {
    const bytes = Buffer.alloc(file.sizeBytes());
    return bytes.subarray(0, file.read(bytes, 0));
  } finally {
    file.close();
  }
}

/** Where the zeros begin with which a segment was filled. A record that ends in zeros may only be a partial one. */
function endOfData(bytes: Buffer): number {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  return end;
}

function nextFrame(bytes: Buffer, from: number, end: number): number | undefined {
  for (let at = from; at + frameHeadBytes <= end; at++) if (readFrame(bytes, at) !== undefined) return at;
  return undefined;
}
