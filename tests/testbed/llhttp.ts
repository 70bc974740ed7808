// llhttp, Node's own parser of HTTP, as undici carries it: what our reader of answers is compared with.
import { createRequire } from "node:module";

interface LlhttpExports {
  readonly memory: { readonly buffer: ArrayBuffer };
  malloc(size: number): number;
  llhttp_alloc(type: number): number;
  llhttp_free(parser: number): void;
  llhttp_execute(parser: number, at: number, length: number): number;
  llhttp_finish(parser: number): number;
  llhttp_get_error_pos(parser: number): number;
}

/** What a parser made of the bytes of one connection up to the end of the first answer. */
export type ReadAnswer =
  | {
      readonly outcome: "whole";
      readonly status: number;
      /** Name, value, …, without blanks around the values; latin1. */
      readonly headers: readonly string[];
      readonly body: string;
      /** The connection may carry another request. */
      readonly isKept: boolean;
      /** Bytes came that are not part of the answer. */
      readonly hasMore: boolean;
    }
  /** The connection ended before the answer did. */
  | { readonly outcome: "cut" }
  | { readonly outcome: "refused"; readonly reason: string };

const response = 2;
const ok = 0;
const paused = 21;
const bufferBytes = 256 * 1024;

/** What is used of it; Node's types do not describe it. */
interface WebAssemblyApi {
  readonly Module: new (code: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
}

type Callback = (parser: number, at: number, length: number) => number;

/** Reads answers with llhttp, under the rules that undici adds. One answer at a time. */
export class LlhttpReader {
  readonly #llhttp: LlhttpExports;
  readonly #buffer: number;
  #parts: string[] = [];
  #isField = false;
  #status = 0;
  #body = "";
  #isKept = false;
  #isHeadRead = false;
  #isWhole = false;
  #refusal = "";

  constructor() {
    const code = createRequire(import.meta.url)("undici/lib/llhttp/llhttp-wasm.js") as Uint8Array;
    const { Instance, Module } = (globalThis as unknown as { readonly WebAssembly: WebAssemblyApi }).WebAssembly;
    const piece =
      (take: (text: string) => void): Callback =>
      (_parser, at, length) => {
        take(Buffer.from(this.#llhttp.memory.buffer, at, length).toString("latin1"));
        return 0;
      };
    const env = {
      wasm_on_url: () => 0,
      wasm_on_status: () => 0,
      wasm_on_message_begin: () => 0,
      wasm_on_header_field: piece((text) => this.#addName(text)),
      wasm_on_header_value: piece((text) => this.#addValue(text)),
      wasm_on_headers_complete: (_parser: number, status: number, upgrade: number, keepAlive: number) =>
        this.#headRead(status, upgrade === 1, keepAlive === 1),
      wasm_on_body: piece((text) => {
        this.#body += text;
      }),
      wasm_on_message_complete: () => this.#messageRead(),
    };
    const instance = new Instance(new Module(code), { env });
    this.#llhttp = instance.exports as LlhttpExports;
    this.#buffer = this.#llhttp.malloc(bufferBytes);
  }

  /** @param pieces what the connection carries, before it ends in order; at most 256 KiB each. */
  read(pieces: readonly Buffer[]): ReadAnswer {
    const llhttp = this.#llhttp;
    this.#parts = [];
    this.#isField = false;
    this.#status = 0;
    this.#body = "";
    this.#isKept = false;
    this.#isHeadRead = false;
    this.#isWhole = false;
    this.#refusal = "";
    const parser = llhttp.llhttp_alloc(response);
    try {
      for (const [index, piece] of pieces.entries()) {
        new Uint8Array(llhttp.memory.buffer, this.#buffer, piece.length).set(piece);
        const result = llhttp.llhttp_execute(parser, this.#buffer, piece.length);
        if (this.#isWhole) {
          const used = result === paused ? llhttp.llhttp_get_error_pos(parser) - this.#buffer : piece.length;
          return this.#whole(used < piece.length || pieces.slice(index + 1).some(({ length }) => length > 0));
        }
        if (result !== ok) return { outcome: "refused", reason: this.#refusal === "" ? `error ${result}` : this.#refusal };
      }
      const result = llhttp.llhttp_finish(parser);
      return this.#isWhole && (result === ok || result === paused) ? this.#whole(false) : { outcome: "cut" };
    } finally {
      llhttp.llhttp_free(parser);
    }
  }

  #whole(hasMore: boolean): ReadAnswer {
    return { outcome: "whole", status: this.#status, headers: this.#parts, body: this.#body, isKept: this.#isKept, hasMore };
  }

  #addName(text: string): void {
    if (this.#isHeadRead) return;
    if (this.#isField) this.#parts[this.#parts.length - 2] += text;
    else this.#parts.push(text, "");
    this.#isField = true;
  }

  #addValue(text: string): void {
    if (this.#isHeadRead) return;
    this.#isField = false;
    this.#parts[this.#parts.length - 1] += text;
  }

  #headRead(status: number, upgrade: boolean, keepAlive: boolean): number {
    this.#isField = false;
    if (status === 100 || status === 101 || upgrade) {
      this.#refusal = "an answer to nothing";
      return -1;
    }
    if (status < 200) return 1;
    this.#isHeadRead = true;
    this.#status = status;
    this.#parts = this.#parts.map((part) => part.replace(/[\t ]+$/, ""));
    this.#isKept = keepAlive;
    if (status === 204 || status === 304) {
      const announces = this.#parts.some(
        (name, i) =>
          i % 2 === 0 && (/^transfer-encoding$/i.test(name) || (/^content-length$/i.test(name) && Number(this.#parts[i + 1]) > 0)),
      );
      if (announces) this.#isKept = false;
    }
    return 0;
  }

  #messageRead(): number {
    if (!this.#isHeadRead) {
      this.#parts = [];
      return 0;
    }
    this.#isWhole = true;
    return paused;
  }
}
