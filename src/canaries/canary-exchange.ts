import { shuttingDown, utf8OfLatin1, type Bytes, type Text } from "../core/index.ts";
import type { AnswerWatcher, ClientExchange } from "../gateway/index.ts";

export interface WholeAnswer {
  readonly status: number;
  readonly body: Text;
}

interface CanaryRequest {
  readonly requestId: string;
  readonly startedMs: number;
  readonly body: string;
}

/** The exchange of a request that the gateway itself makes: it takes one whole answer. */
export class CanaryExchange implements ClientExchange {
  readonly requestId: string;
  readonly method = "POST";
  readonly startedMs: number;
  readonly rawHeaders: readonly string[] = ["content-type", "application/json", "user-agent", "tokligence-canary"];
  readonly clientRequestId = undefined;
  closed = false;
  /** `undefined`: there is none yet, or it broke off. */
  answer: WholeAnswer | undefined;
  readonly #body: string;
  #leave: (() => void) | undefined;
  #watcher: AnswerWatcher | undefined;
  #end: boolean | undefined;

  constructor({ requestId, startedMs, body }: CanaryRequest) {
    this.requestId = requestId;
    this.startedMs = startedMs;
    this.#body = body;
  }

  /** The answer is not waited for any longer. */
  leave(): void {
    if (this.closed || this.#end !== undefined) return;
    this.closed = true;
    this.#leave?.();
    this.#ended(false);
  }

  readBody(): Promise<readonly Buffer[]> {
    if (this.closed) return Promise.reject(shuttingDown());
    return Promise.resolve([Buffer.from(this.#body)]);
  }

  onLeave(callback: () => void): void {
    if (this.closed) callback();
    else this.#leave = callback;
  }

  onSent(watcher: AnswerWatcher): void {
    this.#watcher = watcher;
    if (this.#end !== undefined) watcher.sent(this.#end);
  }

  json(status: number, _headers: readonly string[], body: Text): void {
    this.answer = { status, body };
    this.#ended(true);
  }

  jsonBytes(status: number, headers: readonly string[], body: Bytes): void {
    this.json(status, headers, utf8OfLatin1(body));
  }

  abort(): void {
    this.#ended(false);
  }

  /** No stream is asked for. */
  streamHead(): void {}
  onDrain(): void {}

  chunk(): boolean {
    return true;
  }

  finish(): void {
    this.#ended(false);
  }

  #ended(isWhole: boolean): void {
    if (this.#end !== undefined) return;
    this.#end = isWhole;
    this.#watcher?.sent(isWhole);
  }
}
