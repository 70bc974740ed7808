import { setTimeout as wait } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import type { Fault, FaultSettings } from "../testbed/fault-wire.ts";
import {
  head,
  healthyJson,
  healthyScript,
  LAST_CHUNK,
  chunk,
  scriptFrames,
  send,
  sendWhole,
  STREAM_HEADERS,
} from "../testbed/fault-wire.ts";
import type { FaultName } from "../testbed/faults.ts";
import { PROTOCOLS, type Protocol } from "../testbed/scenario.ts";

/** Where a request of the matrix goes: to the one target with the fault, to one of another protocol with the fault, or to a second target after it. */
export type Way = "alone" | "translated" | "next";

/** How the target with a fault behaves. */
export interface Play {
  readonly fault: FaultName | Fault["play"];
  readonly settings?: Partial<FaultSettings>;
  /** Events are sent in place of an object too. */
  readonly isStream?: true;
}

/** The kinds of targets: servers, and limits of time. */
export type TargetName = "common" | "hasty" | "stalling" | "limited" | "reused" | "own-key" | "refused" | "swallowed" | "certificate";

/** A fault of the matrix. */
export interface MatrixRow {
  readonly name: string;
  /** What is expected, in words. */
  readonly words: string;
  readonly play: Play;
  /** `common` if omitted. */
  readonly at?: TargetName;
  /** All if omitted. */
  readonly ways?: readonly Way[];
  /**
   * One line for each dialect, `json` and `stream`: what the program behind the SDK sees; the ledger's row (status, HTTP status, error code, source of the usage);
   * whether a second target is asked; and what differs in a translation. The parts are separated by ` | `.
   */
  readonly cells: string;
}

/** One line of the matrix. */
export interface Cell {
  readonly row: MatrixRow;
  readonly dialect: Protocol;
  readonly stream: boolean;
  /** What the program sees, and the row of the ledger, for each way. */
  readonly expected: Readonly<Record<Way, Outcome>>;
}

export interface Outcome {
  readonly seen: string;
  /** Of all attempts, in order. */
  readonly rows: readonly string[];
}

const line = /^(\S+) +(json|stream) +(.+?) \| (.+?) \| (next target|no other target)(?: \| translated: (.+?)(?: \((.+)\))?)?$/;
/** What a client gets if the second target has served it. */
const served: Outcome = { seen: "whole", rows: ["ok 200 reported"] };

/** @throws Error for a line that is not as described, and if a dialect or one of its two kinds of answers has no line or several. */
export function cellsOf(row: MatrixRow): readonly Cell[] {
  const cells = row.cells
    .trim()
    .split("\n")
    .map((text) => readLine(row, text.trim()));
  const places = new Set(cells.map(({ dialect, stream }) => `${dialect} ${stream}`));
  if (cells.length !== 2 * PROTOCOLS.length || places.size !== cells.length) throw new Error(`${row.name} has not one line for each cell`);
  return cells;
}

function readLine(row: MatrixRow, text: string): Cell {
  const parts = line.exec(text);
  const dialect = PROTOCOLS.find((protocol) => protocol === parts?.[1]);
  if (parts === null || dialect === undefined) throw new Error(`not a cell: ${text}`);
  const [, , kind, seen = "", rowText = "", second, otherSeen, otherRow] = parts;
  const alone: Outcome = { seen, rows: [rowText] };
  const translated: Outcome = { seen: otherSeen ?? seen, rows: [otherRow ?? rowText] };
  const next: Outcome = second === "next target" ? { seen: served.seen, rows: [rowText, ...served.rows] } : alone;
  return { row, dialect, stream: kind === "stream", expected: { alone, translated, next } };
}

/** About 70 KB that inflate to 65 MiB of spaces, one more than an answer may have. */
const bomb = gzipSync(Buffer.alloc(65 * 2 ** 20, " "), { level: 1 });

export const gzipBomb: Fault["play"] = (context) => {
  const type = context.isStream ? "text/event-stream" : "application/json";
  return sendWhole(context, 200, { "content-encoding": "gzip", "content-type": type }, bomb);
};

/** The head at once, then a byte each 10 ms. */
export const trickle: Fault["play"] = async (context) => {
  const { protocol, isStream } = context;
  const body = Buffer.from(isStream ? scriptFrames(healthyScript(protocol)).join("") : JSON.stringify(healthyJson(protocol)));
  await send(
    context,
    isStream ? head(200, STREAM_HEADERS) : head(200, { "content-type": "application/json", "content-length": body.length }),
  );
  for (const byte of body) {
    const piece = Buffer.of(byte);
    if (!(await send(context, isStream ? chunk(piece) : piece))) return;
    await wait(10);
  }
  if (isStream) await send(context, LAST_CHUNK);
};
