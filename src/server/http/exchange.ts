import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { hasGatewayKey, latin1OfUtf8, type Bytes, type Text, noBytes } from "../../core/index.ts";
import type { AnswerWatcher, ClientExchange } from "../../gateway/index.ts";
import type { BodyOwner } from "./body-budget.ts";
import { readRequestBody, type BodyLimits, type BodyOptions } from "./body.ts";
import { frame, lastChunk } from "./chunk-framing.ts";
import { beginOn, endOn, type UnderWay } from "./connection.ts";
import type { InFlight, InFlightRequest, Place } from "./in-flight.ts";

/** The parts that all exchanges of a server share. */
export interface ExchangeOptions extends BodyOptions {
  readonly inFlight: InFlight;
  readonly ownFraming: boolean;
  /** New answers ask the client to close its connection: the server is shutting down. */
  readonly draining: () => boolean;
  /** While it shuts down, the server closes idle connections itself, after a while of silence. */
  readonly lingering: () => boolean;
  /** The end of an answer must make progress on its way to the client within this time. */
  readonly flushIdleMs: number;
}

/** If the body of a request was not read, its client has this time to read the answer. */
const maxLingerMs = 5000;

/** A request on node:http and its answer. */
export class HttpExchange implements ClientExchange, UnderWay, BodyOwner, InFlightRequest {
  readonly requestId: string;
  readonly startedMs: number;
  readonly queued: boolean;
  keyId = "";
  bodyBytes = 0;
  place: Place = "none";
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #socket: Socket;
  readonly #options: ExchangeOptions;
  #extraHeaders: readonly string[] | undefined;
  #framed = false;
  #ended = false;
  #closed = false;
  #leave: (() => void) | undefined;
  #watcher: AnswerWatcher | undefined;
  /** Known once the answer has ended. */
  #isWhole = false;

  // Made for each request: an options object would be one more.
  // oxlint-disable-next-line max-params
  constructor(request: IncomingMessage, response: ServerResponse, requestId: string, startedMs: number, options: ExchangeOptions) {
    this.requestId = requestId;
    this.startedMs = startedMs;
    this.#request = request;
    this.#response = response;
    this.#socket = request.socket;
    this.#options = options;
    this.queued = beginOn(request.socket, this);
    // The previous answer may have left a timeout on the socket (see `#afterEnd`), which must not end this one.
    if (this.queued) request.socket.setTimeout(0);
    response.on("close", () => {
      this.#close();
    });
    // A reset while writing ends in `close`; without a listener it would end the process.
    response.on("error", ignore);
  }

  get method(): string {
    return this.#request.method ?? "";
  }

  get rawHeaders(): readonly string[] {
    return this.#request.rawHeaders;
  }

  /** By name in lower case. */
  get headers(): IncomingHttpHeaders {
    return this.#request.headers;
  }

