import type { Bytes, Text } from "../core/index.ts";

/** Learns how the answer of an exchange has ended. */
export interface AnswerWatcher {
  /** `isWhole`: the system has taken all of its bytes, and the client had not left by then. */
  sent(isWhole: boolean): void;
}

/** The server side of one request, as the gateway sees it. Five verbs answer: `json`, `streamHead`, `chunk`, `finish`, `abort`. */
export interface ClientExchange {
  readonly requestId: string;
  readonly method: string;
  /** Monotonic milliseconds when the head had arrived. */
  readonly startedMs: number;
  /** Name, value, name, value, … as received. */
  readonly rawHeaders: readonly string[];
  /** The client's own `x-request-id`, where it sent one. */
  readonly clientRequestId: string | undefined;
  /** The connection is gone. */
  readonly closed: boolean;

  /**
   * The whole body, inflated, in the parts it came in.
   * @throws GatewayError `body_too_large`, `request_timeout`, `unsupported_content_encoding`, `invalid_request`.
   */
  readBody(): Promise<readonly Buffer[]>;
  /** Called once if the client leaves before the answer has ended; at once if it has left. The last callback given counts. */
  onLeave(callback: () => void): void;

  /** The watcher is called once, when the answer has ended; at once if it has. The last one given counts. */
  onSent(watcher: AnswerWatcher): void;

  /** A whole answer in one write. `headers`: name, value, …; ids and length are added. `body` is text. */
  json(status: number, headers: readonly string[], body: Text): void;
  /** The same with a body that is a latin1 string of its bytes. */
  jsonBytes(status: number, headers: readonly string[], body: Bytes): void;
  /** The head of a stream. */
  streamHead(status: number, headers: readonly string[]): void;
  /** Bytes of the stream; a string is latin1. `false`: hold back until `onDrain`. */
  chunk(data: Bytes): boolean;
  onDrain(callback: () => void): void;
  /** Ends the stream, with last bytes (latin1) in the same write. */
  finish(last?: Bytes): void;
  /** Drops the connection, so that the client sees a broken answer. */
  abort(): void;
}
