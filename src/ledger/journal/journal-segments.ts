import { messageOf, type Clock, type Logger } from "../../core/index.ts";
import type { Disk, DiskFile } from "./disk.ts";
import { frameHeadBytes, recordTypes, writeFrame } from "./journal-codec.ts";
import { segmentPath } from "./journal-files.ts";

/** A file of a journal that this process writes or has written. */
export interface Segment {
  readonly path: string;
  /** Shows whether the path still names this file. */
  readonly id: string;
  readonly file: DiskFile;
  /** Bytes that are records; the file may be longer. */
  sizeBytes: number;
  /** The seq of its last record. */
  lastSeq: number;
  /** Filled with zeros before it was used. */
  readonly filled: boolean;
  /** When the database had all of its rows; monotonic milliseconds. */
  coveredMs: number | undefined;
  /** Bytes of all segments that had been covered by then. */
  coveredBytes: number;
}

export interface SegmentsOptions {
  readonly disk: Disk;
  readonly directory: string;
  readonly journal: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly segmentBytes: number;
  /** Whether the next segment is filled with zeros before it is used. This makes a sync cheaper: no new length has to be recorded. */
  readonly fill: boolean;
  /** How long a segment is kept after its rows are in the database, … */
  readonly keepMs: number;
  /** … and the most bytes that the kept segments may take; more, if they were covered together. */
  readonly keepBytes: number;
}

/** The segments of one journal: the current one, older ones, and one that is being prepared. */
export class Segments {
  readonly #options: SegmentsOptions;
  #current: Segment | undefined;
  #older: Segment[] = [];
  /** Written since their last sync. */
  readonly #dirty = new Set<Segment>();
  /** Segments that are being synced: closing them meanwhile would free their file numbers for other files. */
  readonly #syncing = new Set<Segment>();
  #directoryDirty = true;
  #lastIndex = 0;
  #prepared: { readonly path: string; readonly file: DiskFile } | undefined;
  #preparing: Promise<void> | undefined;
  #keptBytes = 0;
  #coveredBytes = 0;
  readonly #probe = Buffer.alloc(4);
  /** Bytes of older segments with rows that the database does not have. */
  #neededBytes = 0;

  constructor(options: SegmentsOptions) {
    this.#options = options;
  }

  get current(): Segment | undefined {
    return this.#current;
  }

  /** Bytes that a replay would have to read. */
  get neededBytes(): number {
    return this.#neededBytes + (this.#current?.sizeBytes ?? 0);
  }

  get sizeBytes(): number {
    return this.neededBytes + this.#keptBytes;
  }

  /** The last record in a segment that is written no more; 0 if there is no such segment. */
  get sealedSeq(): number {
    return this.#older.at(-1)?.lastSeq ?? 0;
  }

  get count(): number {
    return this.#older.length + (this.#current === undefined ? 0 : 1);
  }

  /** @returns false if the current segment should not grow by this number of bytes. */
  fits(bytes: number): boolean {
    const { segmentBytes } = this.#options;
    return this.#current !== undefined && (this.#current.sizeBytes + bytes <= segmentBytes || this.#current.lastSeq === 0);
  }

