import type { IncomingMessage } from "node:http";
import type { Readable, Transform } from "node:stream";
import { createInflater, GatewayError, shuttingDown } from "../../core/index.ts";
import type { BodyBudget, BodyOwner } from "./body-budget.ts";
import type { IdleSweep, Waiting } from "./idle-sweep.ts";

export interface BodyLimits {
  /** After inflating. */
  readonly maxBytes: number;
  /** The connection is cut if a body makes no progress for this time. */
  readonly idleMs: number;
  /** `maxBytes` is not a setting. */
  readonly isFixed?: boolean;
}

/** What all bodies of a server share. */
export interface BodyOptions {
  readonly limits: BodyLimits;
  /** Bodies on their way in. */
  readonly sweep: IdleSweep;
  readonly budget: BodyBudget;
}

/**
 * Takes a request's body in the parts it comes in, inflated.
 * @param owner what has been counted must be released by the caller.
 * @throws GatewayError `body_too_large` at the limit, not after reading; `overloaded`, `rate_limited` if too many bytes are in memory now; `request_timeout`;
 * `unsupported_content_encoding`; `invalid_request`.
 */
export function readRequestBody(request: IncomingMessage, options: BodyOptions, owner: BodyOwner): Promise<readonly Buffer[]> {
  const { headers } = request;
  const { limits, budget } = options;
  const declared = headers["content-length"];
  if (declared !== undefined && Number(declared) > limits.maxBytes) return Promise.reject(tooLarge(limits));
  const refusal = declared === undefined ? undefined : budget.refusal(owner, Number(declared));
  if (refusal !== undefined) return Promise.reject(refusal);
  // The client left while its key was looked up: no event reports that any more.
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
    new BodyReader(request, inflate, options, { owner, resolve, reject }).start();
  });
}

/** The reader that waits for the body. */
interface BodyTaker {
  readonly owner: BodyOwner;
  readonly resolve: (parts: readonly Buffer[]) => void;
  readonly reject: (error: GatewayError) => void;
}

class BodyReader implements Waiting {
  slot = -1;
  idleTicks = 0;
  readonly #request: IncomingMessage;
  readonly #inflate: Transform | undefined;
  readonly #options: BodyOptions;
  readonly #taker: BodyTaker;
  readonly #parts: Buffer[] = [];
  #size = 0;
  #over = false;

  constructor(request: IncomingMessage, inflate: Transform | undefined, options: BodyOptions, taker: BodyTaker) {
    this.#request = request;
    this.#inflate = inflate;
    this.#options = options;
    this.#taker = taker;
  }

  /** The listeners stay: they end with the request, and know when it is over. */
  start(): void {
    const request = this.#request;
    const source: Readable = this.#inflate === undefined ? request : request.pipe(this.#inflate);
    this.#options.sweep.add(this);
    source.on("data", (chunk: Buffer) => {
      this.#take(chunk);
    });
    source.on("end", () => {
      this.#finish();
    });
    // A request that breaks off emits `error` only if there is a listener, and always emits `close`.
    request.on("close", () => {
      // A body that was read to its end is closed as well, maybe before the last of it is inflated.
      if (!request.readableEnded) this.#fail(endedEarly());
    });
    this.#inflate?.on("error", () => {
      this.#fail(new GatewayError("invalid_request", `The body is not valid ${request.headers["content-encoding"]!.slice(0, 40)}.`));
    });
  }

  onIdle(): void {
    this.#fail(new GatewayError("request_timeout", `The body made no progress for ${this.#options.limits.idleMs / 1000} seconds.`));
  }

  onShutdown(): void {
    this.#fail(shuttingDown());
  }

  #take(chunk: Buffer): void {
    if (this.#over) return;
    this.idleTicks = 0;
    this.#size += chunk.length;
    const { limits, budget } = this.#options;
    const refusal = this.#size > limits.maxBytes ? tooLarge(limits) : budget.take(this.#taker.owner, chunk.length);
    if (refusal === undefined) this.#parts.push(chunk);
    else this.#fail(refusal);
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.#options.sweep.delete(this);
    this.#taker.resolve(this.#parts);
  }

  #fail(error: GatewayError): void {
    if (this.#over) return;
    this.#over = true;
    this.#options.sweep.delete(this);
    this.#parts.length = 0;
    if (this.#inflate !== undefined) {
      this.#request.unpipe(this.#inflate);
      this.#inflate.destroy();
    }
    this.#taker.reject(error);
  }
}

function tooLarge({ maxBytes, isFixed }: BodyLimits): GatewayError {
  const setting = isFixed === true ? "" : " (gateway.limits.body)";
  return new GatewayError("body_too_large", `The body is larger than the limit of ${maxBytes} bytes${setting}.`);
}

function endedEarly(): GatewayError {
  return new GatewayError("invalid_request", "The connection ended before the body did.");
}
