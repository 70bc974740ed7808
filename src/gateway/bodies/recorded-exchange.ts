import { latin1OfUtf8, noBytes, type Bytes, type Text } from "../../core/index.ts";
import type { ClientExchange } from "../exchange.ts";
import { WrappedExchange } from "../wrapped-exchange.ts";

/** What went over an exchange: the request's parts as sent and inflated, and what the client was sent, latin1. */
export interface Recording {
  readonly requestId: string;
  readonly parts: readonly Buffer[];
  /** `undefined`: no answer had begun. */
  readonly answer: string | undefined;
  /** The answer was longer than what is taken of a stream. */
  readonly isCut: boolean;
}

/** An exchange that remembers what goes over it. All else is the exchange behind it. */
export class RecordedExchange extends WrappedExchange {
  readonly #maxStreamBytes: number;
  readonly #done: (recording: Recording, attempt: number) => void;
  #parts: readonly Buffer[] = [];
  #answer: string | undefined;
  #isCut = false;

  /** @param maxStreamBytes so much of a stream is kept. @param done takes the recording of a request whose body has come. */
  constructor(inner: ClientExchange, maxStreamBytes: number, done: (recording: Recording, attempt: number) => void) {
    super(inner);
    this.#maxStreamBytes = maxStreamBytes;
    this.#done = done;
  }

  /** The request is over. @param attempt the one whose answer the client has. */
  end(attempt: number): void {
    if (this.#parts.length === 0) return;
    this.#done({ requestId: this.requestId, parts: this.#parts, answer: this.#answer, isCut: this.#isCut }, attempt);
  }

  override async readBody(): Promise<readonly Buffer[]> {
    this.#parts = await this.inner.readBody();
    return this.#parts;
  }

  override json(status: number, headers: readonly string[], body: Text): void {
    this.jsonBytes(status, headers, latin1OfUtf8(body));
  }

  override jsonBytes(status: number, headers: readonly string[], body: Bytes): void {
    // A stream that has begun cannot become something else.
    if (!this.closed && this.#answer === undefined) this.#answer = body;
    this.inner.jsonBytes(status, headers, body);
  }

  override streamHead(status: number, headers: readonly string[]): void {
    if (!this.closed) this.#answer = "";
    this.inner.streamHead(status, headers);
  }

  override chunk(data: Bytes): boolean {
    this.#take(data);
    return this.inner.chunk(data);
  }

  override finish(last = noBytes): void {
    this.#take(last);
    this.inner.finish(last);
  }

  #take(data: string): void {
    if (this.closed || this.#answer === undefined) return;
    const room = this.#maxStreamBytes - this.#answer.length;
    if (data.length > room) this.#isCut = true;
    if (room > 0) this.#answer += data.slice(0, room);
  }
}
