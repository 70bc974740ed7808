// What the tests of the edge share: edges over fake routes, and clients that speak raw bytes. Holds no tests.
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { TestContext } from "node:test";
import type { Principal } from "../accounts/index.ts";
import { createIdSource, systemClock, type GatewayError, type Logger } from "../core/index.ts";
import { protocolIds, type ProtocolId } from "../ir/index.ts";
import { protocols, type ModelInfo, type Protocol } from "../protocols/index.ts";
import { createEdge } from "./edge.ts";
import type { Edge, EdgeDeps, EdgeSettings } from "./edge-types.ts";
import { createRouteTable, type Route } from "./route-table.ts";

export const users = {
  user: { userId: "usr_1", username: "alice", keyId: "key_1", role: "user" },
  other: { userId: "usr_2", username: "bob", keyId: "key_2", role: "user" },
  admin: { userId: "usr_3", username: "root", keyId: "key_3", role: "admin" },
} as const satisfies Record<string, Principal>;

/** The keys that the fake authenticator knows. */
export const keys: ReadonlyMap<string, Principal> = new Map<string, Principal>([
  ["tok_user", users.user],
  ["tok_other", users.other],
  ["tok_admin", users.admin],
]);

/** A protocol with its own paths that can do no more than show itself in what it renders. */
export function fakeProtocol(id: ProtocolId): Protocol {
  const fake = {
    id,
    routes: [],
    wireRules: protocols.get(id)!.wireRules,
    renderError: (error: GatewayError, requestId: string) => ({
      status: error.status,
      body: JSON.stringify({ dialect: id, code: error.code, message: error.message, param: error.param, request: requestId }),
    }),
    renderModelList: (models: readonly ModelInfo[]) => JSON.stringify({ dialect: id, ids: models.map((model) => model.id) }),
    renderModel: (model: ModelInfo) => JSON.stringify({ dialect: id, id: model.id }),
  };
  return fake as unknown as Protocol;
}

export const fakeProtocols: ReadonlyMap<ProtocolId, Protocol> = new Map(protocolIds.map((id) => [id, fakeProtocol(id)]));

export interface TestEdge {
  readonly edge: Edge;
  readonly port: number;
  readonly origin: string;
  /** Codes that were counted. */
  readonly refused: string[];
  /** Messages that were logged as errors. */
  readonly errors: string[];
}

export const defaultSettings: EdgeSettings = {
  authEnabled: true,
  maxBodyBytes: 1024 * 1024,
  maxBodyBytesInFlight: 8 * 1024 * 1024,
  maxConnections: 100_000,
  maxInFlight: undefined,
  slowClientMs: 5000,
  cors: [],
  trustLoopback: true,
};

export interface TestEdgeOptions extends Partial<EdgeDeps> {
  readonly limits?: Partial<EdgeSettings>;
}

/** The dependencies of an edge over fake routes. */
export function edgeDeps(
  routes: readonly Route[],
  { limits, ...overrides }: TestEdgeOptions = {},
): EdgeDeps & { refused: string[]; errors: string[] } {
  const refused: string[] = [];
  const errors: string[] = [];
  const logger: Logger = {
    debug() {},
    info() {},
    warn() {},
    error: (fields, message) => void errors.push(`${message} ${JSON.stringify(fields)}`),
  };
  const settings = { ...defaultSettings, ...limits };
  return {
    routes: createRouteTable(routes),
    protocols: fakeProtocols,
    accounts: { authenticate: (key) => keys.get(key) },
    settings: () => settings,
    clock: systemClock,
    ids: createIdSource(systemClock),
    logger,
    onRefused: (code) => void refused.push(code),
    refused,
    errors,
    ...overrides,
  };
}

/** An edge on a free port of 127.0.0.1, closed after the test. */
export async function startEdge(t: TestContext, routes: readonly Route[], options: TestEdgeOptions = {}): Promise<TestEdge> {
  const deps = edgeDeps(routes, options);
  const edge = createEdge(deps);
  const port = await edge.listen("127.0.0.1", 0);
  t.after(() => edge.close(0));
  return { edge, port, origin: `http://127.0.0.1:${port}`, refused: deps.refused, errors: deps.errors };
}

/** A route with what most tests want of it. */
export function route(path: string, handle: Route["handle"], rest: Partial<Route> = {}): Route {
  return { method: "POST", path, access: "public", dialect: "openai-chat", handle, ...rest };
}

