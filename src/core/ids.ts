import { randomBytes } from "node:crypto";
import type { Clock } from "./clock.ts";

export type IdPrefix = "usr" | "key" | "req" | "bgt";

/** Makes ids `prefix_` + UUIDv7 (RFC 9562, section 5.7). Ids of one process sort by time of making. */
export interface IdSource {
  next(prefix: IdPrefix): string;
}

/**
 * One source a process. 48 bits of time, then a 12-bit counter within the millisecond, then 62 bits: 30 fixed random bits of the process and a
 * 32-bit counter from a random start, so that an id costs no call to the random source.
 */
export function createIdSource(clock: Clock, random: (size: number) => Uint8Array = randomBytes): IdSource {
  const seed = random(12);
  const view = new DataView(seed.buffer, seed.byteOffset, seed.byteLength);
  const node = (0x80000000 | (view.getUint32(0) >>> 2)) >>> 0;
  const nodeHex = node.toString(16).padStart(8, "0");
  let counter = view.getUint32(4);
  let lastMs = -1;
  let within = 0;
  let timeHex = "";
  return {
    next(prefix) {
      const now = clock.now();
      if (now > lastMs) {
        lastMs = now;
        within = 0;
        timeHex = formatTime(now);
      } else if (++within > 0xfff) {
        // More than 4,096 in one millisecond, or a clock that stands still: borrow from the next one, so that order holds.
        lastMs += 1;
        within = 0;
        timeHex = formatTime(lastMs);
      }
      counter = (counter + 1) >>> 0;
      const low = counter.toString(16).padStart(8, "0");
      return `${prefix}_${timeHex}-7${within.toString(16).padStart(3, "0")}-${nodeHex.slice(0, 4)}-${nodeHex.slice(4)}${low}`;
    },
  };
}

function formatTime(ms: number): string {
  const hex = ms.toString(16).padStart(12, "0");
  return `${hex.slice(0, 8)}-${hex.slice(8)}`;
}
