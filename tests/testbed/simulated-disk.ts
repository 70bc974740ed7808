import type { Schedule } from "../../src/core/index.ts";
import type { Disk, DiskFile } from "../../src/ledger/index.ts";

/** Numbers from 0 up to 1, the same for the same seed (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let value = Math.imul(state ^ (state >>> 15), state | 1);
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Write {
  readonly position: number;
  readonly bytes: Buffer;
}

/** A file's content as the process sees it, as it is on the platter, and what was written in between. */
interface Inode {
  readonly id: string;
  seen: Buffer;
  platter: Buffer;
  unsynced: Write[];
}

export interface SimulatedDiskOptions {
  readonly random: () => number;
  /** How long a sync takes, by this schedule. */
  readonly schedule: Schedule;
  readonly syncMs: () => number;
}

/**
 * A disk that keeps apart what the process sees and what is on the platter. A crash of the machine keeps of what was not synced any part, in any order, torn
 * anywhere; a sync that fails may have lost what it was for, for good.
 */
export class SimulatedDisk {
  readonly #options: SimulatedDiskOptions;
  #names = new Map<string, Inode>();
  #durableNames = new Map<string, Inode>();
  /** The number of next writes, or creations of files, that fail. */
  failWrites = 0;
  failSyncs = 0;
  /** Bytes that fit, of all files together. */
  capacityBytes = Infinity;
  /** What the process does after a crash is not done. */
  #epoch = 0;
  #lastInode = 0;

  constructor(options: SimulatedDiskOptions) {
    this.#options = options;
  }