/** A promise and its ends. */
export function deferred<T = void>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (error: unknown) => void } {
  return Promise.withResolvers<T>();
}

export interface RawAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Without chunk framing. */
  readonly body: string;
}

/** A connection whose bytes are the test's own. */
export class RawClient {
  readonly socket: Socket;
  /** One for each `data` event, as latin1. */
  readonly pieces: string[] = [];
  over = false;
  reset = false;
  #wake: (() => void) | undefined;

  constructor(where: { readonly port: number } | { readonly path: string }) {
    this.socket = "port" in where ? connect({ port: where.port, host: "127.0.0.1", noDelay: true }) : connect({ path: where.path });
    this.socket.on("data", (data) => {
      this.pieces.push(data.toString("latin1"));
      this.#wake?.();
    });
    this.socket.on("error", () => {
      this.reset = true;
    });
    this.socket.on("close", () => {
      this.over = true;
      this.#wake?.();
    });
  }

  get received(): string {
    return this.pieces.join("");
  }

  send(text: string): this {
    this.socket.write(text, "latin1");
    return this;
  }

  /** Waits until what came fits. @throws where the connection is over before it does. */
  async until(fits: (received: string) => boolean): Promise<string> {
    while (!fits(this.received)) {
      if (this.over) throw new Error(`the connection is over after ${JSON.stringify(this.received.slice(0, 500))}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.received;
  }

  /** Waits for `count` complete answers, and returns the answers so far. */
  async answers(count: number): Promise<RawAnswer[]> {
    await this.until((received) => parseAnswers(received).length >= count);
    return parseAnswers(this.received);
  }

  async answer(): Promise<RawAnswer> {
    return (await this.answers(1))[0]!;
  }

  /** All that came until the server closed the connection, in order or not. */
  async ended(): Promise<string> {
    if (!this.over) await new Promise((resolve) => this.socket.once("close", resolve));
    return this.received;
  }
}

/** A connection to a port of 127.0.0.1 or a socket's path, dropped after the test. */
export async function rawClient(t: TestContext, where: number | string): Promise<RawClient> {
  const client = new RawClient(typeof where === "number" ? { port: where } : { path: where });
  t.after(() => client.socket.destroy());
  await once(client.socket, "connect");
  return client;
}

/** The whole answers in a server's bytes, by `content-length` or chunks; interim ones (1xx) are skipped. */
export function parseAnswers(bytes: string): RawAnswer[] {
  const answers: RawAnswer[] = [];
  for (let at = 0; at < bytes.length;) {
    const headEnd = bytes.indexOf("\r\n\r\n", at);
    if (headEnd < 0) break;
    const [first = "", ...lines] = bytes.slice(at, headEnd).split("\r\n");
    const status = Number(first.split(" ")[1]);
    const headers = Object.fromEntries(
      lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]),
    );
    at = headEnd + 4;
    if (status < 200) continue;
    if (headers["transfer-encoding"] === "chunked") {
      const chunked = parseChunks(bytes, at);
      if (chunked === undefined) break;
      answers.push({ status, headers, body: chunked.body });
      at = chunked.end;
    } else {
      const length = Number(headers["content-length"] ?? 0);
      if (bytes.length < at + length) break;
      answers.push({ status, headers, body: bytes.slice(at, at + length) });
      at += length;
    }
  }
  return answers;
}

/** A chunked body (RFC 9112, section 7.1); `undefined` while it is not whole. @throws where the framing is broken. */
export function parseChunks(
  bytes: string,
  start: number,
): { readonly body: string; readonly chunks: string[]; readonly end: number } | undefined {
  const chunks: string[] = [];
  for (let at = start; ;) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd < 0) return undefined;
    const sizeText = bytes.slice(at, lineEnd);
    if (!/^[0-9a-f]+$/i.test(sizeText)) throw new Error(`no chunk size: ${JSON.stringify(sizeText.slice(0, 40))}`);
    const size = Number.parseInt(sizeText, 16);
    const end = lineEnd + 2 + size;
    if (bytes.length < end + 2) return undefined;
    if (bytes.slice(end, end + 2) !== "\r\n") throw new Error("a chunk does not end where it says");
    if (size === 0) return { body: chunks.join(""), chunks, end: end + 2 };
    chunks.push(bytes.slice(lineEnd + 2, end));
    at = end + 2;
  }
}
