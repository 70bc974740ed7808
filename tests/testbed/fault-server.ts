import type { AddressInfo, Socket } from "node:net";
import { createServer } from "node:net";
import type { Fault, FaultSettings } from "./fault-wire.ts";
import type { FaultName } from "./faults.ts";
import { faults } from "./faults.ts";
import type { RawRequest, SocketRecord } from "./raw-request.ts";
import { createRequestReader } from "./raw-request.ts";
import { createRequestLog } from "./request-log.ts";
import type { Protocol } from "./scenario.ts";

/** A named fault with other settings than the defaults, or on another wire than the request's. */
type FaultSpec = { readonly fault: FaultName; readonly protocol?: Protocol; readonly stream?: boolean } & Partial<FaultSettings>;

/** A fault to play: its name, a name with settings, or a function of your own. */
type FaultChoice = FaultName | FaultSpec | Fault["play"];

/** A server that speaks raw TCP, so that it can break HTTP itself. */
export type FaultServer = {
  /** `http://127.0.0.1:PORT`, without a slash at the end. */
  readonly url: string;
  readonly port: number;
  /** Every request that was read in full, on whatever connection. */
  readonly requests: readonly RawRequest[];
  /** Connections accepted since the start. */
  readonly connections: number;
  /** Each connection, with the time it was closed. */
  readonly sockets: readonly SocketRecord[];
  /** The faults of the next requests, one each; the last one stays. Before the first call all is healthy. */
  readonly use: (...choices: readonly [FaultChoice, ...FaultChoice[]]) => void;
  /** Resolves when at least `count` requests were read. */
  readonly waitForRequests: (count: number) => Promise<readonly RawRequest[]>;
  /** Closes the port and resets every connection. */
  readonly close: () => Promise<void>;
  readonly [Symbol.asyncDispose]: () => Promise<void>;
};

const DEFAULT_SETTINGS: FaultSettings = {
  intervalMs: 0,
  capBytes: 8 * 1024 * 1024,
  bombBytes: 64 * 1024 * 1024,
  retryAfterSeconds: 7,
  location: undefined,
  beforeResetMs: 5,
};

/** Starts a fault server on a free port of 127.0.0.1. */
export async function createFaultServer(): Promise<FaultServer> {
  const log = createRequestLog<RawRequest>();
  const records: SocketRecord[] = [];
  const open = new Set<Socket>();
  let plan: readonly FaultChoice[] = ["healthy"];

  const server = createServer({ noDelay: true }, (socket) => {
    open.add(socket);
    const record = recordSocket(socket);
    records.push(record);
    socket.once("close", () => open.delete(socket));
    void serve(socket, record);
  });

  const serve = async (socket: Socket, record: SocketRecord): Promise<void> => {
    const reader = createRequestReader(socket, record);
    for (let request = await reader.next(); request !== null; request = await reader.next()) {
      log.add(request);
      const choice = plan[0] ?? "healthy";
      if (plan.length > 1) plan = plan.slice(1);
      await play(choice, socket, request);
    }
  };

  const play = async (choice: FaultChoice, socket: Socket, request: RawRequest): Promise<void> => {
    const spec: Partial<FaultSpec> = typeof choice === "object" ? choice : {};
    const fault = typeof choice === "function" ? choice : faults[typeof choice === "string" ? choice : choice.fault].play;
    const settings = { ...DEFAULT_SETTINGS, ...spec };
    await fault({
      socket,
      request,
      protocol: spec.protocol ?? request.protocol,
      isStream: spec.stream ?? request.isStream,
      settings,
      origin: url,
    });
  };

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  const close = async (): Promise<void> => {
    if (!server.listening) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of open) socket.destroy();
    await closed;
  };
  return {
    url,
    port,
    requests: log.requests,
    sockets: records,
    get connections() {
      return records.length;
    },
    use: (...choices) => (plan = choices),
    waitForRequests: log.waitFor,
    close,
    [Symbol.asyncDispose]: close,
  };
}

function recordSocket(socket: Socket): SocketRecord {
  // A client that resets is part of the test; the close that follows is what is recorded.
  socket.on("error", () => undefined);
  let settle: (atMs: number) => void;
  const closed = new Promise<number>((resolve) => (settle = resolve));
  const record: SocketRecord = { openedAtMs: performance.now(), closedAtMs: null, requests: 0, closed };
  socket.once("close", () => {
    record.closedAtMs = performance.now();
    settle(record.closedAtMs);
  });
  return record;
}
