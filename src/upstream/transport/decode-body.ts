import type { Transform } from "node:stream";
import { createInflater } from "../../core/index.ts";

/** Receives the output of a decoder. Nothing follows after `decodedEnd` or `decodeFailed`. */
export interface DecodedSink {
  decoded(chunk: Buffer): void;
  decodedEnd(): void;
  /** `what` completes "the provider sent …". */
  decodeFailed(what: string): void;
  /** The decoder accepts input again. */
  decoderDrained(): void;
}

/** Inflates a body that is compressed although identity was requested. It stops at `maxBytes`, so that a small body cannot fill the memory. */
export class BodyDecoder {
  readonly #transform: Transform;
  #empty = true;
  #size = 0;
  #over = false;
  readonly #sink: DecodedSink;

  /** `undefined` for an unknown encoding; `encoding` is in lower case. */
  static create(encoding: string, sink: DecodedSink, maxBytes: number): BodyDecoder | undefined {
    const transform = createInflater(encoding);
    return transform === undefined ? undefined : new BodyDecoder(transform, sink, maxBytes);
  }

  private constructor(transform: Transform, sink: DecodedSink, maxBytes: number) {
    this.#transform = transform;
    this.#sink = sink;
    transform.on("data", (chunk: Buffer) => {
      this.#size += chunk.length;
      if (this.#size > maxBytes) this.#fail(`a compressed answer that inflates to more than ${maxBytes} bytes`);
      else if (!this.#over) sink.decoded(chunk);
    });
    transform.on("end", () => {
      if (this.#over) return;
      this.#over = true;
      sink.decodedEnd();
    });
    transform.on("error", () => {
      this.#fail("a compressed answer that cannot be inflated");
    });
    transform.on("drain", () => {
      if (!this.#over) sink.decoderDrained();
    });
  }

  /** `false`: write nothing more until `decoderDrained`. */
  write(chunk: Buffer): boolean {
    this.#empty = false;
    return this.#over || this.#transform.write(chunk);
  }

  end(): void {
    if (this.#over) return;
    if (!this.#empty) {
      this.#transform.end();
      return;
    }
    // An empty body is valid.
    this.destroy();
    this.#sink.decodedEnd();
  }

  pause(): void {
    this.#transform.pause();
  }

  resume(): void {
    this.#transform.resume();
  }

  destroy(): void {
    this.#over = true;
    this.#transform.destroy();
  }

  #fail(what: string): void {
    if (this.#over) return;
    this.destroy();
    this.#sink.decodeFailed(what);
  }
}
