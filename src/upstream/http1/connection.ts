import type { Socket } from "node:net";
import { endedCode, errorWithCode } from "./answer-error.ts";
import type { AnswerHead } from "./answer-head.ts";
import { AnswerReader, type AnswerSink } from "./answer-reader.ts";
import type { CarriedExchange, Carrier, OutgoingRequest } from "./carrier.ts";
import type { ConnectSink } from "./connector.ts";
import { renderRequest, writeRequest, type WrittenRequest } from "./request-writer.ts";

/** What the connections to one origin share. */
export interface ConnectionDeps {
  readonly connector: { open(sink: ConnectSink): Socket };
  readonly departures: { add(connection: Connection): void };
  /** The first lines of each head: `host: …` and `connection: keep-alive`. */
  readonly startLines: string;
  /** The connection is closed, or cannot be used any more. */
  readonly onGone: (connection: Connection) => void;
}

/** An idle connection is closed after this time, or earlier if the server says that it closes it earlier. */
const keptMs = 30_000;
const longestKeptMs = 600_000;
/** A connection is closed this much earlier than the server says, so that no request meets its end. */
const keptMarginMs = 2_000;
const tickMs = 1_000;

/**
 * One HTTP/1.1 connection, which carries one request at a time. Any byte that is not part of the answer to the current request closes it: an answer could
 * otherwise be taken for that of another request.
 */
export class Connection implements Carrier, AnswerSink, ConnectSink {
  readonly #deps: ConnectionDeps;
  readonly #reader = new AnswerReader(this);
  #socket: Socket | undefined;
  #exchange: CarriedExchange | undefined;
  /** Waits for its connection, or for the end of this turn of the event loop. */
  #waiting: WrittenRequest | undefined;
  #isOpen = false;
  #isDestroyed = false;
  #isClosing = false;
  #isAnswering = false;
  #isPaused = false;
  /** The current answer lets the connection be used again, for this time. */
  #isKept = false;
  #keptMs = keptMs;
  #idleMs = 0;
  #closed: (() => void) | undefined;

  constructor(deps: ConnectionDeps) {
    this.#deps = deps;
  }

  get isReusable(): boolean {
    return this.#isOpen && !this.#isDestroyed && !this.#isClosing && this.#exchange === undefined;
  }

  send(request: OutgoingRequest, exchange: CarriedExchange): void {
    this.#waiting = renderRequest(request, this.#deps.startLines);
    this.#exchange = exchange;
    this.#isAnswering = false;
    this.#isPaused = false;
    if (this.#isOpen) {
      this.#socket!.ref();
      // What the server has sent already, its end too, is read before the request is written: it is no answer to this request.
      this.#deps.departures.add(this);
      exchange.onBegin(true);
    } else {
      this.#socket = this.#deps.connector.open(this);
      this.#watchClose(this.#socket);
    }
  }

  /** Writes the request. */
  depart(): void {
    const waiting = this.#waiting;
    if (waiting === undefined || this.#isDestroyed) return;
    this.#waiting = undefined;
    writeRequest(this.#socket!, waiting);
  }

  pause(): void {
    this.#isPaused = true;
    this.#reader.pause();
    if (this.#isOpen) this.#socket!.pause();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    try {
      this.#reader.resume();
    } catch (error) {
      this.#fail(error as Error);
    }
    if (this.#isOpen && !this.#isPaused && !this.#isDestroyed) this.#socket!.resume();
  }

  tick(): void {
    this.#idleMs += tickMs;
    if (this.#idleMs >= this.#keptMs) this.destroy();
  }

  destroy(): void {
    this.#exchange = undefined;
    this.#waiting = undefined;
    if (this.#isDestroyed) return;
    this.#isDestroyed = true;
    this.#reader.stop();
    this.#socket?.destroy();
    this.#deps.onGone(this);
  }

  close(): Promise<void> {
    this.#isClosing = true;
    if (this.#socket === undefined || this.#socket.closed) return Promise.resolve();
    const closed = new Promise<void>((resolve) => {
      this.#closed = resolve;
    });
    if (this.#exchange === undefined) this.destroy();
    return closed;
  }

  onOpen(socket: Socket): void {
    this.#isOpen = true;
    socket.on("end", () => {
      this.#ended();
    });
    socket.on("error", (error) => {
      this.#fail(error);
    });
    if (this.#isPaused) socket.pause();
    this.#exchange?.onBegin(false);
    this.depart();
  }

  onConnectError(error: Error): void {
    this.#fail(error);
  }

  onBytes(bytes: Buffer): void {
    if (this.#isDestroyed) return;
    if (this.#exchange === undefined || this.#waiting !== undefined) {
      this.#fail(errorWithCode(endedCode, "bytes without a request"));
      return;
    }
    if (!this.#isAnswering) {
      this.#isAnswering = true;
      this.#exchange.onAnswering();
    }
    try {
      this.#reader.read(bytes);
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  headRead(head: AnswerHead): void {
    this.#isKept = head.isKept;
    this.#keptMs = head.keptMs === undefined ? keptMs : Math.min(head.keptMs - keptMarginMs, longestKeptMs);
    this.#exchange?.onHead(head.status, head.headers);
  }

  pieceRead(piece: Buffer): void {
    this.#exchange?.onPiece(piece);
  }

  answerRead(hasMore: boolean): void {
    const exchange = this.#exchange;
    const socket = this.#socket!;
    // An answer that came before the request was out leaves the rest of the request behind.
    const isKept = this.#isKept && !hasMore && !this.#isClosing && this.#keptMs > 0 && socket.writableLength === 0;
    this.#exchange = undefined;
    this.#idleMs = 0;
    if (isKept) socket.unref();
    else this.destroy();
    exchange?.onEnd();
  }

  #ended(): void {
    if (this.#isDestroyed) return;
    try {
      if (this.#exchange !== undefined && this.#waiting === undefined && this.#reader.end()) return;
    } catch (error) {
      this.#fail(error as Error);
      return;
    }
    this.#fail(errorWithCode(endedCode, "the other side closed the connection"));
  }

  #fail(error: Error): void {
    const exchange = this.#exchange;
    this.destroy();
    exchange?.onError(error);
  }

  #watchClose(socket: Socket): void {
    socket.on("close", () => {
      // Without an end or an error: closed here.
      if (!this.#isDestroyed) this.#fail(errorWithCode(endedCode, "the connection is closed"));
      this.#closed?.();
    });
  }
}
