import { Duplex } from "node:stream";

/** As of a socket: Node's default of the platforms. */
const highWaterMark = 64 * 1024;

/** One end of a connection inside this process: what is written to it is read from the other end. It has what `node:http` asks of a socket. */
export class PipeSocket extends Duplex {
  /** Of the one who calls; as of a socket, empty if it is not known. */
  readonly remoteAddress: string;
  #other: PipeSocket | undefined;
  /** The other end has written, and may go on when this one has been read. */
  #goOn: (() => void) | undefined;
  #idleMs = 0;
  #timer: NodeJS.Timeout | undefined;

  private constructor(remoteAddress: string) {
    super({ highWaterMark });
    this.remoteAddress = remoteAddress;
  }

  /** @param remoteAddress what the server's end says of the client. */
  static connect(remoteAddress: string): { readonly client: PipeSocket; readonly server: PipeSocket } {
    const [client, server] = [new PipeSocket(""), new PipeSocket(remoteAddress)];
    client.#other = server;
    server.#other = client;
    return { client, server };
  }

  override _read(): void {
    const goOn = this.#goOn;
    this.#goOn = undefined;
    goOn?.();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#touch();
    // Later, as from a socket: neither end is called while it writes.
    process.nextTick(() => {
      const other = this.#other!;
      if (other.destroyed) {
        callback(Object.assign(new Error("The other end of the connection is closed."), { code: "EPIPE" }));
        return;
      }
      other.#touch();
      if (other.push(chunk)) callback();
      else other.#goOn = callback;
    });
  }

  override _final(callback: () => void): void {
    process.nextTick(() => {
      if (!this.#other!.destroyed) this.#other!.push(null);
      callback();
    });
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    clearTimeout(this.#timer);
    const goOn = this.#goOn;
    this.#goOn = undefined;
    const isWhole = this.writableFinished;
    process.nextTick(() => {
      const other = this.#other!;
      // What was written to its end is read first.
      if (!isWhole || other.readableEnded) other.destroy();
      else other.once("end", () => other.destroy());
      goOn?.();
    });
    callback(error);
  }

  /** Emits `timeout` after this time without a byte; 0: never. */
  setTimeout(idleMs: number, callback?: () => void): this {
    this.#idleMs = idleMs;
    if (callback !== undefined) this.once("timeout", callback);
    this.#touch();
    return this;
  }

  /** Ends what is being written, then destroys. */
  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once("finish", () => this.destroy());
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  #touch(): void {
    clearTimeout(this.#timer);
    if (this.#idleMs === 0 || this.destroyed) return;
    this.#timer = setTimeout(() => this.emit("timeout"), this.#idleMs);
    this.#timer.unref();
  }
}
