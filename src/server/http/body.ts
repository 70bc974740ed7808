import type { IncomingMessage } from "node:http";
import type { Readable, Transform } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from "node:zlib";
import { GatewayError, shuttingDown } from "../../core/index.ts";
import type { IdleSweep, Waiting } from "./idle-sweep.ts";

export interface BodyLimits {
  /** After inflating. */
  readonly maxBytes: number;
  /** A body that makes no progress for so long is cut off. */
  readonly idleMs: number;
}

/**
 * Takes a request's body in the parts it comes in, inflated.
 * @throws GatewayError `body_too_large` at the limit, not after reading; `request_timeout`; `unsupported_content_encoding`; `invalid_request`.
 */
export function readRequestBody(request: IncomingMessage, limits: BodyLimits, sweep: IdleSweep): Promise<readonly Buffer[]> {
  const { headers } = request;
  const declared = headers["content-length"];
  if (declared !== undefined && Number(declared) > limits.maxBytes) return Promise.reject(tooLarge(limits.maxBytes));
  // The client left while its key was looked up: no event would tell any more.
  if (request.destroyed) return Promise.reject(endedEarly());
  const encoding = headers["content-encoding"]?.trim().toLowerCase() ?? "";
  let inflate: Transform | undefined;
  if (encoding !== "" && encoding !== "identity") {
    inflate = createInflater(encoding);
    if (inflate === undefined) {
      const message = `The content-encoding "${encoding.slice(0, 40)}" is not supported. Use gzip, br, zstd or none.`;
      return Promise.reject(new GatewayError("unsupported_content_encoding", message));
    }
  }
  return new Promise((resolve, reject) => {
    new BodyReader(request, inflate, limits, sweep, resolve, reject).start();
  });
}

class BodyReader implements Waiting {
  slot = -1;
  idleTicks = 0;
  readonly #request: IncomingMessage;
  readonly #inflate: Transform | undefined;
  readonly #limits: BodyLimits;
  readonly #sweep: IdleSweep;
  readonly #resolve: (parts: readonly Buffer[]) => void;
  readonly #reject: (error: GatewayError) => void;
  readonly #parts: Buffer[] = [];
  #size = 0;
  #over = false;

  constructor(
    request: IncomingMessage,
    inflate: Transform | undefined,
    limits: BodyLimits,
    sweep: IdleSweep,
    resolve: (parts: readonly Buffer[]) => void,
    reject: (error: GatewayError) => void,
  ) {
    this.#request = request;
    this.#inflate = inflate;
    this.#limits = limits;
    this.#sweep = sweep;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** The listeners are not taken off again: they end with the request, and know when it is over. */
  start(): void {
    const request = this.#request;
    const source: Readable = this.#inflate === undefined ? request : request.pipe(this.#inflate);
    this.#sweep.add(this);
    source.on("data", (chunk: Buffer) => {
      this.#take(chunk);
    });
    source.on("end", () => {
      this.#finish();
    });
    // A request that breaks off emits `error` only to those who listen for it, and `close` in any case.
    request.on("close", () => {
      // A body that was read to its end is closed as well, maybe before the last of it is inflated.
      if (!request.readableEnded) this.#fail(endedEarly());
    });
    this.#inflate?.on("error", () => {
      this.#fail(new GatewayError("invalid_request", `The body is not valid ${request.headers["content-encoding"]!.slice(0, 40)}.`));
    });
  }

  onIdle(): void {
    this.#fail(new GatewayError("request_timeout", `The body made no progress for ${this.#limits.idleMs / 1000} seconds.`));
  }

  onShutdown(): void {
    this.#fail(shuttingDown());
  }

  #take(chunk: Buffer): void {
    if (this.#over) return;
    this.idleTicks = 0;
    this.#size += chunk.length;
    if (this.#size > this.#limits.maxBytes) this.#fail(tooLarge(this.#limits.maxBytes));
    else this.#parts.push(chunk);
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.#sweep.delete(this);
    this.#resolve(this.#parts);
  }

  #fail(error: GatewayError): void {
    if (this.#over) return;
    this.#over = true;
    this.#sweep.delete(this);
    this.#parts.length = 0;
    if (this.#inflate !== undefined) {
      this.#request.unpipe(this.#inflate);
      this.#inflate.destroy();
    }
    this.#reject(error);
  }
}

function createInflater(encoding: string): Transform | undefined {
  switch (encoding) {
    case "gzip":
    case "x-gzip":
      return createGunzip();
    case "deflate":
      return createInflate();
    case "br":
      return createBrotliDecompress();
    case "zstd":
      return createZstdDecompress();
    default:
      return undefined;
  }
}

function tooLarge(maxBytes: number): GatewayError {
  return new GatewayError("body_too_large", `The body is larger than the limit of ${maxBytes} bytes (gateway.limits.body).`);
}

function endedEarly(): GatewayError {
  return new GatewayError("invalid_request", "The connection ended before the body did.");
}