  /**
   * Opens the next segment; the previous one is not written any more.
   * @param rewrittenSeq records up to this one that are in no segment are not missing: those that the database lacked were written again.
   * @throws the system's error, and then there is no current segment.
   */
  begin(rewrittenSeq = 0): void {
    this.seal();
    const { disk, directory, journal } = this.#options;
    const prepared = this.#takePrepared();
    const path = prepared?.path ?? segmentPath(directory, journal, ++this.#lastIndex);
    this.#directoryDirty = true;
    const file = prepared?.file ?? disk.create(path);
    const head = Buffer.allocUnsafe(frameHeadBytes + journal.length * 3);
    const sizeBytes = writeFrame(head, 0, recordTypes.head, rewrittenSeq, journal);
    let id: string;
    try {
      file.write(head.subarray(0, sizeBytes), 0);
      id = file.id();
    } catch (error) {
      this.#discard(file, path);
      throw error;
    }
    this.#current = { path, id, file, sizeBytes, lastSeq: 0, filled: prepared !== undefined, coveredMs: undefined, coveredBytes: 0 };
  }

  /** The path of a segment that is still needed and that was removed, replaced or truncated from outside. */
  findLost(): string | undefined {
    const current = this.#current;
    if (current !== undefined && (this.#isLost(current) || this.#isEmptied(current))) return current.path;
    if (this.#neededBytes === 0) return undefined;
    return this.#older.find((segment) => segment.coveredMs === undefined && this.#isLost(segment))?.path;
  }

  /** Writes nothing more to the existing segments, and forgets those that are lost. */
  abandonLost(): void {
    this.abandon();
    this.#older = this.#older.filter((segment) => {
      if (!this.#isLost(segment)) return true;
      if (segment.coveredMs === undefined) this.#neededBytes -= segment.sizeBytes;
      else this.#keptBytes -= segment.sizeBytes;
      return false;
    });
    const prepared = this.#takePrepared();
    if (prepared !== undefined) this.#discard(prepared.file, prepared.path);
  }

  /** A write after a truncation from outside has restored the file's length, with zeros at its beginning. */
  #isEmptied({ file }: Segment): boolean {
    file.read(this.#probe, 0);
    return this.#probe.readUInt32LE(0) === 0;
  }

  #isLost({ path, id, sizeBytes }: Segment): boolean {
    const found = this.#options.disk.identify(path);
    return found?.id !== id || found.sizeBytes < sizeBytes;
  }

  /** Writes at the end of the current segment. @throws the system's error. */
  write(bytes: Uint8Array, lastSeq: number): void {
    const segment = this.#current!;
    // Before the write: a failed write may have changed the file as well.
    this.#dirty.add(segment);
    segment.file.write(bytes, segment.sizeBytes);
    segment.sizeBytes += bytes.length;
    segment.lastSeq = lastSeq;
    if (this.#options.fill && segment.sizeBytes * 2 > this.#options.segmentBytes) this.prepare();
  }

  /** Writes nothing more to the current segment. */
  seal(): void {
    const segment = this.#current;
    if (segment === undefined) return;
    this.#current = undefined;
    if (segment.lastSeq === 0) {
      this.#dirty.delete(segment);
      this.#discard(segment.file, segment.path);
      return;
    }
    this.#older.push(segment);
    this.#neededBytes += segment.sizeBytes;
    if (!this.#dirty.has(segment) && !this.#syncing.has(segment)) this.#finishFile(segment);
  }

  get dirty(): boolean {
    return this.#dirty.size > 0;
  }

  /** Syncs everything that has been written. @throws the first error; the content of the files is then unknown. */
  async sync(): Promise<void> {
    const segments = [...this.#dirty];
    for (const segment of segments) this.#syncing.add(segment);
    this.#dirty.clear();
    const directory = this.#directoryDirty;
    this.#directoryDirty = false;
    const { disk } = this.#options;
    const results = await Promise.allSettled([
      ...segments.map((segment) => segment.file.sync()),
      ...(directory ? [disk.syncDirectory(this.#options.directory)] : []),
    ]);
    this.#syncing.clear();
    for (const segment of segments) if (segment !== this.#current && !this.#dirty.has(segment)) this.#finishFile(segment);
    const failed = results.find((result) => result.status === "rejected");
    if (failed === undefined) return;
    if (directory) this.#directoryDirty = true;
    throw failed.reason;
  }

  /** Ignores everything that has been written: all of it will be written again. */
  abandon(): void {
    this.seal();
    for (const segment of this.#dirty) this.#finishFile(segment);
    this.#dirty.clear();
  }

  /** The database has all rows up to `seq`. */
  cover(seq: number): void {
    const covered: Segment[] = [];
    for (const segment of this.#older) {
      if (segment.coveredMs !== undefined) continue;
      if (segment.lastSeq > seq) break;
      segment.coveredMs = this.#options.clock.monotonic();
      this.#neededBytes -= segment.sizeBytes;
      this.#keptBytes += segment.sizeBytes;
      this.#coveredBytes += segment.sizeBytes;
      covered.push(segment);
    }
    for (const segment of covered) segment.coveredBytes = this.#coveredBytes;
  }

  /**
   * The oldest segment, if it has been kept long enough or there is no more room to keep it. A row that came early and was released late keeps many segments from
   * being covered, which then are so all at once: such a segment stays until others have been covered after it, as its rows may be in the database's last transactions.
   */
  get expired(): Segment | undefined {
    const { clock, keepMs, keepBytes } = this.#options;
    const segment = this.#older[0];
    if (segment?.coveredMs === undefined) return undefined;
    if (clock.monotonic() - segment.coveredMs >= keepMs) return segment;
    return this.#keptBytes > keepBytes && this.#coveredBytes - segment.coveredBytes > keepBytes ? segment : undefined;
  }

  removeExpired(): void {
    const segment = this.#older.shift()!;
    this.#keptBytes -= segment.sizeBytes;
    this.#remove(segment.path);
  }

  /** Fills the next segment, off the calling thread. */
  prepare(): void {
    if (this.#prepared !== undefined || this.#preparing !== undefined) return;
    const { disk, directory, journal, segmentBytes, logger } = this.#options;
    let file: DiskFile;
    const index = ++this.#lastIndex;
    const path = segmentPath(directory, journal, index);
    try {
      file = disk.create(path);
    } catch (error) {
      logger.warn({ error: messageOf(error) }, "the next segment of the journal could not be prepared");
      return;
    }
    this.#preparing = file
      .fill(segmentBytes)
      .then(() => file.sync())
      .then(
        () => {
          // A segment that is ready too late would precede segments that are older.
          if (index === this.#lastIndex) this.#prepared = { path, file };
          else this.#discard(file, path);
        },
        (error: unknown) => {
          logger.warn({ error: messageOf(error) }, "the next segment of the journal could not be prepared");
          this.#discard(file, path);
        },
      )
      .finally(() => {
        this.#preparing = undefined;
      });
  }

  /** Closes all files; `remove`: they are removed. Nothing is written after this. */
  async close(remove: boolean): Promise<void> {
    await this.#preparing;
    if (this.#prepared !== undefined) this.#discard(this.#prepared.file, this.#prepared.path);
    this.#prepared = undefined;
    this.abandon();
    if (!remove) return;
    for (const segment of this.#older) this.#remove(segment.path);
    this.#older = [];
  }

  #takePrepared(): { readonly path: string; readonly file: DiskFile } | undefined {
    const prepared = this.#prepared;
    this.#prepared = undefined;
    return prepared;
  }

  #finishFile(segment: Segment): void {
    try {
      // The unused rest of a filled segment is cut off.
      if (segment.filled) segment.file.truncate(segment.sizeBytes);
      segment.file.close();
    } catch (error) {
      this.#options.logger.warn({ file: segment.path, error: messageOf(error) }, "a segment of the journal could not be closed");
    }
  }

  #discard(file: DiskFile, path: string): void {
    try {
      file.close();
    } catch {
      // It is removed in any case.
    }
    this.#remove(path);
  }

  #remove(path: string): void {
    try {
      this.#options.disk.remove(path);
    } catch (error) {
      if (isMissing(error)) return;
      this.#options.logger.warn({ file: path, error: messageOf(error) }, "a segment of the journal could not be removed");
    }
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
