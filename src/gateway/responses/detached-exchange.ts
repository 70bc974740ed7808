import { GatewayError } from "../../core/index.ts";
import type { AnswerWatcher, ClientExchange } from "../exchange.ts";

/**
 * The exchange of a request that goes on without its client: what would go out goes nowhere, and `leave` is the client that no longer wants it. An answer that
 * ends is a whole one, as it has been stored.
 */
export class DetachedExchange implements ClientExchange {
  readonly requestId: string;
  readonly method: string;
  readonly startedMs: number;
  readonly rawHeaders: readonly string[];
  readonly clientRequestId: string | undefined;
  closed = false;
  #leave: (() => void) | undefined;
  #watcher: AnswerWatcher | undefined;
  #ended = false;

  constructor(client: ClientExchange) {
    this.requestId = client.requestId;
    this.method = client.method;
    this.startedMs = client.startedMs;
    this.rawHeaders = client.rawHeaders;
    this.clientRequestId = client.clientRequestId;
  }

  leave(): void {
    if (this.closed) return;
    this.closed = true;
    if (!this.#ended) this.#leave?.();
    this.#end(false);
  }

  readBody(): Promise<readonly Buffer[]> {
    return Promise.reject(new GatewayError("internal_error", "The body has been read."));
  }

  onLeave(callback: () => void): void {
    if (this.closed) callback();
    else this.#leave = callback;
  }

  onSent(watcher: AnswerWatcher): void {
    this.#watcher = watcher;
    if (this.closed) watcher.sent(false);
  }

  chunk(): boolean {
    return true;
  }

  json(): void {
    this.#end(true);
  }

  jsonBytes(): void {
    this.#end(true);
  }

  finish(): void {
    this.#end(true);
  }

  abort(): void {
    this.#end(false);
  }

  streamHead(): void {}
  onDrain(): void {}

  #end(isWhole: boolean): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#watcher?.sent(isWhole);
  }
}
