import type { RequestListener, ServerOptions } from "node:http";
import type { Socket } from "node:net";
import { nodeHttp } from "../../core/index.ts";

/** A request whose answer has not left the process yet, as its connection sees it. */
export interface UnderWay {
  /** The head of the answer has been written. */
  readonly answered: boolean;
  /** The client is still sending the body. */
  readonly bodyPending: boolean;
  /** It came behind another one that was not answered yet (pipelining). */
  readonly queued: boolean;
}

const underWay = Symbol("the last request under way");

interface MarkedSocket extends Socket {
  [underWay]?: UnderWay | undefined;
}

/** Notes a request on its connection. `true`: another one is under way there. */
export function beginOn(socket: Socket, exchange: UnderWay): boolean {
  const marked: MarkedSocket = socket;
  const queued = marked[underWay] !== undefined;
  marked[underWay] = exchange;
  return queued;
}

/** The answer has left, or the connection is gone. `true`: nothing is under way on the connection any more. */
export function endOn(socket: Socket, exchange: UnderWay): boolean {
  const marked: MarkedSocket = socket;
  // Of pipelined requests the last one ends last, as answers keep their order.
  if (marked[underWay] !== exchange) return false;
  marked[underWay] = undefined;
  return true;
}

/** The last request under way on a connection. */
export function underWayOn(socket: Socket): UnderWay | undefined {
  return (socket as MarkedSocket)[underWay];
}

/** When there are too many connections, at most this many are looked at for each new one. */
const maxLookedAt = 100;

/**
 * A server that tells idle connections apart by whether their last answer has left. Node's own counts one as idle as soon as `end` was called, and its
 * `close` then cuts an answer that is still on its way to a slow reader.
 */
export class EdgeServer extends nodeHttp().Server {
  readonly #sockets = new Set<Socket>();

  constructor(options: ServerOptions, onRequest: RequestListener) {
    super(options, onRequest);
    this.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
  }

  /**
   * Closes, and resolves when the last connection has told all who wait for it that it is gone; the callback of `close` comes before that.
   */
  async drain(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.close(() => {
        resolve();
      });
    });
    await Promise.all([...this.#sockets].map((socket) => new Promise((resolve) => socket.once("close", resolve))));
  }

  /** Ends a connection without a request, to make room for another one. `false`: none of the oldest is without one. */
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
    for (const socket of this.#sockets) {
      if (underWayOn(socket) === undefined) socket.destroySoon();
    }
  }
}
