import { messageOf, type Clock, type Logger } from "../../core/index.ts";
import type { CarriedExchange, Carrier, OutgoingRequest } from "../http1/carrier.ts";
import type { Channel } from "./connections.ts";
import { BodyDecoder, type DecodedSink } from "./decode-body.ts";
import type { Destination } from "./egress.ts";
import { failureOf, isConnectionLoss, subjectOf } from "./failure.ts";
import type { Sweep, Swept } from "./sweep.ts";
import type { UpstreamCall, UpstreamFailureKind, UpstreamHandler, UpstreamRequest } from "../types.ts";

export interface CallDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly sweep: Sweep;
}

/** The limit for a JSON answer, and for the inflated size of a compressed one. */
export const maxAnswerBytes = 64 * 1024 * 1024;

/** One active request: its connection on one side, the caller's handler on the other. It is one object per call, without a closure for each piece. */
export class DispatchedCall implements UpstreamCall, CarriedExchange, Swept, DecodedSink {
  slot = -1;
  readonly #deps: CallDeps;
  readonly #handler: UpstreamHandler;
  readonly #destination: Destination;
  readonly #stream: boolean;
  readonly #startedAt: number;
  readonly #deadlineAt: number;
  #request: OutgoingRequest | undefined;
  #channel: Channel | undefined;
  #carrier: Carrier | undefined;
  #decoder: BodyDecoder | undefined;
  /** The handler has had its last call, or does not want any more. */
  #over = false;
  /** True while `start` runs, in which the handler must not be called. */
  #starting = false;
  /** The request has a connection. */
  #sent = false;
  /** The connection has carried requests before. */
  #reused = false;
  /** The answer has begun. */
  #answering = false;
  #headSeen = false;
  #paused = false;
  #decoderFull = false;
  #received = 0;
  /** Something came since the last sweep, so the idle time restarts there: the clock is not read for each piece. */
  #touched = false;
  #idleSince = 0;

  constructor(deps: CallDeps, request: UpstreamRequest, destination: Destination, handler: UpstreamHandler) {
    const { timeouts } = destination;
    this.#deps = deps;
    this.#handler = handler;
    this.#destination = destination;
    this.#stream = request.stream;
    this.#startedAt = deps.clock.monotonic();
    const total = this.#startedAt + (request.stream ? timeouts.streamTotalMs : timeouts.totalMs);
    this.#deadlineAt = request.deadlineAt === undefined ? total : Math.min(total, request.deadlineAt);
    deps.sweep.add(this);
  }

