import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { connect, type Socket } from "node:net";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { createHome, type Home, type RunningProcess } from "../process/processes.ts";
import { startDelayedUpstream } from "../testbed/delayed-upstream.ts";
import { waitUntil } from "../testbed/wait-until.ts";
import { writeFigures } from "./figures.ts";

const unable = process.platform !== "linux" && "reads /proc";

function residentMib(pid: number): number {
  return Math.round(Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]) / 1024);
}

/** Processor time of a process so far, in milliseconds. The clock of `/proc` has ticks of 10 ms. */
function processorMs(pid: number): number {
  const [, fields = ""] = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ");
  const [user, system] = fields.split(" ").slice(11, 13);
  return (Number(user) + Number(system)) * 10;
}

async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/** A daemon with one provider `p` that speaks Chat on a port of this machine, and the key of its admin. */
async function start(home: Home, upstreamPort: number, rest: string): Promise<RunningProcess> {
  await home.writeConfig(
    `${rest}\nproviders: { p: { protocols: [openai-chat], base_url: "http://127.0.0.1:${upstreamPort}/v1", api_key: k, models: [m] } }\n`,
  );
  return home.start();
}

function createBody(stream: boolean): string {
  return JSON.stringify({ model: "m", messages: [{ role: "user", content: "hi" }], ...(stream ? { stream: true } : {}) });
}

/** A request in one write. */
function requestText(key: string, stream = false): string {
  const body = createBody(stream);
  return `POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${key}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

interface Answer {
  readonly status: number;
  readonly tookMs: number;
}

/** Connections that are kept alive, each with one request at a time: a client that costs little, beside the gateway on the same machine. */
class Connections {
  readonly #port: number;
  readonly #idle: Socket[] = [];
  readonly #all: Socket[] = [];

  constructor(port: number) {
    this.#port = port;
  }

  async ask(text: string): Promise<Answer> {
    const socket = this.#idle.pop() ?? (await this.#open());
    const answered = Promise.withResolvers<number>();
    let received = "";
    const onData = (data: Buffer): void => {
      received += data.toString("latin1");
      const end = received.indexOf("\r\n\r\n");
      const length = /content-length: (\d+)/i.exec(received);
      if (end < 0 || length === null || received.length < end + 4 + Number(length[1])) return;
      answered.resolve(Number(received.slice(9, 12)));
    };
    const onClose = (): void => {
      answered.resolve(0);
    };
    socket.on("data", onData);
    socket.once("close", onClose);
    const beganMs = performance.now();
    socket.write(text);
    const status = await answered.promise;
    const tookMs = performance.now() - beganMs;
    socket.off("data", onData);
    socket.off("close", onClose);
    if (status !== 0) this.#idle.push(socket);
    return { status, tookMs };
  }

  async #open(): Promise<Socket> {
    const socket = connect({ host: "127.0.0.1", port: this.#port, noDelay: true });
    this.#all.push(socket);
    socket.on("error", () => undefined);
    await once(socket, "connect");
    return socket;
  }

  close(): void {
    for (const socket of this.#all) socket.destroy();
  }
}

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  return Math.round((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0) * 10) / 10;
}

const upstreamMs = 100;
const maxInFlight = 50;
const seconds = 60;
const tickMs = 10;
/** What fifty places do in a second. */
const capacity = (maxInFlight * 1000) / upstreamMs;
/** More requests than this are not open at a time: those that would be are not sent. */
const mostOpen = 1000;
/** One key wants far more than its share, another one less than that. */
const offered = { greedy: 4.6 * capacity, modest: 0.4 * capacity } as const;

/** What became of the requests of one key. The times are plain numbers: objects for each would make the program that measures stop for its garbage. */
interface Tally {
  readonly servedMs: number[];
  readonly refusedMs: number[];
  /** With another status, or without an answer. */
  others: number;
}

interface LoadRun {
  readonly tallies: Readonly<Record<keyof typeof offered, Tally>>;
  readonly spentMs: number;
  readonly mib: readonly number[];
  /** By how much the event loop of this program was late. */
  readonly clientDelayMs: { readonly p99: number; readonly longest: number };
  /** The same of the gateway, as its metrics show it each second. */
  readonly gatewayDelayMs: readonly number[];
}

const createTally = (): Tally => ({ servedMs: [], refusedMs: [], others: 0 });

function note(tally: Tally, { status, tookMs }: Answer): void {
  if (status === 200) tally.servedMs.push(tookMs);
  else if (status === 503) tally.refusedMs.push(tookMs);
  else tally.others += 1;
}

async function readDelayMs(daemon: RunningProcess): Promise<number> {
  const headers = { authorization: `Bearer ${daemon.api_key}` };
  const metrics = await (await fetch(`http://127.0.0.1:${daemon.port}/metrics`, { headers })).text();
  return Number(/^tokligence_event_loop_delay_seconds (\S+)$/m.exec(metrics)?.[1] ?? 0) * 1000;
}

