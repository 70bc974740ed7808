import { asBytes, latin1OfEvents, type GatewayError } from "../../core/index.ts";
import type { EarlyHead, ModelCall } from "../model-call.ts";
import { earlyStreamHead } from "../headers/answer-head.ts";
import type { ActiveAttempt } from "./attempt-registry.ts";
import { keepAliveMs } from "./keep-alive.ts";

/**
 * Opens the stream of a request that has waited for `gateway.early_head`, so that load balancers do not cut its connection, and keeps it alive until an attempt
 * has content or the request fails. Other providers may still be tried in that time. Only streams: a JSON answer keeps its status.
 */
class SilenceWatch implements EarlyHead, ActiveAttempt {
  slot = -1;
  /** The attempts are counted, not this. */
  readonly streaming = false;
  isOpen = false;
  readonly #call: ModelCall;
  readonly #waitMs: number;
  #isTakenOver = false;
  #lastWriteMs = 0;

  constructor(call: ModelCall, waitMs: number) {
    this.#call = call;
    this.#waitMs = waitMs;
  }

  takeOver(): boolean {
    this.#isTakenOver = true;
    return this.isOpen;
  }

  tick(nowMs: number): void {
    const { exchange, request } = this.#call;
    if (this.#isTakenOver || exchange.closed) return;
    if (!this.isOpen) {
      if (nowMs - exchange.startedMs < this.#waitMs) return;
      exchange.streamHead(200, earlyStreamHead(this.#call));
      this.isOpen = true;
    } else if (nowMs - this.#lastWriteMs < keepAliveMs) return;
    this.#lastWriteMs = nowMs;
    exchange.chunk(asBytes(request.envelope.jsonArray === true ? "\n" : request.protocol.keepAlive));
  }

  /** Whatever is open ends with the attempt. */
  terminate(): void {}
}

/** Watches a request until the function that it returns is called; `undefined` if its head never goes out early. */
export function watchSilence(call: ModelCall): (() => void) | undefined {
  const { earlyHeadMs } = call.current;
  if (earlyHeadMs === undefined || !call.request.envelope.stream || !call.request.traits.hasOutput) return undefined;
  const watch = new SilenceWatch(call, earlyHeadMs);
  call.earlyHead = watch;
  const { activeAttempts } = call.deps;
  activeAttempts.add(watch);
  return () => {
    watch.takeOver();
    activeAttempts.delete(watch);
  };
}

/** Sends the head of a stream, unless one went out early. */
export function sendStreamHead(call: ModelCall, status: number, headers: readonly string[]): void {
  if (call.earlyHead?.takeOver() !== true) call.exchange.streamHead(status, headers);
}

/** Ends a stream whose head went out early with an error of its dialect. `false`: none went out. */
export function endEarlyStream(call: ModelCall, error: GatewayError): boolean {
  if (call.earlyHead?.takeOver() !== true) return false;
  const { exchange, request } = call;
  const options = { jsonArray: request.envelope.jsonArray === true, facts: {}, isEmpty: true };
  exchange.finish(latin1OfEvents(request.protocol.renderStreamError(error, exchange.requestId, options)));
  return true;
}

/** The status that the client sees of an error that has this one. */
export function shownStatus(call: ModelCall, status: number): number {
  return call.earlyHead?.isOpen === true ? 200 : status;
}
