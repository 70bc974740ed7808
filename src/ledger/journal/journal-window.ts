import { frameHeadBytes, writeFrame, type RecordType } from "./journal-codec.ts";

const firstBytes = 64 * 1024;

/**
 * The records that may not have reached the disk, as bytes, oldest first: those that are written to a file and wait for a sync, then those that are
 * not written yet. They stay until a sync has succeeded, because after a failed sync all of them are written again elsewhere.
 */
export class JournalWindow {
  #bytes = Buffer.allocUnsafeSlow(firstBytes);
  #written = 0;
  #end = 0;

  /** Bytes that have been written and not synced. */
  get written(): number {
    return this.#written;
  }

  get end(): number {
    return this.#end;
  }

  get unwrittenBytes(): number {
    return this.#end - this.#written;
  }

  push(type: RecordType, seq: number, payload: string): void {
    let end = writeFrame(this.#bytes, this.#end, type, seq, payload);
    if (end === 0) {
      const needed = this.#end + frameHeadBytes + payload.length * 3;
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2));
      this.#bytes.copy(larger, 0, 0, this.#end);
      this.#bytes = larger;
      end = writeFrame(this.#bytes, this.#end, type, seq, payload);
    }
    this.#end = end;
  }

  /** Valid until the next call. */
  unwritten(): Uint8Array {
    return this.#bytes.subarray(this.#written, this.#end);
  }

  markWritten(): void {
    this.#written = this.#end;
  }

  /** Everything has to be written again. */
  markUnwritten(): void {
    this.#written = 0;
  }

  /** Forgets all of it. */
  clear(): void {
    this.#written = 0;
    this.#end = 0;
  }

  /** The first `count` bytes are safe on the disk. */
  drop(count: number): void {
    this.#bytes.copyWithin(0, count, this.#end);
    this.#end -= count;
    this.#written = Math.max(0, this.#written - count);
    if (this.#end === 0 && this.#bytes.length > firstBytes * 16) this.#bytes = Buffer.allocUnsafeSlow(firstBytes);
  }
}
