import type { Bytes, Text } from "../core/index.ts";
import type { AnswerWatcher, ClientExchange } from "./exchange.ts";

/** An exchange around another one: all goes on to that one, but for what a class that extends this one changes. */
export class WrappedExchange implements ClientExchange {
  protected readonly inner: ClientExchange;

  constructor(inner: ClientExchange) {
    this.inner = inner;
  }

  get requestId(): string {
    return this.inner.requestId;
  }

  get method(): string {
    return this.inner.method;
  }

  get startedMs(): number {
    return this.inner.startedMs;
  }

  get rawHeaders(): readonly string[] {
    return this.inner.rawHeaders;
  }

  get clientRequestId(): string | undefined {
    return this.inner.clientRequestId;
  }

  get closed(): boolean {
    return this.inner.closed;
  }

  readBody(): Promise<readonly Buffer[]> {
    return this.inner.readBody();
  }

  onLeave(callback: () => void): void {
    this.inner.onLeave(callback);
  }

  onSent(watcher: AnswerWatcher): void {
    this.inner.onSent(watcher);
  }

  json(status: number, headers: readonly string[], body: Text): void {
    this.inner.json(status, headers, body);
  }

  jsonBytes(status: number, headers: readonly string[], body: Bytes): void {
    this.inner.jsonBytes(status, headers, body);
  }

  streamHead(status: number, headers: readonly string[]): void {
    this.inner.streamHead(status, headers);
  }

  chunk(data: Bytes): boolean {
    return this.inner.chunk(data);
  }

  onDrain(callback: () => void): void {
    this.inner.onDrain(callback);
  }

  finish(last?: Bytes): void {
    this.inner.finish(last);
  }

  abort(): void {
    this.inner.abort();
  }
}