/** Sends requests at a constant rate, whether or not earlier ones have been answered. */
async function offer(
  connections: Connections,
  keys: Readonly<Record<keyof typeof offered, string>>,
  daemon: RunningProcess,
): Promise<LoadRun> {
  const tallies = { greedy: createTally(), modest: createTally() };
  const sent: Record<keyof typeof offered, number> = { greedy: 0, modest: 0 };
  const open = new Set<Promise<void>>();
  const mib: number[] = [];
  const gatewayDelayMs: number[] = [];
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  const beganMs = performance.now();
  let spentMs = 0;
  while (spentMs < seconds * 1000) {
    spentMs = performance.now() - beganMs;
    for (const who of ["greedy", "modest"] as const) {
      for (const due = (offered[who] * spentMs) / 1000; sent[who] < due; sent[who]++) {
        if (open.size >= mostOpen) continue;
        const done = connections.ask(requestText(keys[who])).then((answer) => {
          note(tallies[who], answer);
          open.delete(done);
        });
        open.add(done);
      }
    }
    if (spentMs >= mib.length * 1000) {
      mib.push(residentMib(daemon.pid));
      void readDelayMs(daemon).then((ms) => gatewayDelayMs.push(Math.round(ms * 10) / 10));
    }
    await setTimeout(tickMs);
  }
  await Promise.all(open);
  delay.disable();
  const clientDelayMs = { p99: Math.round(delay.percentile(99) / 1e5) / 10, longest: Math.round(delay.max / 1e5) / 10 };
  return { tallies, spentMs, mib, clientDelayMs, gatewayDelayMs };
}

function mean(values: readonly number[]): number {
  return Math.round(values.reduce((sum, value) => sum + value, 0) / values.length);
}

async function withHome<T>(run: (home: Home) => Promise<T>): Promise<T> {
  const home = await createHome();
  try {
    return await run(home);
  } finally {
    await home.clear();
  }
}

test(
  "five times overload for a minute: the capacity is used, refusals are quick, memory is flat, and no key takes it all",
  { skip: unable },
  async () => {
    const upstream = await startDelayedUpstream(upstreamMs);
    await withHome(async (home) => {
      const daemon = await start(home, upstream.port, `limits: { max_in_flight: ${maxInFlight} }`);
      const connections = new Connections(daemon.port);
      try {
        await home.tokligence("user", "create", "modest");
        const made = await home.tokligence("apikey", "create", "modest", "--json");
        const keys = { greedy: daemon.api_key!, modest: (JSON.parse(made.stdout) as { key: string }).key };
        const processorBefore = processorMs(daemon.pid);
        const { tallies, spentMs, mib, clientDelayMs, gatewayDelayMs } = await offer(connections, keys, daemon);
        const { greedy, modest } = tallies;
        const served = [...greedy.servedMs, ...modest.servedMs];
        const refused = [...greedy.refusedMs, ...modest.refusedMs];
        const others = greedy.others + modest.others;
        const all = served.length + refused.length + others;
        const modestShare = modest.servedMs.length / (modest.servedMs.length + modest.refusedMs.length + modest.others);
        const ofCapacity = served.length / ((capacity * spentMs) / 1000);
        const figures = {
          seconds,
          offered_per_second: Math.round(all / (spentMs / 1000)),
          capacity_per_second: capacity,
          served_share_of_capacity: Math.round(ofCapacity * 1000) / 1000,
          served_ms: { p50: percentile(served, 0.5), p99: percentile(served, 0.99) },
          processor_share: Math.round(((processorMs(daemon.pid) - processorBefore) / spentMs) * 100) / 100,
          refused: refused.length,
          refused_ms: { p50: percentile(refused, 0.5), p99: percentile(refused, 0.99), longest: percentile(refused, 1) },
          client_delay_ms: clientDelayMs,
          gateway_delay_ms: { p50: percentile(gatewayDelayMs, 0.5), longest: percentile(gatewayDelayMs, 1) },
          served_share_of_modest_key: Math.round(modestShare * 1000) / 1000,
          resident_mib: { second_10_to_30: mean(mib.slice(10, 30)), last_20: mean(mib.slice(-20)) },
        };
        writeFigures("overload", { five_times: figures });
        assert.equal(others, 0);
        assert.ok(ofCapacity >= 0.8, `${ofCapacity} of the capacity`);
        assert.ok(figures.refused_ms.p99 < 20, `refusals take ${figures.refused_ms.p99} ms`);
        assert.ok(modestShare >= 0.95, `${modestShare} of the requests of a key that wants less than its share`);
        assert.ok(figures.resident_mib.last_20 <= figures.resident_mib.second_10_to_30 + 20, `memory grows: ${mib.join(" ")}`);
      } finally {
        connections.close();
        daemon.child.kill("SIGTERM");
        await daemon.ended;
      }
    });
    await upstream.close();
  },
);

