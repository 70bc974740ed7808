import type { RequestListener, ServerOptions } from "node:http";
import type { Socket } from "node:net";
import { nodeHttp } from "../../core/index.ts";

/** A request whose answer has not left the process yet, as its connection sees it. */
export interface UnderWay {
  /** The head of the answer has been written. */
  readonly answered: boolean;
  /** The client is still sending the body. */
  readonly bodyPending: boolean;
  /** It arrived while an earlier one had no answer yet (pipelining). */
  readonly queued: boolean;
}

const underWay = Symbol("the last request under way");

interface MarkedSocket extends Socket {
  [underWay]?: UnderWay | undefined;
}

/** Notes a request on its connection. `true`: another one is active there. */
export function beginOn(socket: Socket, exchange: UnderWay): boolean {
  const marked: MarkedSocket = socket;
  const queued = marked[underWay] !== undefined;
  marked[underWay] = exchange;
  return queued;
}

/** The answer has left, or the connection is gone. `true`: no request is active on the connection any more. */
export function endOn(socket: Socket, exchange: UnderWay): boolean {
  const marked: MarkedSocket = socket;
  // Of pipelined requests the last one ends last, as answers keep their order.
  if (marked[underWay] !== exchange) return false;
  marked[underWay] = undefined;
  return true;
}

/** The last active request of a connection. */
export function underWayOn(socket: Socket): UnderWay | undefined {
  return (socket as MarkedSocket)[underWay];
}

/** If there are too many connections, at most this many are inspected for each new one. */
const maxLookedAt = 100;

/**
 * A server for which a connection is idle once its last answer has left. For Node's own it is idle as soon as `end` was called, and its `close` then cuts
 * an answer that is still on its way to a slow reader.
 */
export class EdgeServer extends nodeHttp().Server {
  readonly #sockets = new Set<Socket>();
  #isLingering = false;

  constructor(options: ServerOptions, onRequest: RequestListener) {
    super(options, onRequest);
    this.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
  }

  /**
   * Closes, and resolves when the listeners of the last connection have been called; the callback of `close` comes before that.
   * @param lingerMs how long a connection must have been silent before it is closed without an answer: a client may be sending its next request just now.
   */
  async drain(lingerMs = 0): Promise<void> {
    this.#isLingering = lingerMs > 0;
    const closed = new Promise<void>((resolve) => {
      this.close(() => {
        resolve();
      });
    });
    const timer = lingerMs > 0 ? this.#closeSilent(lingerMs) : undefined;
    await closed;
    await Promise.all([...this.#sockets].map((socket) => new Promise((resolve) => socket.once("close", resolve))));
    clearInterval(timer);
  }

  /** Closes the connections that were idle and silent for one interval, again and again. */
  #closeSilent(everyMs: number): NodeJS.Timeout {
    const read = (): Map<Socket, number> => new Map([...this.#sockets].map((socket) => [socket, socket.bytesRead]));
    let before = read();
    const look = (): void => {
      for (const [socket, bytesRead] of before) {
        if (socket.bytesRead === bytesRead && underWayOn(socket) === undefined) socket.destroySoon();
      }
      before = read();
    };
    // If the process was busy or did not run, a timer fires before sockets are read: what has come meanwhile is read first.
    return setInterval(() => setImmediate(look), everyMs);
  }

  /** Ends an idle connection, to make room for another one. `false`: none of the oldest is idle. */
  endIdleConnection(): boolean {
    let looked = 0;
    for (const socket of this.#sockets) {
      if (underWayOn(socket) === undefined && !socket.destroyed && looked < this.#sockets.size - 1) {
        socket.destroy();
        return true;
      }
      looked += 1;
      if (looked === maxLookedAt) return false;
    }
    return false;
  }

  /** Called by `close`, too. */
  override closeIdleConnections(): void {
    if (this.#isLingering) return;
    for (const socket of this.#sockets) {
      if (underWayOn(socket) === undefined) socket.destroySoon();
    }
  }
}
