import assert from "node:assert/strict";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { after, before, describe, test } from "node:test";
import type { UsageRow } from "../../src/ledger/index.ts";
import type { RawRequest, SocketRecord } from "../testbed/raw-request.ts";
import { waitUntil } from "../testbed/wait-until.ts";
import { answerRows } from "./matrix-answers.ts";
import { faultIn, limits, modelOf, startRig, type Rig } from "./matrix-rig.ts";
import { cellsOf, type Cell, type MatrixRow, type Way } from "./matrix-rows.ts";
import { transportRows } from "./matrix-transport.ts";
import { isSound } from "./observe.ts";
import { askSdk, createSdks, type Sdks } from "./sdks.ts";

/*
 * The matrix of faults: every row is asked for by the SDKs of all dialects, streaming and not, with the fault at the only target, behind a translation, and
 * with a second target of another protocol. What is expected is written out, one line for each cell.
 */

const rows = [...transportRows, ...answerRows];
const ways: readonly Way[] = ["alone", "translated", "next"];
/** Where the queue is full, other systems answer. */
const noDeafness = process.platform !== "linux";

interface Asked {
  readonly cell: Cell;
  readonly way: Way;
  readonly model: string;
  readonly seen: string;
  readonly tookMs: number;
}

let rig: Rig;
let sdks: Sdks;
let baseline: Open;
/** The ports of servers that other test files of this process have open: what goes on there is not this file's. */
let foreignPorts: ReadonlySet<string>;
let isClosed = false;
let models = 0;
async function ask(cell: Cell, way: Way): Promise<Asked> {
  const model = modelOf(cell.row, cell.dialect, way, ++models);
  const beganMs = performance.now();
  const seen = await askSdk(sdks, cell.dialect, cell.stream, model);
  return { cell, way, model, seen, tookMs: performance.now() - beganMs };
}

const all: Asked[] = [];

/** Asks for all cells of some rows, for all ways at the same time, and compares what the SDKs and the ledger have seen. */
async function meet(some: readonly MatrixRow[]): Promise<readonly Asked[]> {
  const cells = some.flatMap((row) => cellsOf(row).flatMap((cell) => (row.ways ?? ways).map((way) => ({ cell, way }))));
  const asked = await Promise.all(cells.map(({ cell, way }) => ask(cell, way)));
  all.push(...asked);
  const byModel = Map.groupBy(await rig.gateway.rows(), ({ model_asked: model }) => model);
  for (const row of some) {
    const own = asked.filter(({ cell }) => cell.row === row);
    assert.deepEqual(
      own.map(({ cell, way, model, seen }) => [nameOf(cell, way), seen, (byModel.get(model) ?? []).map(describeRow)]),
      own.map(({ cell, way }) => [nameOf(cell, way), cell.expected[way].seen, cell.expected[way].rows]),
      row.words,
    );
  }
  return asked;
}

function nameOf({ row, dialect, stream }: Cell, way: Way): string {
  return `${row.name}: ${dialect} ${stream ? "stream" : "json"} ${way}`;
}

function describeRow(row: UsageRow): string {
  assert.ok(isSound(row), JSON.stringify(row));
  return [row.status, row.http_status, ...(row.error_code === null ? [] : [row.error_code]), row.usage_source].join(" ");
}

function limitOf({ row, stream }: Cell): number {
  switch (row.at) {
    case "swallowed":
      return limits.swallowed.connect;
    case "hasty":
      return stream ? limits.hasty.first_byte : limits.hasty.total;
    case "stalling":
      return limits.stalling.idle;
    default:
      return limits.limited.total;
  }
}

const named = (...names: readonly string[]): readonly MatrixRow[] => rows.filter(({ name }) => names.includes(name));

/** Faults after which a connection cannot be used again. */
const spoiled: ReadonlySet<string | undefined> = new Set([
  "headers-never-come",
  "body-stalls",
  "one-byte-a-second",
  "reset-mid-body",
  "content-length-too-long",
  "last-chunk-missing",
  "bytes-after-the-body",
  "garbage",
  "event-without-end",
]);

