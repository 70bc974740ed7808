import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createAnswering } from "./mock-answer.ts";
import { matchRoute, readUrl } from "./mock-routes.ts";
import type { RecordedRequest, RequestEnd } from "./recorded-request.ts";
import { createRequestLog } from "./request-log.ts";
import type { RequestFacts, Scenario } from "./scenario.ts";

/** Settings of a mock; all have defaults. */
export type MockUpstreamOptions = {
  /** The keys that are let in; absent: no credential is looked at. */
  readonly apiKeys?: readonly string[];
  /** The models that exist; another one gets the vendor's 404. Absent: two are listed, and any is answered. */
  readonly models?: readonly string[];
  /** The scenario for a POST if none is queued. `facts` is null if no model answers. */
  readonly choose?: (request: RecordedRequest, facts: RequestFacts | null) => Scenario | undefined;
  /** False: requests are answered however wrong they are. Default true. */
  readonly validate?: boolean;
  /** The tokens of output that are stated follow from the text, as those of a real model do. Default false: from the request alone. */
  readonly countsText?: boolean;
};

/** A stand-in for OpenAI, Anthropic and Gemini on one port; the path decides which one answers. */
export type MockUpstream = {
  /** `http://127.0.0.1:PORT`, without a slash at the end. */
  readonly url: string;
  /** What came in since the last reset, in the order of complete bodies. */
  readonly requests: readonly RecordedRequest[];
  /** Connections accepted since the start. */
  readonly connections: number;
  /** Queues scenarios: each is played for one POST that the key let in, first come, first served. */
  readonly enqueue: (...scenarios: readonly Scenario[]) => void;
  /** Scenarios that are still queued. */
  readonly queued: number;
  /** Resolves when at least `count` requests were recorded since the last reset. */
  readonly waitForRequests: (count: number) => Promise<readonly RecordedRequest[]>;
  /** Forgets requests, queue and stored responses; numbering starts again. */
  readonly reset: () => void;
  /** Closes the port and every connection. */
  readonly close: () => Promise<void>;
  readonly [Symbol.asyncDispose]: () => Promise<void>;
};

/** Starts a mock on a free port of 127.0.0.1. */
export async function createMockUpstream(options: MockUpstreamOptions = {}): Promise<MockUpstream> {
  const log = createRequestLog<RecordedRequest>();
  const queue: Scenario[] = [];
  let serial = 0;
  let connections = 0;
  const answering = createAnswering(options);

  const server = createServer({ keepAliveTimeout: 60_000, requestTimeout: 0, maxHeaderSize: 65_536 }, (request, response) => {
    void receive(request, response);
  });
  server.on("connection", () => (connections += 1));

  const receive = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const receivedAtMs = performance.now();
    const watch = watchEnd(response);
    const { body, isComplete } = await readBody(incoming);
    serial += 1;
    const url = incoming.url ?? "/";
    const request: RecordedRequest = {
      serial,
      method: incoming.method ?? "GET",
      url,
      rawHeaders: incoming.rawHeaders,
      headers: incoming.headers,
      body,
      receivedAtMs,
      route: matchRoute(incoming.method ?? "GET", readUrl(url), incoming.headers),
      scenario: null,
      reportedUsage: null,
      end: null,
      closed: watch.closed,
    };
    void watch.closed.then((end) => (request.end = end));
    log.add(request);
    if (!isComplete) return;
    const stage = { response, gone: watch.gone, left: watch.closed, markCut: watch.markCut };
    await answering
      .answer(request, stage, () => queue.shift())
      .catch((error: unknown) => {
        // A bug of the mock must not look like a fault it plays.
        if (!response.headersSent) response.writeHead(500, { "content-type": "text/plain" });
        response.end(`mock upstream failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
      });
  };

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = async (): Promise<void> => {
    if (!server.listening) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: log.requests,
    get connections() {
      return connections;
    },
    enqueue: (...scenarios) => void queue.push(...scenarios),
    get queued() {
      return queue.length;
    },
    waitForRequests: log.waitFor,
    reset: () => {
      log.requests.length = 0;
      queue.length = 0;
      serial = 0;
      answering.reset();
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

type EndWatch = { readonly closed: Promise<RequestEnd>; readonly gone: AbortSignal; readonly markCut: () => void };

function watchEnd(response: ServerResponse): EndWatch {
  const gone = new AbortController();
  let isCut = false;
  const closed = new Promise<RequestEnd>((resolve) => {
    response.once("close", () => {
      const unfinished = isCut ? "cut" : "aborted";
      resolve({ how: response.writableFinished ? "answered" : unfinished, atMs: performance.now() });
      gone.abort();
    });
  });
  return { closed, gone: gone.signal, markCut: () => (isCut = true) };
}

function readBody(incoming: IncomingMessage): Promise<{ body: Buffer; isComplete: boolean }> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.once("close", () => resolve({ body: join(chunks), isComplete: incoming.complete }));
    incoming.once("end", () => resolve({ body: join(chunks), isComplete: true }));
    // A client that leaves while it sends shows as an error and as a close; the close is what counts.
    incoming.on("error", () => undefined);
  });
}

/** One chunk is most often all there is; then nothing is copied. */
function join(chunks: readonly Buffer[]): Buffer {
  const [first] = chunks;
  return chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks);
}
