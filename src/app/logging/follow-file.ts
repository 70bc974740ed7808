import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import { StringDecoder } from "node:string_decoder";

export interface FollowOptions {
  readonly file: string;
  /** Byte to begin at. */
  readonly from: number;
  readonly onLine: (line: string) => void;
  /** How often to look, in milliseconds; 150. */
  readonly everyMs?: number;
  /** The most lines that one look gives to `onLine`; all if omitted. The others are only counted, at a small part of the cost. */
  readonly mostLines?: number;
  readonly onSkipped?: (lines: number) => void;
}

const chunkBytes = 64 * 1024;
const standardEveryMs = 150;
const lineFeed = 10;

/** Reads the lines that are added to a file, also after it was rolled. @returns `look` reads what there is now; `stop` ends it. */
export function followFile({ file, from, onLine, onSkipped, everyMs = standardEveryMs, mostLines = Infinity }: FollowOptions): {
  look(): void;
  stop(): void;
} {
  let descriptor: number | undefined;
  let inode: number | undefined;
  let position = from;
  const lines = new LineCutter(onLine);
  const buffer = Buffer.alloc(chunkBytes);

  const close = (): void => {
    if (descriptor !== undefined) closeSync(descriptor);
    descriptor = undefined;
  };
  const readOn = (): void => {
    if (descriptor === undefined) return;
    if (fstatSync(descriptor).size < position) position = 0;
    for (let read = -1; read !== 0;) {
      read = readSync(descriptor, buffer, 0, chunkBytes, position);
      position += read;
      lines.take(buffer.subarray(0, read));
    }
  };
  const readFiles = (): void => {
    readOn();
    const now = statSync(file, { throwIfNoEntry: false });
    if (now === undefined || (descriptor !== undefined && now.ino === inode)) return;
    // The first file, or the new one under the old name.
    if (descriptor !== undefined) {
      position = 0;
      lines.drop();
    }
    close();
    descriptor = openSync(file, "r");
    inode = now.ino;
    readOn();
  };
  const look = (): void => {
    lines.begin(mostLines);
    readFiles();
    if (lines.skipped > 0) onSkipped?.(lines.skipped);
  };
  const timer = setInterval(() => {
    try {
      look();
    } catch {
      // The file may be gone between two looks; the next look finds the new one.
      close();
    }
  }, everyMs);
  return {
    look,
    stop() {
      clearInterval(timer);
      close();
    },
  };
}

/** Cuts chunks into lines. Lines beyond the number that is wanted are counted, not decoded. */
class LineCutter {
  readonly #onLine: (line: string) => void;
  #decoder = new StringDecoder("utf8");
  #rest = "";
  #left = 0;
  skipped = 0;

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  /** From here on, at most `wanted` lines. */
  begin(wanted: number): void {
    this.#left = wanted;
    this.skipped = 0;
  }

  take(bytes: Buffer): void {
    let at = 0;
    // A line feed is never a part of a character.
    for (let end = bytes.indexOf(lineFeed); end >= 0; end = bytes.indexOf(lineFeed, at)) {
      if (this.#left-- > 0) {
        const line = this.#rest + this.#decoder.write(bytes.subarray(at, end));
        this.#rest = "";
        this.#onLine(line);
      } else {
        this.skipped++;
        // A character of the line may have begun in the chunk before.
        if (at === 0) this.drop();
      }
      at = end + 1;
    }
    if (at < bytes.length) this.#rest += this.#decoder.write(bytes.subarray(at));
  }

  /** The line that has begun has no end. */
  drop(): void {
    this.#rest = "";
    this.#decoder = new StringDecoder("utf8");
  }
}