// A suite, so that its hooks run right before and after its own tests: nothing else opens connections meanwhile.
describe("the matrix of faults", () => {
  before(async () => {
    foreignPorts = listeningPorts();
    baseline = countOpen();
    rig = await startRig(rows);
    const { key } = await rig.gateway.createKey("alice");
    sdks = createSdks(rig.gateway.url, key);
  });
  after(async () => {
    if (!isClosed) await rig.close();
  });

  test("the matrix has all dialects, whole and streamed, of each of its faults", () => {
    const cells = rows.flatMap(cellsOf);
    assert.ok(rows.length >= 30, `${rows.length} faults`);
    assert.equal(cells.length, rows.length * 8);
    assert.equal(new Set(rows.map(({ name }) => name)).size, rows.length);
  });

  test("what ends by a limit of time ends at most 250 ms after it", { skip: noDeafness }, async (t) => {
    const asleep = named("connect-swallowed", "headers-never-come", "body-stalls", "one-byte-a-second");
    assert.equal(asleep.length, 4);
    const delay = monitorEventLoopDelay({ resolution: 5 });
    delay.enable();
    const asked = await meet(asleep);
    delay.disable();
    // What the machine itself adds, to the timer and to the answer behind it, is not the gateway's.
    const allowedMs = 250 + (2 * delay.max) / 1e6;
    let mostMs = 0;
    const byModel = Map.groupBy(await rig.gateway.rows(), ({ model_asked: model }) => model);
    for (const { cell, way, model } of asked) {
      for (const row of byModel.get(model)!.filter(({ status }) => status !== "ok")) {
        const overMs = row.duration_ms - limitOf(cell);
        assert.ok(overMs < allowedMs, `${nameOf(cell, way)}: ${overMs} ms over its limit, at most ${allowedMs} ms`);
        mostMs = Math.max(mostMs, overMs);
      }
    }
    t.diagnostic(`at most ${mostMs.toFixed(0)} ms over a limit; the event loop was late by up to ${(delay.max / 1e6).toFixed(0)} ms`);
  });

  test("a socket that is reset as it is used again costs one retry on a fresh one", async () => {
    const known = rig.reused.requests.length;
    // Connections to use again.
    await Promise.all(cellsOf(named("reset-on-a-reused-socket")[0]!).map((cell) => ask(cell, "alone")));
    await meet(named("reset-on-a-reused-socket"));
    const requests = rig.reused.requests.slice(known);
    const again = requests.filter(({ indexOnSocket }) => indexOnSocket > 0);
    assert.ok(again.length > 0);
    // The cells, once more alone: each is served by a fresh socket, once.
    assert.equal(requests.length - again.length, 8 * (ways.length + 1));
  });

  const others = rows.filter(({ at }) => at === undefined || at === "refused" || at === "certificate" || at === "own-key");

  for (const row of others) {
    test(row.words, async () => {
      await meet([row]);
    });
  }

  test("no untrusted server has read a request, and no redirect was followed", () => {
    assert.equal(rig.unverified(), 0);
    assert.ok(rig.common.requests.every(({ target }) => !target.includes("redirected")));
  });

  test("connections with a fault are closed, and no answer is left open", async () => {
    const { ledger, metrics } = rig.gateway.gateway;
    const last = new Map<SocketRecord, RawRequest>(rig.common.requests.map((request) => [request.socket, request]));
    const isSpoiled = (request: RawRequest): boolean => request.headers["x-target"] !== "second" && spoiled.has(faultIn(request));
    const bad = [...last].filter(([, request]) => isSpoiled(request)).map(([socket]) => socket);
    assert.ok(bad.length > 100, `${bad.length} connections`);
    await waitUntil("connections with a fault are closed", () => bad.every(({ closedAtMs }) => closedAtMs !== null), 2000);
    assert.deepEqual([ledger.status().open, metrics().gauges["active_streams"]], [0, 0]);
    assert.ok(!/failed inside the gateway|a handler of an answer failed|that was not open/.test(await rig.gateway.logText()));
  });

  test("once it is closed there is no connection, timer or descriptor more than before", async () => {
    await rig.close();
    isClosed = true;
    for (const { sockets } of [rig.common, rig.reused]) assert.ok(sockets.every(({ closedAtMs }) => closedAtMs !== null));
    // The wait has a timer of its own.
    const allowed = { ...baseline, timers: baseline.timers + 1 };
    await waitUntil("nothing more is open than before", () => isAtMost(countOpen(), allowed), 10_000).catch(() => {});
    const open = countOpen();
    assert.ok(isAtMost(open, baseline), `${JSON.stringify(open)}, and before ${JSON.stringify(baseline)}: ${describeSockets()}`);
  });
});

interface Open {
  /** Of sockets and of temporary files, as are all files of the gateway; Node itself opens others when it likes. */
  readonly descriptors: number;
  readonly connections: number;
  readonly servers: number;
  readonly timers: number;
}

function countOpen(): Open {
  const types = process.getActiveResourcesInfo();
  const count = (...names: readonly string[]): number => types.filter((type) => names.includes(type)).length;
  const descriptors = process.platform === "linux" ? readdirSync("/proc/self/fd").filter(isOwnDescriptor).length : 0;
  const foreign = ownSockets().filter(
    ({ local, remote, state }) => state !== listening && (foreignPorts.has(local) || foreignPorts.has(remote)),
  ).length;
  return {
    descriptors: descriptors - foreign,
    connections: Math.max(0, count("TCPSocketWrap", "TLSWrap", "TCPConnectWrap") - foreign),
    servers: count("TCPServerWrap", "PipeServerWrap"),
    timers: count("Timeout"),
  };
}

function isOwnDescriptor(descriptor: string): boolean {
  const target = linkOf(descriptor);
  return target.startsWith("socket:") || target.startsWith(tmpdir());
}

/** As Linux writes it. */
const listening = "0A";

interface OwnSocket {
  /** Addresses and ports in hexadecimal, as in `0100007F:93E1`; on this machine the two ends of a connection have each other's. */
  readonly local: string;
  readonly remote: string;
  readonly state: string;
}

/** The TCP sockets of this process, as Linux lists them (proc(5), /proc/net/tcp); none elsewhere. */
function ownSockets(): readonly OwnSocket[] {
  if (process.platform !== "linux") return [];
  const inodes = new Set(readdirSync("/proc/self/fd").map((descriptor) => /^socket:\[(\d+)\]$/.exec(linkOf(descriptor))?.[1]));
  const lines = readFileSync("/proc/self/net/tcp", "utf8").trim().split("\n").slice(1);
  return lines
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => inodes.has(fields[9]))
    .map(([, local = "", remote = "", state = ""]) => ({ local, remote, state }));
}

function listeningPorts(): ReadonlySet<string> {
  return new Set(ownSockets().flatMap(({ local, state }) => (state === listening ? [local] : [])));
}

function describeSockets(): string {
  return `more is open than before; the process's sockets:\n${ownSockets()
    .map(({ local, remote, state }) => `${local} ${remote} ${state}`)
    .join("\n")}`;
}

function linkOf(descriptor: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`);
  } catch {
    return ""; // That of the listing itself.
  }
}

function isAtMost(open: Open, limit: Open): boolean {
  const { descriptors, connections, servers, timers } = open;
  return descriptors <= limit.descriptors && connections <= limit.connections && servers <= limit.servers && timers <= limit.timers;
}
