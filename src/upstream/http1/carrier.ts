/** Headers that are the same for all requests of a key, in both of the forms that are sent. */
export interface AddedHeaders {
  /** Name, value, … */
  readonly list: readonly string[];
  /** The same as lines of a head; `undefined` if they cannot be sent, as a name or a value has a character that is not allowed. */
  readonly lines: string | undefined;
}

/** One request, ready to be written. */
export interface OutgoingRequest {
  readonly method: "GET" | "POST" | "DELETE" | "PATCH";
  /** With the base path and the query. */
  readonly path: string;
  /** Name, value, … */
  readonly headers: readonly string[];
  /** Names in lower case of those of `headers` that are not sent. */
  readonly heldHeaders: ReadonlySet<string>;
  readonly added: AddedHeaders;
  /** Parts in order, which are written without joining them; a string is latin1. */
  readonly body: readonly Uint8Array[] | string | undefined;
}

/** Receives what happens to one request. Nothing follows after `onEnd` or `onError`. */
export interface CarriedExchange {
  /** The request has its connection. `isReused`: the connection has carried requests before. */
  onBegin(isReused: boolean): void;
  /** The first byte of the answer is here. */
  onAnswering(): void;
  /** `headers`: name, value, …, as received. */
  onHead(status: number, headers: readonly string[]): void;
  onPiece(piece: Buffer): void;
  onEnd(): void;
  onError(error: Error): void;
}

/** Carries one request at a time, over one connection that it opens when needed. */
export interface Carrier {
  /** Whether it can carry another request. */
  readonly isReusable: boolean;
  /** @throws Error if the request cannot be written; nothing was sent then. */
  send(request: OutgoingRequest, exchange: CarriedExchange): void;
  pause(): void;
  resume(): void;
  /** Called once a second while it carries nothing. It closes its connection when that has been idle for too long. */
  tick(): void;
  /** Closes the connection at once, or as soon as it is open. The exchange receives nothing more. */
  destroy(): void;
  /** Closes the connection after the request that it carries; resolves when it is closed. */
  close(): Promise<void>;
}
