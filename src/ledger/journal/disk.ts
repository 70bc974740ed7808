import {
  close,
  closeSync,
  fdatasync,
  fstatSync,
  fsync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  rmdirSync,
  rmSync,
  statSync,
  write,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { promisify } from "node:util";
import type { DescriptorReserve } from "./descriptor-reserve.ts";

/**
 * What a journal needs of a disk, and nothing more, so that a simulated disk can lose, tear and reorder writes that were not synced. Every call
 * throws the system's error (`ENOSPC`, `EIO`, …).
 */
export interface Disk {
  /** Makes and opens a file that must not exist yet. Its name is durable only after `syncDirectory`. */
  create(path: string): DiskFile;
  /** Opens an existing file. */
  open(path: string): DiskFile;
  /** Names in a directory, in any order; empty if there is no such directory. */
  list(directory: string): readonly string[];
  /** 0 if there is no such file. */
  sizeBytes(path: string): number;
  /** The file at the path at present; `undefined` if there is none. */
  identify(path: string): FileIdentity | undefined;
  /** Removes a file that exists. */
  remove(path: string): void;
  /** Makes a directory and its parents; only this user may enter it. */
  makeDirectory(directory: string): void;
  /** Removes an empty directory. */
  removeDirectory(directory: string): void;
  syncDirectory(directory: string): Promise<void>;
}

/** Distinguishes a file from another one that has replaced it. */
export interface FileIdentity {
  /** Device and inode. */
  readonly id: string;
  readonly sizeBytes: number;
}

export interface DiskFile {
  /** Writes all of `bytes` at `position` before it returns. The data survives the end of the process, not that of the machine. */
  write(bytes: Uint8Array, position: number): void;
  /** Fills `into` from `position`. @returns how many bytes there were. */
  read(into: Uint8Array, position: number): number;
  sizeBytes(): number;
  /** `FileIdentity.id` of the open file. */
  id(): string;
  /** Extends the file to this size with zeros, off the calling thread, so that a later sync has no new length to record. */
  fill(sizeBytes: number): Promise<void>;
  truncate(sizeBytes: number): void;
  /**
   * `fdatasync`: once it resolves, everything written before the call survives a power loss. Once it has failed, the file must not be used any more.
   */
  sync(): Promise<void>;
  close(): void;
}

/** The disk of the machine. Files are made with mode 0600. @param reserve descriptors for when the process may open no more files. */
export function createNodeDisk(reserve?: Pick<DescriptorReserve, "open">): Disk {
  const open = <Opened>(action: () => Opened): Opened => (reserve === undefined ? action() : reserve.open(action));
  return {
    create: (path) => new NodeFile(open(() => openSync(path, "wx+", 0o600))),
    open: (path) => new NodeFile(open(() => openSync(path, "r+"))),
    list(directory) {
      try {
        return open(() => readdirSync(directory));
      } catch (error) {
        if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
        throw error;
      }
    },
    sizeBytes: (path) => statSync(path, { throwIfNoEntry: false })?.size ?? 0,
    identify(path) {
      const stat = statSync(path, { throwIfNoEntry: false });
      return stat === undefined ? undefined : { id: `${stat.dev}:${stat.ino}`, sizeBytes: stat.size };
    },
    remove: (path) => rmSync(path),
    makeDirectory(directory) {
      const first = mkdirSync(directory, { recursive: true, mode: 0o700 });
      if (first !== undefined) open(() => syncEntry(dirname(first)));
    },
    removeDirectory: (directory) => rmdirSync(directory),
    async syncDirectory(directory) {
      // On Windows a directory cannot be opened for this, and does not need to be.
      if (process.platform === "win32") return;
      const handle = open(() => openSync(directory, "r"));
      try {
        await fsyncAsync(handle);
      } finally {
        await closeAsync(handle);
      }
    },
  };
}

/** A new directory survives a power loss only if its parent has been synced. */
function syncEntry(directory: string): void {
  if (process.platform === "win32") return;
  const handle = openSync(directory, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

const closeAsync = promisify(close);
const fsyncAsync = promisify(fsync);
const fdatasyncAsync = promisify(fdatasync);
const writeAsync = promisify(write);

const fillChunkBytes = 1024 * 1024;

class NodeFile implements DiskFile {
  readonly #handle: number;

  constructor(handle: number) {
    this.#handle = handle;
  }

  write(bytes: Uint8Array, position: number): void {
    // A write may be partial if the disk is nearly full; the next write then reports why.
    for (let done = 0; done < bytes.length;) done += writeSync(this.#handle, bytes, done, bytes.length - done, position + done);
  }

  read(into: Uint8Array, position: number): number {
    let done = 0;
    while (done < into.length) {
      const count = readSync(this.#handle, into, done, into.length - done, position + done);
      if (count === 0) break;
      done += count;
    }
    return done;
  }

  sizeBytes(): number {
    return fstatSync(this.#handle).size;
  }

  id(): string {
    const { dev, ino } = fstatSync(this.#handle);
    return `${dev}:${ino}`;
  }

  async fill(sizeBytes: number): Promise<void> {
    const zeros = new Uint8Array(Math.min(fillChunkBytes, sizeBytes));
    for (let done = 0; done < sizeBytes;) {
      const { bytesWritten } = await writeAsync(this.#handle, zeros, 0, Math.min(zeros.length, sizeBytes - done), done);
      done += bytesWritten;
    }
  }

  truncate(sizeBytes: number): void {
    ftruncateSync(this.#handle, sizeBytes);
  }

  sync(): Promise<void> {
    return fdatasyncAsync(this.#handle);
  }

  close(): void {
    closeSync(this.#handle);
  }
}
