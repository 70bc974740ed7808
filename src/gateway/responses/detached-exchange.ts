import { GatewayError } from "../../core/index.ts";
import type { ClientExchange } from "../exchange.ts";

/** The exchange of a request that goes on without its client: what would go out goes nowhere, and `leave` is the client that no longer wants it. */
export class DetachedExchange implements ClientExchange {
  readonly requestId: string;
  readonly method: string;
  readonly startedMs: number;
  readonly rawHeaders: readonly string[];
  readonly clientRequestId: string | undefined;
  closed = false;
  #leave: (() => void) | undefined;

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
    this.#leave?.();
  }

  readBody(): Promise<readonly Buffer[]> {
    return Promise.reject(new GatewayError("internal_error", "The body has been read."));
  }

  onLeave(callback: () => void): void {
    if (this.closed) callback();
    else this.#leave = callback;
  }

  chunk(): boolean {
    return true;
  }

  json(): void {}
  jsonBytes(): void {}
  streamHead(): void {}
  onDrain(): void {}
  finish(): void {}
  abort(): void {}
}