  /** The disk, as one process uses it: after a crash every call throws. */
  session(): Disk {
    const epoch = this.#epoch;
    const alive = (): this => {
      if (epoch !== this.#epoch) throw new Error("a dead process uses its disk");
      return this;
    };
    return {
      create: (path) => alive().#create(path),
      open: (path) => alive().#open(path),
      list: (directory) => alive().list(directory),
      sizeBytes: (path) => alive().#names.get(path)?.seen.length ?? 0,
      identify: (path) => {
        const inode = alive().#names.get(path);
        return inode === undefined ? undefined : { id: inode.id, sizeBytes: inode.seen.length };
      },
      remove: (path) => {
        if (!alive().#names.delete(path)) throw systemError("ENOENT");
      },
      makeDirectory: () => void alive(),
      removeDirectory: () => void alive(),
      syncDirectory: async () => {
        const names = new Map(alive().#names);
        await this.#sync();
        this.#durableNames = names;
      },
    };
  }

  #create(path: string): DiskFile {
    if (this.#names.has(path)) throw systemError("EEXIST");
    if (this.#fails()) throw systemError("EIO");
    const inode: Inode = { id: String(++this.#lastInode), seen: Buffer.alloc(0), platter: Buffer.alloc(0), unsynced: [] };
    this.#names.set(path, inode);
    return this.#file(inode);
  }

  #open(path: string): DiskFile {
    const inode = this.#names.get(path);
    if (inode === undefined) throw systemError("ENOENT");
    return this.#file(inode);
  }

  list(directory: string): readonly string[] {
    return [...this.#names.keys()].filter((path) => path.startsWith(`${directory}/`)).map((path) => path.slice(directory.length + 1));
  }

  /** Changes a byte of a file, on the platter as well: what a bad block does. */
  corrupt(path: string, position: number): void {
    const inode = this.#names.get(path)!;
    inode.seen[position]! ^= 0x55;
    inode.platter = Buffer.from(inode.seen);
  }

  /** Somebody else removes a file. */
  unlink(path: string): void {
    this.#names.delete(path);
  }

  /** Somebody else empties a file. */
  empty(path: string): void {
    this.#names.get(path)!.seen = Buffer.alloc(0);
  }

  /** The process is gone; what it has written is there. */
  killProcess(): void {
    this.#epoch += 1;
  }

  /** The machine is gone. */
  losePower(): void {
    this.#epoch += 1;
    const { random } = this.#options;
    for (const path of new Set([...this.#names.keys(), ...this.#durableNames.keys()])) {
      const durable = this.#durableNames.get(path);
      const inode = durable === this.#names.get(path) || random() < 0.5 ? durable : this.#names.get(path);
      if (inode === undefined) this.#names.delete(path);
      else this.#names.set(path, inode);
    }
    for (const inode of this.#names.values()) this.#settle(inode);
    this.#durableNames = new Map(this.#names);
  }

  #settle(inode: Inode): void {
    const { random } = this.#options;
    // Now and then all of it had reached the platter.
    const share = random() < 0.2 ? 1 : random();
    let content = inode.platter;
    for (const { position, bytes } of inode.unsynced.toSorted(() => random() - 0.5)) {
      if (random() > share) continue;
      const from = random() < 0.2 ? Math.floor(random() * bytes.length) : 0;
      const to = random() < 0.3 ? from + Math.floor(random() * (bytes.length - from)) : bytes.length;
      content = written(content, position + from, bytes.subarray(from, to));
    }
    inode.platter = content;
    inode.seen = Buffer.from(content);
    inode.unsynced = [];
  }

  #fails(): boolean {
    if (this.failWrites === 0) return false;
    this.failWrites -= 1;
    return true;
  }

  /** Resolves after a while, in the process that has asked. */
  #sync(): Promise<void> {
    const epoch = this.#epoch;
    return new Promise((resolve) => {
      this.#options.schedule(this.#options.syncMs(), () => {
        if (epoch === this.#epoch) resolve();
      });
    });
  }

  #file(inode: Inode): DiskFile {
    let open = true;
    const epoch = this.#epoch;
    const check = (): void => {
      if (!open) throw systemError("EBADF");
      if (epoch !== this.#epoch) throw new Error("a dead process uses its disk");
    };
    const put = (bytes: Uint8Array, position: number): void => {
      const write = { position, bytes: Buffer.from(bytes) };
      inode.seen = written(inode.seen, position, write.bytes);
      inode.unsynced.push(write);
    };
    return {
      write: (bytes, position) => {
        check();
        let used = 0;
        for (const other of this.#names.values()) used += other.seen.length;
        const room = Math.max(0, this.capacityBytes - used + Math.max(0, inode.seen.length - position));
        if (this.#fails() || bytes.length > room) {
          put(bytes.subarray(0, Math.min(room, Math.floor(this.#options.random() * bytes.length))), position);
          throw systemError(bytes.length > room ? "ENOSPC" : "EIO");
        }
        put(bytes, position);
      },
      read: (into, position) => {
        check();
        return inode.seen.copy(into, 0, position);
      },
      sizeBytes: () => inode.seen.length,
      id: () => inode.id,
      fill: async (sizeBytes) => {
        check();
        await this.#sync();
        put(new Uint8Array(sizeBytes), 0);
      },
      truncate: (sizeBytes) => {
        check();
        inode.seen = inode.seen.subarray(0, sizeBytes);
      },
      sync: async () => {
        check();
        const writes = [...inode.unsynced];
        const failed = this.failSyncs > 0;
        if (failed) this.failSyncs -= 1;
        await this.#sync();
        if (!open) throw systemError("EBADF");
        inode.unsynced = inode.unsynced.filter((write) => !writes.includes(write));
        for (const { position, bytes } of writes)
          if (!failed || this.#options.random() < 0.5) inode.platter = written(inode.platter, position, bytes);
        if (failed) throw systemError("EIO");
      },
      close: () => {
        check();
        open = false;
      },
    };
  }
}

function written(content: Buffer, position: number, bytes: Uint8Array): Buffer {
  const result = Buffer.alloc(Math.max(content.length, bytes.length === 0 ? 0 : position + bytes.length));
  content.copy(result);
  result.set(bytes, position > result.length ? 0 : position);
  return result;
}

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: simulated`), { code });
}
