import { randomBytes } from "node:crypto";
import type { Clock } from "./clock.ts";

export type IdPrefix = "usr" | "key" | "req" | "bgt" | "ofr" | "mkt" | "chg" | "ses";

/** Creates ids `prefix_` + UUIDv7 (RFC 9562, section 5.7). Ids of one process sort by the time they were created. */
export interface IdSource {
  next(prefix: IdPrefix): string;
}

/**
 * One source per process. An id has 48 bits of time, a 12-bit counter within the millisecond, and 62 bits: 30 random bits that the process keeps and
 * a 32-bit counter with a random start. So creating an id needs no call to the random source.
 */
export function createIdSource(clock: Clock, random: (size: number) => Uint8Array = randomBytes): IdSource {
  const seed = random(12);
  const view = new DataView(seed.buffer, seed.byteOffset, seed.byteLength);
  const node = (0x80000000 | (view.getUint32(0) >>> 2)) >>> 0;
  const nodeHex = node.toString(16).padStart(8, "0");
  const tail = `-${nodeHex.slice(0, 4)}-${nodeHex.slice(4)}`;
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
        // After 4,096 ids in one millisecond, or if the clock stops, the next millisecond is used early, so that the order is kept.
        lastMs += 1;
        within = 0;
        timeHex = formatTime(lastMs);
      }
      counter = (counter + 1) >>> 0;
      return `${prefix}_${timeHex}-7${padded(within, 3)}${tail}${padded(counter, 8)}`;
    },
  };
}

/** In hexadecimal with leading zeros. */
function padded(value: number, width: number): string {
  const hex = value.toString(16);
  return hex.length === width ? hex : zeros.slice(hex.length, width) + hex;
}

const zeros = "00000000";

function formatTime(ms: number): string {
  const hex = ms.toString(16).padStart(12, "0");
  return `${hex.slice(0, 8)}-${hex.slice(8)}`;
}