  /** Sends the request; does nothing if the call was abandoned meanwhile. */
  start(channel: Channel, request: OutgoingRequest): void {
    if (this.#over) return;
    this.#channel = channel;
    this.#request = request;
    this.#send(false);
  }

  abort(): void {
    if (!this.#over) this.#stop();
  }

  pause(): void {
    this.#paused = true;
    if (this.#decoder === undefined) this.#carrier?.pause();
    else this.#decoder.pause();
  }

  resume(): void {
    this.#paused = false;
    // The client's time does not count as the provider's.
    this.#touched = true;
    if (this.#decoder === undefined) this.#carrier?.resume();
    else this.#decoder.resume();
  }

  sweep(nowMs: number): void {
    const { timeouts } = this.#destination;
    if (this.#touched) {
      this.#touched = false;
      this.#idleSince = nowMs;
    }
    if (nowMs >= this.#deadlineAt) {
      this.#fail("deadline", this.#overDeadline());
    } else if (!this.#headSeen) {
      if (this.#stream && nowMs - this.#startedAt >= timeouts.firstByteMs) {
        const what = `did not begin its stream within ${timeouts.firstByteMs} ms`;
        this.#fail(
          "first-byte-timeout",
          `${what}. If its model needs longer, as one that is still being loaded, ${this.#raise("first_byte")}`,
        );
      }
    } else if (!this.#paused && nowMs - this.#idleSince >= timeouts.idleMs) {
      const what = `sent nothing for ${timeouts.idleMs} ms in the middle of its answer`;
      this.#fail("idle-timeout", `${what}. If its model needs longer, ${this.#raise("idle")}`);
    }
  }

  #overDeadline(): string {
    const { timeouts } = this.#destination;
    const seconds = Math.round((this.#deadlineAt - this.#startedAt) / 100) / 10;
    const what = `did not complete its answer within ${seconds} s, the most that this request may take`;
    const limitMs = this.#stream ? timeouts.streamTotalMs : timeouts.totalMs;
    if (this.#deadlineAt - this.#startedAt < limitMs) return `${what}.`;
    return `${what}. If its model needs longer, ${this.#raise(this.#stream ? "stream_total" : "total")}`;
  }

  #raise(setting: string): string {
    return `raise providers.${this.#destination.provider}.timeouts.${setting} in the gateway's configuration.`;
  }

  onBegin(isReused: boolean): void {
    this.#sent = true;
    this.#reused = isReused;
    if (this.#paused) this.#carrier!.pause();
  }

  onAnswering(): void {
    this.#answering = true;
  }

  onHead(status: number, headers: readonly string[]): void {
    if (this.#over) return;
    this.#headSeen = true;
    this.#touched = true;
    if (status >= 300 && status < 400) {
      this.#fail("malformed", `answered ${status}, a redirect, which the gateway does not follow. Check base_url.`);
      return;
    }
    const encoding = contentEncoding(headers);
    if (encoding !== "") {
      this.#decoder = BodyDecoder.create(encoding, this, maxAnswerBytes);
      if (this.#decoder === undefined) {
        const named = /^[a-z, -]{1,20}$/.test(encoding) ? ` (${encoding})` : "";
        this.#fail("malformed", `sent its answer in an encoding that was not requested${named}.`);
        return;
      }
      if (this.#paused) this.#decoder.pause();
    }
    try {
      this.#handler.onHead(status, encoding === "" ? headers : withoutEncoding(headers));
    } catch (error) {
      this.#handlerThrew(error);
    }
  }

  onPiece(piece: Buffer): void {
    if (this.#over) return;
    this.#touched = true;
    if (this.#decoder === undefined) {
      this.decoded(piece);
    } else if (!this.#decoder.write(piece)) {
      this.#decoderFull = true;
      this.#carrier!.pause();
    }
  }

  onEnd(): void {
    this.#releaseCarrier();
    if (this.#over) return;
    if (this.#decoder === undefined) this.decodedEnd();
    else this.#decoder.end();
  }

  onError(error: Error): void {
    if (this.#over) return;
    if (this.#reused && !this.#answering && isConnectionLoss(error)) {
      this.#retry();
      return;
    }
    const { kind, message } = failureOf(error, this.#destination, { sent: this.#sent, headSeen: this.#headSeen });
    this.#failWith(kind, message);
  }

  decoded(chunk: Buffer): void {
    if (this.#over) return;
    this.#received += chunk.length;
    if (this.#received > maxAnswerBytes && !this.#stream) {
      this.#fail("malformed", `sent an answer of more than ${maxAnswerBytes} bytes.`);
      return;
    }
    try {
      this.#handler.onData(chunk);
    } catch (error) {
      this.#handlerThrew(error);
    }
  }

  decodedEnd(): void {
    if (this.#over) return;
    this.#over = true;
    this.#deps.sweep.delete(this);
    try {
      this.#handler.onEnd();
    } catch (error) {
      this.#logThrown(error);
    }
  }

  decodeFailed(what: string): void {
    this.#fail("malformed", `sent ${what}.`);
  }

  decoderDrained(): void {
    if (!this.#decoderFull) return;
    this.#decoderFull = false;
    this.#carrier?.resume();
  }

  /** Ends the call with a failure. The client uses it if the call cannot be started. */
  fail(kind: UpstreamFailureKind, what: string): void {
    this.#fail(kind, what);
  }

  #send(isFresh: boolean): void {
    const channel = this.#channel!;
    this.#sent = false;
    this.#starting = true;
    try {
      this.#carrier = isFresh ? channel.acquireFresh() : channel.acquire();
      this.#carrier.send(this.#request!, this);
    } catch (error) {
      // A request that cannot be written, or a connection that cannot be made (a proxy's address, no memory), is a failure too.
      this.onError(error instanceof Error ? error : new Error(messageOf(error)));
    } finally {
      this.#starting = false;
    }
  }

  /** The connection was closed before the provider saw the request: sends it once more, over a new connection, without another retry. */
  #retry(): void {
    this.#reused = false;
    this.#deps.logger.debug(
      { provider: this.#destination.provider },
      "an idle connection was closed by the provider; the request is sent again",
    );
    this.#discardCarrier();
    this.#send(true);
  }

  #fail(kind: UpstreamFailureKind, what: string): void {
    this.#failWith(kind, `${subjectOf(this.#destination)} ${what}`);
  }

  #failWith(kind: UpstreamFailureKind, message: string): void {
    if (this.#over) return;
    if (this.#starting) {
      queueMicrotask(() => {
        this.#failWith(kind, message);
      });
      return;
    }
    this.#stop();
    try {
      this.#handler.onFailure({ kind, message });
    } catch (error) {
      this.#logThrown(error);
    }
  }

  #stop(): void {
    this.#over = true;
    this.#deps.sweep.delete(this);
    this.#decoder?.destroy();
    this.#discardCarrier();
  }

  #handlerThrew(error: unknown): void {
    this.#logThrown(error);
    this.#fail("aborted", "was cut off: the gateway failed on its answer.");
  }

  #logThrown(error: unknown): void {
    const stack = error instanceof Error ? error.stack : undefined;
    this.#deps.logger.error({ provider: this.#destination.provider, error: messageOf(error), stack }, "a handler of an answer failed");
  }

  #releaseCarrier(): void {
    const carrier = this.#carrier;
    this.#carrier = undefined;
    if (carrier !== undefined) this.#channel!.release(carrier);
  }

  #discardCarrier(): void {
    const carrier = this.#carrier;
    this.#carrier = undefined;
    if (carrier !== undefined) this.#channel!.discard(carrier);
  }
}

function contentEncoding(headers: readonly string[]): string {
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!;
    if (name.length === 16 && name.toLowerCase() === "content-encoding") {
      const encoding = headers[i + 1]!.trim().toLowerCase();
      return encoding === "identity" ? "" : encoding;
    }
  }
  return "";
}

/** The headers without those that describe the compressed form. */
function withoutEncoding(headers: readonly string[]): string[] {
  const kept: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!.toLowerCase();
    if (name !== "content-encoding" && name !== "content-length") kept.push(headers[i]!, headers[i + 1]!);
  }
  return kept;
}
