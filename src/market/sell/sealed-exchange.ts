import { createHash, type Hash } from "node:crypto";
import { asBytes, latin1OfUtf8, type Bytes, type Text } from "../../core/index.ts";
import type { AnswerWatcher, ClientExchange } from "../../gateway/index.ts";
import { encodeFrame, frameTypes, maxPlainBytes, type FrameType } from "../identity/frames.ts";
import type { FrameSealer } from "../identity/sealing.ts";

/** Where the frames of an answer go: the buyer's connection. */
export interface FrameWriter {
  readonly isClosed: boolean;
  /** `false`: wait for `onDrain`. */
  write(frame: Buffer): boolean;
  end(frames: Buffer): void;
  destroy(): void;
  onDrain(callback: () => void): void;
}

export interface SealedExchangeOptions {
  readonly requestId: string;
  /** Monotonic milliseconds when the request began. */
  readonly startedMs: number;
  readonly body: Buffer;
  readonly sealer: FrameSealer;
  readonly writer: FrameWriter;
  /** The text of an error, as the buyer sees it. */
  readonly hideError: (text: string) => string;
  /**
   * Makes and stores the receipt, given the hash of the answer's plain bytes. @returns its text. @throws if it could not be stored: then the answer ends
   * without it, and costs nothing.
   */
  readonly receipt: (answer: string) => Promise<string>;
}

/** A request that arrived sealed, as the gateway sees it. The last bytes of its answer leave together with the receipt, once that is stored. */
export class SealedExchange implements ClientExchange {
  readonly requestId: string;
  readonly method = "POST";
  readonly startedMs: number;
  readonly rawHeaders: readonly string[] = ["content-type", "application/json", "user-agent", "tokligence-market"];
  readonly clientRequestId = undefined;
  readonly #options: SealedExchangeOptions;
  readonly #hash: Hash = createHash("sha256");
  #hasBytes = false;
  #isEnded = false;
  #isWhole = false;
  #isOver = false;
  #hasHead = false;
  #isDropped = false;
  #leave: (() => void) | undefined;
  #watcher: AnswerWatcher | undefined;

  constructor(options: SealedExchangeOptions) {
    this.#options = options;
    this.requestId = options.requestId;
    this.startedMs = options.startedMs;
  }

  get closed(): boolean {
    return this.#isDropped || this.#options.writer.isClosed;
  }

  /** A part of the answer has left. */
  get hasHead(): boolean {
    return this.#hasHead;
  }

  /** The request is served no further: for the gateway its client has left, and what it still writes goes nowhere. The connection stays open. */
  drop(): void {
    this.#isDropped = true;
    this.#isEnded = true;
    this.over(false);
  }

  readBody(): Promise<readonly Buffer[]> {
    return Promise.resolve([this.#options.body]);
  }

  onLeave(callback: () => void): void {
    if (this.closed) callback();
    else this.#leave = callback;
  }

  onSent(watcher: AnswerWatcher): void {
    this.#watcher = watcher;
    if (this.#isOver) watcher.sent(this.#isWhole);
  }

  json(status: number, headers: readonly string[], body: Text): void {
    this.jsonBytes(status, headers, latin1OfUtf8(status < 400 ? body : this.#options.hideError(body)));
  }

  jsonBytes(status: number, headers: readonly string[], body: Bytes): void {
    this.streamHead(status, headers);
    this.finish(body);
  }

  streamHead(status: number, headers: readonly string[]): void {
    if (this.#isDropped) return;
    this.#hasHead = true;
    const type = headers.findIndex((name, index) => index % 2 === 0 && name.toLowerCase() === "content-type");
    const head = { status, content_type: type < 0 ? "application/json" : headers[type + 1] };
    this.#options.writer.write(this.#sealed(frameTypes.head, Buffer.from(JSON.stringify(head))));
  }

  chunk(data: Bytes): boolean {
    if (this.#isDropped) return true;
    return this.#options.writer.write(this.#data(frameTypes.data, Buffer.from(data, "latin1")));
  }

  onDrain(callback: () => void): void {
    this.#options.writer.onDrain(callback);
  }

  finish(last: Bytes = asBytes("")): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    const bytes = this.#data(frameTypes.last, Buffer.from(last, "latin1"));
    const answer = this.#hasBytes ? `sha256:${this.#hash.digest("hex")}` : "";
    this.#options.receipt(answer).then(
      (text) => {
        this.#options.writer.end(Buffer.concat([bytes, this.#sealed(frameTypes.end, Buffer.from(text))]));
      },
      () => {
        this.#options.writer.destroy();
      },
    );
  }

  abort(): void {
    this.#isEnded = true;
    this.#options.writer.destroy();
  }

  /** The connection has ended, by either side. */
  over(isWhole: boolean): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#isWhole = isWhole && this.#isEnded;
    if (!this.#isWhole) this.#leave?.();
    this.#watcher?.sent(this.#isWhole);
  }

  /** Content, in frames that are not too long; the last one is of the type. */
  #data(type: FrameType, plain: Buffer): Buffer {
    if (plain.length > 0) {
      this.#hasBytes = true;
      this.#hash.update(plain);
    }
    if (plain.length <= maxPlainBytes) return this.#sealed(type, plain);
    const frames: Buffer[] = [];
    let at = 0;
    for (; plain.length - at > maxPlainBytes; at += maxPlainBytes) {
      frames.push(this.#sealed(frameTypes.data, plain.subarray(at, at + maxPlainBytes)));
    }
    return Buffer.concat([...frames, this.#sealed(type, plain.subarray(at))]);
  }

  #sealed(type: FrameType, plain: Uint8Array): Buffer {
    return encodeFrame(type, this.#options.sealer.seal(type, plain));
  }
}
