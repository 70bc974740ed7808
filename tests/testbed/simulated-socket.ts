import { Duplex } from "node:stream";

export interface SimulatedSocketOptions {
  /** What the client has to say. */
  readonly request: string;
  /** Bytes of an answer that the system takes before the client reads. */
  readonly systemBytes: number;
  /** How much the client reads in one turn of the event loop. */
  readonly readBytes: () => number;
  /** The client leaves when it has read this many bytes, … */
  readonly leavesAfterBytes: number;
  /** … or after this many turns. */
  readonly leavesAfterTurns: number;
}

/**
 * The server's end of a connection whose client and system are simulated, so that a test knows exactly which bytes the system took before the client left. Use it
 * with `Edge.adopt`.
 */
export class SimulatedSocket extends Duplex {
  readonly remoteAddress = "127.0.0.1";
  /** What the system has taken of the answer. */
  taken = "";
  hasLeft = false;
  readonly #options: SimulatedSocketOptions;
  #unread = 0;
  #read = 0;
  #waiting: { rest: Buffer; readonly done: () => void } | undefined;

  constructor(options: SimulatedSocketOptions) {
    super({ writableHighWaterMark: 512 });
    this.#options = options;
    // A reset is part of the test.
    this.on("error", () => undefined);
    this.push(options.request);
  }

  /** One turn of the client. */
  turn(turns: number): void {
    if (this.destroyed) return;
    const { readBytes, leavesAfterBytes, leavesAfterTurns } = this.#options;
    const count = Math.min(this.#unread, readBytes());
    this.#unread -= count;
    this.#read += count;
    if (turns >= leavesAfterTurns || this.#read >= leavesAfterBytes) {
      this.hasLeft = true;
      this.destroy(Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" }));
      return;
    }
    this.#take();
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#waiting = { rest: chunk, done };
    this.#take();
  }

  override _final(done: () => void): void {
    done();
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  setTimeout(): this {
    return this;
  }

  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once("finish", () => this.destroy());
  }

  #take(): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    const room = Math.max(0, this.#options.systemBytes - this.#unread);
    const bytes = waiting.rest.subarray(0, room);
    this.taken += bytes.toString("latin1");
    this.#unread += bytes.length;
    waiting.rest = waiting.rest.subarray(bytes.length);
    if (waiting.rest.length > 0) return;
    this.#waiting = undefined;
    waiting.done();
  }
}
