import { closeSync, openSync } from "node:fs";
import { devNull } from "node:os";

/** Enough for a new segment, the next one, and the folder that is synced and listed. */
const standardCount = 8;

/**
 * File descriptors that are kept open for the journal. The number of open files of a process is limited (`ulimit -n`), and sockets count as well: if its clients
 * take all of them, the journal gives up one of these for each file that it must open.
 */
export interface DescriptorReserve {
  /** Calls `open`; if the process may open no more files, one of the reserve is closed, and `open` is called again. @throws what `open` throws. */
  open<Opened>(open: () => Opened): Opened;
  /** Opens again what was given up, as far as possible. Called about every second. */
  refill(): void;
  /** How many are spare. */
  readonly size: number;
  close(): void;
}

/** @param openOne opens a descriptor; the null device if omitted. */
export function createDescriptorReserve(count = standardCount, openOne = (): number => openSync(devNull, "r")): DescriptorReserve {
  const spare: number[] = [];
  const refill = (): void => {
    try {
      while (spare.length < count) spare.push(openOne());
    } catch {
      // There are none to be had now.
    }
  };
  refill();
  return {
    open(open) {
      for (;;) {
        try {
          return open();
        } catch (error) {
          if (!isShortage(error) || spare.length === 0) throw error;
          // Another thread may take the place of the first one.
          closeSync(spare.pop()!);
        }
      }
    },
    refill,
    get size() {
      return spare.length;
    },
    close() {
      for (const descriptor of spare) closeSync(descriptor);
      spare.length = 0;
    },
  };
}

/** The process, or the whole machine, may open no more files. */
function isShortage(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "EMFILE" || error.code === "ENFILE");
}
