import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import { StringDecoder } from "node:string_decoder";

export interface FollowOptions {
  readonly file: string;
  /** Byte to begin at. */
  readonly from: number;
  readonly onLine: (line: string) => void;
  /** How often to look, in milliseconds; 150. */
  readonly everyMs?: number;
}

const chunkBytes = 64 * 1024;
const standardEveryMs = 150;

/** Reads the lines that are added to a file, also after it was rolled. @returns `look` reads what there is now; `stop` ends it. */
export function followFile({ file, from, onLine, everyMs = standardEveryMs }: FollowOptions): { look(): void; stop(): void } {
  let descriptor: number | undefined;
  let inode: number | undefined;
  let position = from;
  let rest = "";
  let decoder = new StringDecoder("utf8");
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
      const lines = `${rest}${decoder.write(buffer.subarray(0, read))}`.split("\n");
      rest = lines.pop()!;
      for (const line of lines) onLine(line);
    }
  };
  const look = (): void => {
    readOn();
    const now = statSync(file, { throwIfNoEntry: false });
    if (now === undefined || (descriptor !== undefined && now.ino === inode)) return;
    // The first file, or the new one under the old name.
    if (descriptor !== undefined) {
      position = 0;
      rest = "";
      decoder = new StringDecoder("utf8");
    }
    close();
    descriptor = openSync(file, "r");
    inode = now.ino;
    readOn();
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
