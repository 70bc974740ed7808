import { asBytes, latin1OfUtf8, noBytes, type Bytes, type Text } from "../../core/index.ts";
import { restoreTexts, type Placeholders } from "../../policy/index.ts";
import type { Protocol } from "../../protocols/index.ts";
import type { ClientExchange } from "../exchange.ts";
import { WrappedExchange } from "../wrapped-exchange.ts";
import { StreamOfTexts } from "./stream-of-texts.ts";

/**
 * An exchange whose client gets its own texts back where the provider has placeholders. It is the one nearest to the client: what is recorded or kept of an answer has
 * the placeholders.
 */
export class RestoringExchange extends WrappedExchange {
  readonly #protocol: Protocol;
  #placeholders: Placeholders | undefined;
  #stream: StreamOfTexts | undefined;

  constructor(inner: ClientExchange, protocol: Protocol) {
    super(inner);
    this.#protocol = protocol;
  }

  /** The request has gone on with these. */
  restore(placeholders: Placeholders): void {
    this.#placeholders = placeholders;
  }

  override json(status: number, headers: readonly string[], body: Text): void {
    if (this.#placeholders === undefined) this.inner.json(status, headers, body);
    else this.jsonBytes(status, headers, latin1OfUtf8(body));
  }

  override jsonBytes(status: number, headers: readonly string[], body: Bytes): void {
    this.inner.jsonBytes(status, headers, this.#placeholders === undefined ? body : restoreTexts(body, this.#placeholders));
  }

  override streamHead(status: number, headers: readonly string[]): void {
    if (this.#placeholders !== undefined) this.#stream = new StreamOfTexts(this.#placeholders, this.#protocol, isEventStream(headers));
    this.inner.streamHead(status, headers);
  }

  override chunk(data: Bytes): boolean {
    return this.inner.chunk(this.#stream === undefined ? data : this.#stream.push(data));
  }

  override finish(last = noBytes): void {
    this.inner.finish(this.#stream === undefined ? last : asBytes(this.#stream.push(last) + this.#stream.end()));
  }
}

function isEventStream(headers: readonly string[]): boolean {
  const at = headers.findIndex((name, index) => index % 2 === 0 && name.toLowerCase() === "content-type");
  return at === -1 || headers[at + 1]!.includes("event-stream");
}
