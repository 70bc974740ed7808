/**
 * What a journal needs of a disk, and nothing more, so that a simulated disk can lose, tear and reorder what was not synced. Every call throws
 * the system's error (`ENOSPC`, `EIO`, …).
 *
 * @public The seam of a journal on disk; the journal in memory needs none.
 */
export interface Disk {
  /** Makes and opens a file that must not exist yet. Its name is durable only after `syncDirectory`. */
  create(path: string): DiskFile;
  /** Opens an existing file for reading and for writing. */
  open(path: string): DiskFile;
  /** Names in a directory, in no order. */
  list(directory: string): readonly string[];
  remove(path: string): void;
  syncDirectory(directory: string): Promise<void>;
}

export interface DiskFile {
  /**
   * Writes all of `bytes` at `position` before it returns; survives the end of the process, not that of the machine.
   */
  write(bytes: Uint8Array, position: number): void;
  /** Fills `into` from `position`. @returns how many bytes there were. */
  read(into: Uint8Array, position: number): number;
  sizeBytes(): number;
  /** `fdatasync`: what was written before the call survives power loss once it resolves. Once it has failed, the file must be given up. */
  sync(): Promise<void>;
  close(): void;
}