const readers = 500;
const answerBytes = 10 * 2 ** 20;
const event = `data: ${JSON.stringify({
  id: "c",
  object: "chat.completion.chunk",
  created: 1,
  model: "m",
  choices: [{ index: 0, delta: { content: "x".repeat(1000) }, finish_reason: null }],
})}\n\n`;

/** Writes ten megabytes as fast as they are taken. */
function writeLong(response: ServerResponse, onWritten: (bytes: number) => void): void {
  response.writeHead(200, { "content-type": "text/event-stream" });
  let left = answerBytes;
  const write = (): void => {
    while (left > 0) {
      left -= event.length;
      onWritten(event.length);
      if (!response.write(event)) return void response.once("drain", write);
    }
    response.end("data: [DONE]\n\n");
  };
  write();
}

/** A client that reads the beginning of its answer, and then nothing for long. */
async function readSlowly(port: number, text: string): Promise<Socket> {
  const socket = connect({ host: "127.0.0.1", port, noDelay: true });
  socket.on("error", () => undefined);
  await once(socket, "connect");
  socket.write(text);
  const [head] = (await once(socket, "data")) as [Buffer];
  assert.match(head.toString("latin1"), /^HTTP\/1\.1 200 /);
  socket.pause();
  return socket;
}

function anthropicText(key: string): string {
  const body = JSON.stringify({ model: "m", max_tokens: 100_000, stream: true, messages: [{ role: "user", content: "hi" }] });
  return `POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${key}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

test("five hundred readers that stop reading streams of ten megabytes, half of them translated", { skip: unable }, async () => {
  let written = 0;
  const upstream = createServer((request, response) => {
    request.resume().on("end", () => {
      writeLong(response, (bytes) => {
        written += bytes;
      });
    });
  });
  const port = await listen(upstream);
  await withHome(async (home) => {
    // With the default of 15 s the first readers would be cut off before the last ones have come.
    const daemon = await start(home, port, "gateway: { timeouts: { client: 10m } }");
    const sockets: Socket[] = [];
    try {
      const texts = [requestText(daemon.api_key!, true), anthropicText(daemon.api_key!)];
      // What the first requests need once is no reader's.
      const whole = async (text: string): Promise<void> => {
        const socket = await readSlowly(daemon.port, text);
        let end = "";
        socket.on("data", (data: Buffer) => (end = (end + data.toString("latin1")).slice(-200)));
        socket.resume();
        await waitUntil("the answer is whole", () => end.endsWith("0\r\n\r\n"));
        socket.destroy();
      };
      for (let i = 0; i < 10; i++) for (const text of texts) await whole(text);
      const before = residentMib(daemon.pid);
      written = 0;
      for (let i = 0; i < readers; i++) sockets.push(await readSlowly(daemon.port, texts[i % texts.length]!));
      // Nothing moves any more.
      let seen = -1;
      await waitUntil("all stand still", async () => {
        const isStill = seen === written;
        seen = written;
        await setTimeout(500);
        return isStill;
      });
      const after = residentMib(daemon.pid);
      const figures = { readers, answer_mib: 10, resident_mib: { before, after }, added_mib: after - before };
      writeFigures("overload", { slow_readers: figures });
      // The system's buffers of a connection take some megabytes.
      assert.ok(written < readers * 0.7 * answerBytes, `the provider has sent ${Math.round(written / 2 ** 20)} MiB`);
      assert.ok(figures.added_mib <= 150, `${figures.added_mib} MiB more`);
      // They are served to their end when they read again.
      const first = sockets[0]!;
      let end = "";
      first.on("data", (data: Buffer) => (end = (end + data.toString("latin1")).slice(-200)));
      first.resume();
      await waitUntil("the answer is whole", () => end.endsWith("0\r\n\r\n"));
    } finally {
      for (const socket of sockets) socket.destroy();
      daemon.child.kill("SIGTERM");
      await daemon.ended;
    }
  });
  upstream.close();
  upstream.closeAllConnections();
});
