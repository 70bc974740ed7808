import { createSocket, type Socket as DatagramSocket } from "node:dgram";
import { connect, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { messageOf, systemSchedule, type Logger, type Schedule } from "../../core/index.ts";

/** Where syslog messages go. */
export interface SyslogTarget {
  readonly transport: "udp" | "tcp" | "tls";
  readonly host: string;
  readonly port: number;
  /** PEM, in place of the certificates that Node trusts. */
  readonly ca?: string;
  /** In its certificate; `host` if omitted. */
  readonly servername?: string;
}

/** Sends syslog messages in their order; returns at once, and never throws. */
export interface SyslogClient {
  send(message: string): void;
  /** Resolves when everything is sent, or after two seconds; what is left then is given up. */
  close(): Promise<void>;
}

export interface SyslogClientDeps {
  readonly logger: Logger;
  readonly schedule?: Schedule;
}

/** Messages that wait for the server. More are dropped, and counted in the log. */
const maxWaiting = 10_000;
const firstRetryMs = 1000;
const maxRetryMs = 60_000;
const connectMs = 10_000;
const closeMs = 2000;

/** @param target `tcp` and `tls` frame messages by their length in bytes (RFC 6587, section 3.4.1; RFC 5425); a datagram is one message (RFC 5426). */
export function createSyslogClient(target: SyslogTarget, deps: SyslogClientDeps): SyslogClient {
  return target.transport === "udp" ? new DatagramClient(target, deps) : new StreamClient(target, deps);
}

class DatagramClient implements SyslogClient {
  readonly #target: SyslogTarget;
  readonly #logger: Logger;
  readonly #schedule: Schedule;
  /** Those that the system has not taken: the name of the host is looked up for each, which may take long. */
  #pending = 0;
  #dropped = 0;
  #isClosed = false;
  #onSent: (() => void) | undefined;
  #socket: DatagramSocket | undefined;

  constructor(target: SyslogTarget, { logger, schedule = systemSchedule }: SyslogClientDeps) {
    this.#target = target;
    this.#logger = logger;
    this.#schedule = schedule;
  }

  send(message: string): void {
    if (this.#isClosed) return;
    if (this.#pending >= maxWaiting) {
      this.#dropped += 1;
      return;
    }
    this.#reportDropped();
    const { host, port } = this.#target;
    this.#socket ??= createSocket(host.includes(":") ? "udp6" : "udp4")
      .on("error", (error) => this.#report(error))
      .unref();
    const socket = this.#socket;
    this.#pending += 1;
    socket.send(Buffer.from(message), port, host, (error) => {
      if (error !== null) this.#report(error);
      this.#pending -= 1;
      if (this.#pending === 0) this.#onSent?.();
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#pending > 0) {
      await new Promise<void>((resolve) => {
        const cancel = this.#schedule(closeMs, resolve);
        this.#onSent = () => {
          cancel();
          resolve();
        };
      });
    }
    this.#reportDropped();
    this.#socket?.close();
    this.#socket = undefined;
  }

  #reportDropped(): void {
    if (this.#dropped === 0) return;
    this.#logger.error({ dropped: this.#dropped }, "syslog messages were dropped, as too many waited to be sent");
    this.#dropped = 0;
  }

  #report(error: Error): void {
    this.#logger.warn({ error: messageOf(error) }, "a syslog message could not be sent");
  }
}

class StreamClient implements SyslogClient {
  readonly #target: SyslogTarget;
  readonly #logger: Logger;
  readonly #schedule: Schedule;
  /** Those that the operating system has not taken. */
  #waiting: Buffer[] = [];
  #dropped = 0;
  #socket: Socket | undefined;
  #isConnected = false;
  #isWriting = false;
  #retryMs = firstRetryMs;
  #cancelRetry: (() => void) | undefined;
  #isClosed = false;
  #onEmpty: (() => void) | undefined;

  constructor(target: SyslogTarget, { logger, schedule = systemSchedule }: SyslogClientDeps) {
    this.#target = target;
    this.#logger = logger;
    this.#schedule = schedule;
  }

  send(message: string): void {
    if (this.#isClosed) return;
    if (this.#waiting.length >= maxWaiting) {
      this.#dropped += 1;
      return;
    }
    const bytes = Buffer.from(message);
    this.#waiting.push(Buffer.concat([Buffer.from(`${bytes.length} `), bytes]));
    if (this.#isConnected) this.#write();
    else if (this.#socket === undefined && this.#cancelRetry === undefined) this.#connect();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#waiting.length > 0) {
      await new Promise<void>((resolve) => {
        const cancel = this.#schedule(closeMs, resolve);
        this.#onEmpty = () => {
          cancel();
          resolve();
        };
      });
    }
    this.#cancelRetry?.();
    const socket = this.#socket;
    this.#socket = undefined;
    // What was written goes out before the end.
    if (this.#waiting.length === 0) socket?.end();
    else socket?.destroy();
  }

  #connect(): void {
    const { transport, host, port, ca, servername = host } = this.#target;
    const socket =
      transport === "tls"
        ? connectTls({ host, port, ...(isIP(servername) === 0 ? { servername } : {}), ...(ca === undefined ? {} : { ca }) })
        : connect({ host, port });
    this.#socket = socket;
    socket.unref();
    socket.setTimeout(connectMs, () => socket.destroy(new Error("the server does not answer")));
    socket.once(transport === "tls" ? "secureConnect" : "connect", () => {
      socket.setTimeout(0);
      this.#isConnected = true;
      this.#retryMs = firstRetryMs;
      this.#write();
    });
    socket.on("error", (error) =>
      this.#logger.warn(
        { error: messageOf(error), waiting: this.#waiting.length },
        "the syslog server cannot be reached; it is tried again",
      ),
    );
    // A server sends nothing; its end must be seen.
    socket.resume();
    socket.on("end", () => socket.destroy());
    socket.on("close", () => this.#lost(socket));
  }

  #write(): void {
    const socket = this.#socket!;
    if (this.#dropped > 0) {
      this.#logger.error({ dropped: this.#dropped }, "syslog messages were dropped, as too many waited for the server");
      this.#dropped = 0;
    }
    const count = this.#waiting.length;
    if (count === 0 || this.#isWriting) return;
    this.#isWriting = true;
    socket.write(Buffer.concat(this.#waiting), (error) => {
      if (this.#socket !== socket || (error !== undefined && error !== null)) return;
      this.#isWriting = false;
      this.#waiting = this.#waiting.slice(count);
      if (this.#waiting.length > 0) this.#write();
      else this.#onEmpty?.();
    });
  }

  #lost(socket: Socket): void {
    if (this.#socket !== socket) return;
    this.#socket = undefined;
    this.#isConnected = false;
    this.#isWriting = false;
    if (this.#waiting.length === 0) return;
    this.#cancelRetry = this.#schedule(this.#retryMs, () => {
      this.#cancelRetry = undefined;
      this.#connect();
    });
    this.#retryMs = Math.min(this.#retryMs * 2, maxRetryMs);
  }
}
