import { asBytes, latin1OfUtf8, noBytes, type Bytes, type Text } from "../../core/index.ts";
import { restoreTexts, type Placeholders } from "../../policy/index.ts";
import type { Protocol } from "../../protocols/index.ts";
import type { AnswerWatcher, ClientExchange } from "../exchange.ts";
import { StreamOfTexts } from "./stream-of-texts.ts";

/**
 * An exchange whose client gets its own texts back where the provider has placeholders. It is the one nearest to the client: what is recorded or kept of an answer has
 * the placeholders.
 */
export class RestoringExchange implements ClientExchange {
  readonly #inner: ClientExchange;
  readonly #protocol: Protocol;
  #placeholders: Placeholders | undefined;
  #stream: StreamOfTexts | undefined;

  constructor(inner: ClientExchange, protocol: Protocol) {
    this.#inner = inner;
    this.#protocol = protocol;
  }

  /** The request has gone on with these. */
  restore(placeholders: Placeholders): void {
    this.#placeholders = placeholders;
  }

  get requestId(): string {
    return this.#inner.requestId;
  }

  get method(): string {
    return this.#inner.method;
  }

  get startedMs(): number {
    return this.#inner.startedMs;
  }

  get rawHeaders(): readonly string[] {
    return this.#inner.rawHeaders;
  }

  get clientRequestId(): string | undefined {
    return this.#inner.clientRequestId;
  }

  get closed(): boolean {
    return this.#inner.closed;
  }

  readBody(): Promise<readonly Buffer[]> {
    return this.#inner.readBody();
  }

  onLeave(callback: () => void): void {
    this.#inner.onLeave(callback);
  }

  onSent(watcher: AnswerWatcher): void {
    this.#inner.onSent(watcher);
  }

  json(status: number, headers: readonly string[], body: Text): void {
    if (this.#placeholders === undefined) this.#inner.json(status, headers, body);
    else this.jsonBytes(status, headers, latin1OfUtf8(body));
  }

  jsonBytes(status: number, headers: readonly string[], body: Bytes): void {
    this.#inner.jsonBytes(status, headers, this.#placeholders === undefined ? body : restoreTexts(body, this.#placeholders));
  }

  streamHead(status: number, headers: readonly string[]): void {
    if (this.#placeholders !== undefined) this.#stream = new StreamOfTexts(this.#placeholders, this.#protocol, isEventStream(headers));
    this.#inner.streamHead(status, headers);
  }

  chunk(data: Bytes): boolean {
    return this.#inner.chunk(this.#stream === undefined ? data : this.#stream.push(data));
  }

  onDrain(callback: () => void): void {
    this.#inner.onDrain(callback);
  }

  finish(last = noBytes): void {
    this.#inner.finish(this.#stream === undefined ? last : asBytes(this.#stream.push(last) + this.#stream.end()));
  }

  abort(): void {
    this.#inner.abort();
  }
}

function isEventStream(headers: readonly string[]): boolean {
  const at = headers.findIndex((name, index) => index % 2 === 0 && name.toLowerCase() === "content-type");
  return at === -1 || headers[at + 1]!.includes("event-stream");
}
