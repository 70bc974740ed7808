import type { GatewayError } from "../../core/index.ts";
import type { ActiveAttempt } from "../answers/attempt-registry.ts";
import type { ModelCall } from "../model-call.ts";

/** How a pause has ended: its time is over, the client has left, or the gateway is shutting down. */
export type PauseEnd = "over" | "left" | GatewayError;

/** Waits before a request is sent again. */
export function pause(call: ModelCall, delayMs: number): Promise<PauseEnd> {
  return new Promise((resolve) => {
    new Pause(call, resolve).start(delayMs);
  });
}

/** The registry sees it as an attempt, so that a shutdown ends it. */
class Pause implements ActiveAttempt {
  slot = -1;
  readonly streaming = false;
  readonly #call: ModelCall;
  #resolve: ((end: PauseEnd) => void) | undefined;
  #cancel: (() => void) | undefined;

  constructor(call: ModelCall, resolve: (end: PauseEnd) => void) {
    this.#call = call;
    this.#resolve = resolve;
  }

  start(delayMs: number): void {
    const { deps, exchange } = this.#call;
    exchange.onLeave(() => {
      this.#end("left");
    });
    deps.activeAttempts.add(this);
    if (this.#resolve === undefined) return;
    this.#cancel = deps.schedule(delayMs, () => {
      this.#end("over");
    });
  }

  tick(): void {}

  terminate(error: GatewayError): void {
    this.#end(error);
  }

  #end(end: PauseEnd): void {
    const resolve = this.#resolve;
    if (resolve === undefined) return;
    this.#resolve = undefined;
    this.#cancel?.();
    this.#call.deps.activeAttempts.delete(this);
    resolve(end);
  }
}
