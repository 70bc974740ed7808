import { connect as connectTcp, isIP, type LookupFunction, type Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type * as Tls from "node:tls";
import { connectTimeoutCode, errorWithCode } from "./answer-error.ts";

export interface ConnectorOptions {
  readonly lookup: LookupFunction;
  readonly connectMs: number;
  /** A timer that is this much too late means that the process did not run. */
  readonly lateMs: number;
}

/** Receives the outcome of an attempt to connect, `onOpen` or `onConnectError`, once, and then what the connection carries. */
export interface ConnectSink {
  onOpen(socket: Socket): void;
  onConnectError(error: Error): void;
  /** The bytes belong to the receiver. */
  onBytes(bytes: Buffer): void;
}

/** Of an answer whose client does not read, less is kept in memory than with Node's 64 KiB. */
const highWaterMark = 16 * 1024;
/** What is read from a socket at a time. */
const readBytes = 64 * 1024;
/** Idle connections are probed by the operating system after this time. */
const probeAfterMs = 60_000;

/** The settings of the connections to a server that do not differ between a direct one and one through a proxy. */
export function secureOptions(options: ConnectorOptions): {
  readonly rejectUnauthorized: true;
  readonly lookup: LookupFunction;
  readonly autoSelectFamily: true;
  readonly autoSelectFamilyAttemptTimeout: number;
} {
  return {
    // Explicit, so that NODE_TLS_REJECT_UNAUTHORIZED cannot disable it.
    rejectUnauthorized: true,
    lookup: options.lookup,
    autoSelectFamily: true,
    // Node's default of 250 ms per address is too short for distant hosts.
    autoSelectFamilyAttemptTimeout: Math.max(10, Math.min(1_000, Math.ceil(options.connectMs / 3))),
  };
}

/** Opens connections to one origin, by TCP or TLS. TLS sessions are resumed. */
export class Connector {
  readonly #options: ConnectorOptions;
  readonly #isTls: boolean;
  readonly #host: string;
  readonly #port: number;
  /**
   * All TCP sockets read into it, one after the other, and what has come is copied. A buffer of this size for each read, as Node makes it otherwise, costs a forwarded request several µs, and most
   * answers, and pieces of streams, are small.
   */
  readonly #buffer = Buffer.allocUnsafeSlow(readBytes);
  #session: Buffer | undefined;

  constructor(origin: string, options: ConnectorOptions) {
    const url = new URL(origin);
    this.#options = options;
    this.#isTls = url.protocol === "https:";
    this.#host = url.hostname.replace(/^\[(.*)\]$/, "$1");
    const defaultPort = this.#isTls ? 443 : 80;
    this.#port = url.port === "" ? defaultPort : Number(url.port);
  }

  /** Begins to connect; the returned socket may be destroyed, and the sink then receives nothing. */
  open(sink: ConnectSink): Socket {
    const socket = this.#isTls ? this.#openTls(sink) : this.#openTcp(sink);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, probeAfterMs);
    watchOpening(socket, this.#isTls ? "secureConnect" : "connect", this.#options, sink);
    return socket;
  }

  #openTcp(sink: ConnectSink): Socket {
    const onread = {
      buffer: this.#buffer,
      callback: (length: number, buffer: Uint8Array): boolean => {
        sink.onBytes(Buffer.from(buffer.subarray(0, length)));
        return true;
      },
    };
    // `highWaterMark` is not among the types of the options, although Node passes it on.
    const options = { ...secureOptions(this.#options), host: this.#host, port: this.#port, highWaterMark, onread };
    return connectTcp(options);
  }

  #openTls(sink: ConnectSink): TLSSocket {
    const options = {
      ...secureOptions(this.#options),
      host: this.#host,
      port: this.#port,
      highWaterMark,
      ALPNProtocols: ["http/1.1"],
      ...(isIP(this.#host) === 0 ? { servername: this.#host } : {}),
      ...(this.#session === undefined ? {} : { session: this.#session }),
    };
    const socket = nodeTls().connect(options);
    socket.on("session", (session) => {
      this.#session = session;
    });
    socket.on("data", (bytes: Buffer) => {
      sink.onBytes(bytes);
    });
    return socket;
  }
}

/** Loaded with the first connection that needs it. */
function nodeTls(): typeof Tls {
  return process.getBuiltinModule("node:tls");
}

/** Reports the outcome, at the latest after `connectMs`, exact to a millisecond. */
function watchOpening(socket: Socket, event: "connect" | "secureConnect", options: ConnectorOptions, sink: ConnectSink): void {
  let dueMs = performance.now() + options.connectMs;
  const timer = setTimeout(() => {
    const nowMs = performance.now();
    if (nowMs - dueMs > options.lateMs) {
      // The process did not run: the connection may be there, and nobody has looked.
      dueMs = nowMs + options.connectMs;
      timer.refresh();
      return;
    }
    settle();
    socket.destroy();
    sink.onConnectError(errorWithCode(connectTimeoutCode, "connect timeout"));
  }, options.connectMs);
  const onOpen = (): void => {
    settle();
    sink.onOpen(socket);
  };
  const onError = (error: Error): void => {
    settle();
    sink.onConnectError(withTimeoutFirst(error));
  };
  const settle = (): void => {
    clearTimeout(timer);
    socket.off(event, onOpen).off("error", onError).off("close", settle);
  };
  // An error that comes after the outcome says nothing more.
  socket.on("error", ignore);
  socket.on(event, onOpen).on("error", onError).on("close", settle);
}

const ignore = (): void => undefined;

/** With several addresses all attempts fail in one error: one that has timed out says more than one that was refused. */
function withTimeoutFirst(error: Error): Error {
  if (!(error instanceof AggregateError)) return error;
  const causes = error.errors as NodeJS.ErrnoException[];
  return causes.find(({ code }) => code === "ETIMEDOUT") ?? error;
}