  get clientRequestId(): string | undefined {
    const value = this.#request.headers["x-request-id"];
    return typeof value === "string" && value !== "" && !hasGatewayKey(value) ? value.slice(0, 200) : undefined;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** The head of an answer has gone out. */
  get answered(): boolean {
    return this.#response.headersSent;
  }

  get bodyPending(): boolean {
    const { complete, headers } = this.#request;
    // A request without a body is complete only a moment after its head.
    return !complete && (headers["transfer-encoding"] !== undefined || (headers["content-length"] ?? "0") !== "0");
  }

  get remoteAddress(): string {
    return this.#socket.remoteAddress ?? "";
  }

  /**
   * Takes a place among the requests that are served; it is free again when the answer has left, or the client. A promise if the request must wait for it.
   * @throws GatewayError `overloaded`.
   */
  enter(): Promise<void> | undefined {
    return this.#options.inFlight.enter(this);
  }

  /** Headers that every answer of this exchange carries (CORS). */
  addHeaders(headers: readonly string[]): void {
    this.#extraHeaders = headers;
  }

  /** @param maxBytes a lower limit than that of all bodies. */
  readBody(maxBytes = Infinity): Promise<readonly Buffer[]> {
    const request = this.#request;
    const { limits } = this.#options;
    const options = maxBytes <= limits.maxBytes ? { ...this.#options, limits: { ...limits, maxBytes, isFixed: true } } : this.#options;
    if (request.headers.expect !== undefined) this.#askForBody(options.limits);
    return readRequestBody(request, options, this);
  }

  onLeave(callback: () => void): void {
    if (!this.#closed) this.#leave = callback;
    else if (!this.#ended) callback();
  }

  onSent(watcher: AnswerWatcher): void {
    if (this.#closed) watcher.sent(this.#isWhole);
    else this.#watcher = watcher;
  }

  json(status: number, headers: readonly string[], body: Text): void {
    this.jsonBytes(status, headers, latin1OfUtf8(body));
  }

  jsonBytes(status: number, headers: readonly string[], body: Bytes): void {
    if (this.#closed || this.#ended) return;
    const response = this.#response;
    if (response.headersSent) {
      // A stream has begun, and cannot become something else.
      this.abort();
      return;
    }
    const pending = this.bodyPending;
    const head = this.#head(headers, status, pending, body.length);
    response.writeHead(status, head);
    this.#ended = true;
    // A latin1 string goes out in one string with the head; a Buffer would be a second piece.
    response.end(body, "latin1");
    this.#afterEnd(pending);
  }

  streamHead(status: number, headers: readonly string[]): void {
    if (this.#closed || this.#ended) return;
    const response = this.#response;
    const pending = this.bodyPending;
    const head = this.#head(headers, status, pending);
    const framed = this.#options.ownFraming && this.#request.httpVersionMinor === 1;
    if (framed) head.push("transfer-encoding", "chunked");
    response.writeHead(status, head);
    this.#framed = framed;
    if (framed) response.chunkedEncoding = false;
    // While a body is left unread, a client that leaves would not be noticed.
    if (pending) this.#request.resume();
  }

  chunk(data: Bytes): boolean {
    if (this.#closed || this.#ended) return true;
    if (data === "") return true;
    return this.#response.write(this.#framed ? frame(data) : data, "latin1");
  }

  onDrain(callback: () => void): void {
    this.#response.once("drain", callback);
  }

  finish(last = noBytes): void {
    if (this.#closed || this.#ended) return;
    this.#ended = true;
    if (this.#framed) this.#response.end(last === "" ? lastChunk : frame(last) + lastChunk, "latin1");
    else this.#response.end(last, "latin1");
    this.#afterEnd(this.bodyPending);
  }

  abort(): void {
    this.#ended = true;
    this.#response.destroy();
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#isWhole = this.#ended && this.#hasLeft();
    this.#options.budget.release(this);
    this.#options.inFlight.leave(this);
    if (this.bodyPending) {
      // The connection is not free before the rest of the body has come (see `#linger`).
      this.#request.once("close", () => {
        this.#release();
      });
      if (this.#options.draining()) this.#socket.end();
    } else {
      this.#release();
    }
    if (!this.#ended) this.#leave?.();
    this.#watcher?.sent(this.#isWhole);
  }

  /**
   * Whether the system has taken all of the answer. Node detaches an answer from its socket when its last write is over; on a socket that was destroyed before that,
   * too, but such a socket has not finished.
   */
  #hasLeft(): boolean {
    return this.#response.socket === null && (!this.#socket.destroyed || this.#socket.writableFinished);
  }

  #release(): void {
    const idle = endOn(this.#socket, this);
    // A head that went out before the shutdown began did not ask the client to close its connection.
    if (idle && this.#options.draining() && !this.#options.lingering()) this.#socket.destroySoon();
  }

  /** Asks a client for its body if it waits for that (`Expect: 100-continue`), unless the body is too large. */
  #askForBody({ maxBytes }: BodyLimits): void {
    const { headers, httpVersionMinor } = this.#request;
    if (httpVersionMinor < 1 || headers.expect?.toLowerCase() !== "100-continue" || this.answered) return;
    if (!(Number(headers["content-length"]) > maxBytes)) this.#response.writeContinue();
  }

  /** @param length of the body; absent: not known yet. */
  #head(headers: readonly string[], status: number, pending: boolean, length?: number): string[] {
    const { requestId } = this;
    const head =
      length === undefined || status === 204
        ? [...headers, "x-request-id", requestId, "request-id", requestId]
        : [...headers, "x-request-id", requestId, "request-id", requestId, "content-length", String(length)];
    if (this.#extraHeaders !== undefined) head.push(...this.#extraHeaders);
    // Node closes such a connection as soon as the answer is written. If the client still sends, that would reset it (see `#linger`).
    if (status === 408 || (!pending && this.#options.draining())) head.push("connection", "close");
    return head;
  }

  #afterEnd(pending: boolean): void {
    if (pending) this.#linger();
    // Most answers have left already. For others Node's own timer watches the socket's progress; after the answer it is set for the keep-alive anyway.
    if (this.#socket.writableLength > 0) this.#socket.setTimeout(this.#options.flushIdleMs);
  }

  /**
   * The client is still sending a body that is not needed. Closing the connection at once would reset it before the client has read the answer, so the rest
   * of the body is read and ignored for a while.
   */
  #linger(): void {
    const request = this.#request;
    const socket = this.#socket;
    request.resume();
    const timer = setTimeout(
      () => {
        socket.destroy();
      },
      Math.min(maxLingerMs, this.#options.limits.idleMs),
    );
    timer.unref();
    request.once("close", () => {
      clearTimeout(timer);
    });
  }
}

function ignore(): void {}
