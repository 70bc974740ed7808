import type { IncomingMessage, RequestListener } from "node:http";
import type { AddressInfo, Server, Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Logger } from "../../core/index.ts";
import { EdgeServer, underWayOn } from "./connection.ts";
import { WakeWatch } from "./wake-watch.ts";

export const maxHeaderBytes = 16 * 1024;
/** Longer than the idle time of common load balancers and SDK pools, so that they close connections and not the gateway. */
const keepAliveMs = 75_000;
/** After the grace, the last errors to clients have this time to leave the sockets. */
const lastWordsMs = 200;

export interface ListenerDeps {
  readonly onRequest: RequestListener;
  /** Bytes that are no request; the callee answers and ends the socket. */
  readonly onBroken: (error: NodeJS.ErrnoException, socket: Socket) => void;
  readonly onConnect: (socket: Duplex) => void;
  /** Connections that may be open at a time. */
  readonly maxConnections: () => number;
  /** A connection above the limit; the callee answers and ends the socket. */
  readonly onCrowded: (socket: Socket) => void;
  /** A head must be complete in this time. */
  readonly headMs: () => number;
  readonly logger: Logger;
}

/** The listening sockets of an edge. */
export interface Listeners {
  listen(host: string, port: number): Promise<number>;
  listenPath(path: string): Promise<void>;
  /** Serves the sockets that another process listens on. They were sent to this process over its IPC channel. @returns the port. */
  share(sockets: readonly Server[]): Promise<number>;
  /** The sockets that are listened on, to send them to another process. */
  readonly sockets: readonly Server[];
  /** Serves a connection that another process has accepted. */
  adopt(socket: Socket): void;
  close(closing: Closing): Promise<void>;
  /** Connections that are open. */
  readonly openCount: number;
}

type Where = { readonly host: string; readonly port: number } | { readonly path: string };

export interface Closing {
  /** What is still active after this time is cut. */
  readonly graceMs: number;
  /** Idle connections are closed after they have been silent for this time; at once if omitted. */
  readonly lingerMs?: number | undefined;
  readonly onGraceOver?: (() => void) | undefined;
}

/** Opens and closes the sockets that the edge serves on; see `Edge` for what its methods promise. */
// A factory: its functions share the sockets that are open.
// oxlint-disable-next-line max-lines-per-function
export function createListeners(deps: ListenerDeps): Listeners {
  const servers = new Set<EdgeServer>();
  const wake = new WakeWatch(() => performance.now());
  let open = 0;
  let closed: Promise<unknown> | undefined;
  /** Listens on nothing itself. */
  let adopting: EdgeServer | undefined;

  function createServer(): EdgeServer {
    const headMs = deps.headMs();
    const server = new EdgeServer(
      {
        maxHeaderSize: maxHeaderBytes,
        // Of an answer whose client does not read, less is kept in memory than with Node's 64 KiB.
        highWaterMark: 16_384,
        headersTimeout: headMs,
        // A body may take any time as long as it makes progress; its reader checks that.
        requestTimeout: 0,
        keepAliveTimeout: keepAliveMs,
        connectionsCheckingInterval: Math.min(1000, headMs),
        // The edge refuses it itself, with ids and in the client's dialect.
        requireHostHeader: false,
      },
      deps.onRequest,
    );
    // Whether a body is asked for is decided when it is read; other expectations are ignored, as RFC 9110, section 10.1.1, allows.
    server.on("checkContinue", deps.onRequest);
    server.on("checkExpectation", deps.onRequest);
    wake.start();
    server.on("clientError", (error: NodeJS.ErrnoException, socket: Duplex) => {
      if (error.code === "ERR_HTTP_REQUEST_TIMEOUT" && wake.isWaking) {
        giveTime(socket as Socket, headMs);
        return;
      }
      deps.onBroken(error, socket as Socket);
    });
    // Without this listener Node destroys the socket itself, even if a request has arrived meanwhile.
    server.on("timeout", (socket: Socket) => {
      if (wake.isWaking) socket.setTimeout(keepAliveMs);
      else socket.destroy();
    });
    server.on("connection", (socket: Socket) => {
      open += 1;
      socket.once("close", () => {
        open -= 1;
      });
      if (open > deps.maxConnections() && !server.endIdleConnection()) deps.onCrowded(socket);
    });
    server.on("connect", (_request: IncomingMessage, socket: Duplex) => {
      deps.onConnect(socket);
    });
    return server;
  }

  function listenOn(where: Where | Server): Promise<EdgeServer> {
    const server = createServer();
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen(where, () => {
        server.off("error", reject);
        server.on("error", (error) => {
          deps.logger.error({ error: error.message }, "the listening socket failed");
        });
        servers.add(server);
        resolve(server);
      });
    });
  }

  return {
    listen: (host, port) => listenOnHost(host, port, listenOn),
    async listenPath(path) {
      await listenOn({ path });
    },
    share: (sockets) => shareSockets(sockets, listenOn),
    get sockets() {
      return [...servers].filter((server) => server !== adopting);
    },
    adopt(socket) {
      if (closed !== undefined) {
        socket.destroy();
        return;
      }
      if (adopting === undefined) {
        adopting = createServer();
        servers.add(adopting);
        // Starts the timer that cuts off slow heads (`headersTimeout`).
        adopting.emit("listening");
      }
      // What node:http sets for connections that it accepts itself.
      socket.allowHalfOpen = true;
      socket.setNoDelay(true);
      adopting.emit("connection", socket);
    },
    get openCount() {
      return open;
    },
    async close({ graceMs, lingerMs, onGraceOver }) {
      closed ??= Promise.all([...servers].map((server) => server.drain(lingerMs)));
      let cut: NodeJS.Timeout | undefined;
      const grace = setTimeout(() => {
        onGraceOver?.();
        cut = setTimeout(() => {
          for (const server of servers) server.closeAllConnections();
        }, lastWordsMs);
      }, graceMs);
      await closed;
      wake.stop();
      clearTimeout(grace);
      clearTimeout(cut);
    },
  };
}

/** The head has probably arrived and has not been read yet. Node does not check this connection again: it is closed here if no request follows in time. */
function giveTime(socket: Socket, headMs: number): void {
  const timer = setTimeout(() => {
    if (underWayOn(socket) === undefined) socket.destroy();
  }, headMs);
  timer.unref();
  socket.once("close", () => {
    clearTimeout(timer);
  });
}

/** `localhost` is 127.0.0.1 and ::1, both with the same port. @returns the port. */
export async function listenOnHost(
  host: string,
  port: number,
  listenOn: (where: { readonly host: string; readonly port: number }) => Promise<Server>,
): Promise<number> {
  if (host !== "localhost") return portOf(await listenOn({ host, port }));
  const actual = portOf(await listenOn({ host: "127.0.0.1", port }));
  try {
    await listenOn({ host: "::1", port: actual });
  } catch (error) {
    // A machine without IPv6 is served on 127.0.0.1 alone; a foreign listener on ::1 would steal half of localhost's clients.
    if ((error as NodeJS.ErrnoException).code === "EADDRINUSE") throw error;
  }
  return actual;
}

/** @param sockets not empty: all of them have the same port. @returns it. */
export async function shareSockets(sockets: readonly Server[], listenOn: (socket: Server) => Promise<Server>): Promise<number> {
  const servers = await Promise.all(sockets.map((socket) => listenOn(socket)));
  return portOf(servers[0]!);
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}
