import type { GatewayError } from "../core/index.ts";
import {
  pickKey,
  type Attempt,
  type ProviderKey,
  type UpstreamCall,
  type UpstreamFailure,
  type UpstreamHandler,
  type UpstreamRequest,
} from "../upstream/index.ts";
import { ErrorAnswer } from "./error-answer.ts";
import { findHeader } from "./headers.ts";
import type { Lane } from "./lane.ts";
import type { AnswerSink, Delivery, FailedAttempt } from "./delivery.ts";
import { JsonAnswer } from "./json-answer.ts";
import type { ModelCall } from "./model-call.ts";
import { StreamAnswer } from "./stream-answer.ts";
import { createTranslatedLane } from "./translated-lane.ts";
import { errorOfFailure } from "./upstream-errors.ts";
import { createVerbatimLane } from "./verbatim-lane.ts";

/**
 * Sends the request to the attempt's provider and delivers its answer. `undefined`: the client has been served, or has left.
 * @throws GatewayError where the request cannot be made for this provider.
 */
export function sendUpstream(call: ModelCall, attempt: Attempt): Promise<FailedAttempt | undefined> {
  const lane = attempt.lane === "translated" ? createTranslatedLane(call, attempt) : createVerbatimLane(call, attempt);
  return new Promise((resolve) => {
    new UpstreamDelivery(call, attempt, lane, resolve).start();
  });
}

/** One attempt: the request out, the answer back. */
class UpstreamDelivery implements Delivery, UpstreamHandler {
  readonly call: ModelCall;
  readonly attempt: Attempt;
  readonly lane: Lane;
  key: ProviderKey | undefined;
  upstream: UpstreamCall | undefined;
  #sink: AnswerSink | undefined;
  #resolve: (outcome: FailedAttempt | undefined) => void;
  #done = false;

  constructor(call: ModelCall, attempt: Attempt, lane: Lane, resolve: (outcome: FailedAttempt | undefined) => void) {
    this.call = call;
    this.attempt = attempt;
    this.lane = lane;
    this.#resolve = resolve;
  }

  start(): void {
    const { call } = this;
    call.open(this.attempt);
    if (call.exchange.closed) {
      this.#left();
      return;
    }
    call.exchange.onLeave(() => {
      this.#left();
    });
    this.upstream = call.current.client.dispatch(this.#request(), this);
    if (this.#done) this.upstream.abort();
  }

  onHead(status: number, headers: readonly string[]): void {
    const { call } = this;
    call.upstreamMs = call.deps.clock.monotonic() - call.dispatchedMs;
    const type = findHeader(headers, "content-type") ?? "";
    if (status >= 300 || status < 200) this.#sink = new ErrorAnswer(this, status, headers);
    else if (call.envelope?.stream === true || type.startsWith("text/event-stream"))
      this.#sink = new StreamAnswer(this, status, headers, type);
    else this.#sink = new JsonAnswer(this, status, headers);
  }

  onData(chunk: Buffer): void {
    if (!this.#done) this.#sink?.data(chunk);
  }

  onEnd(): void {
    if (!this.#done) this.#sink?.end();
  }

  onFailure(failure: UpstreamFailure): void {
    if (this.#done) return;
    this.call.deps.providerHealth.record(
      this.attempt.provider.name,
      false,
      this.call.deps.clock.monotonic() - this.call.dispatchedMs,
      failure.message,
    );
    if (this.#sink !== undefined) {
      this.#sink.fail(failure);
      return;
    }
    this.failed(errorOfFailure(failure), failure.kind === "unreachable" || failure.kind === "connect-timeout");
  }

  /** The answer came, and its status speaks for or against the provider. */
  answered(ok: boolean, message?: string): void {
    this.call.deps.providerHealth.record(this.attempt.provider.name, ok, this.call.upstreamMs, message);
  }

  /** Nothing has gone to the client; the attempt ends with an error. */
  failed(error: GatewayError, nextTarget = false): void {
    const settled = this.call.settle({ status: "error", httpStatus: error.status, errorCode: error.code, errorMessage: error.message });
    const finish = (): void => {
      this.#finish({ error, nextTarget });
    };
    // Recorded or not, the client must have its error.
    if (settled === undefined) finish();
    else settled.then(finish, finish);
  }

  /** The client has its answer, whole or broken; the attempt is settled. */
  delivered(): void {
    this.#finish(undefined);
  }

  #left(): void {
    if (this.#done) return;
    this.upstream?.abort();
    if (this.#sink === undefined) {
      void this.call.settle({ status: "cancelled", httpStatus: 499, errorCode: "client_closed_request" });
      this.#finish(undefined);
      return;
    }
    this.#sink.leave();
  }

  #finish(outcome: FailedAttempt | undefined): void {
    if (this.#done) return;
    this.#done = true;
    this.#resolve(outcome);
  }

  #request(): UpstreamRequest {
    const { provider, protocol } = this.attempt;
    this.key = pickKey(provider, this.call.pinnedKey);
    return { provider, protocol, ...this.lane.request, key: this.key, stream: this.call.envelope!.stream };
  }
}
