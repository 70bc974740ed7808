import type { GatewayError, Refusal } from "../../core/index.ts";
import {
  isMarketProvider,
  type Attempt,
  type BlockKind,
  type ProviderKey,
  type Target,
  type TargetState,
  type UpstreamCall,
  type UpstreamFailure,
  type UpstreamHandler,
  type UpstreamRequest,
} from "../../upstream/index.ts";
import { readServiceTier, type Usage } from "../../ir/index.ts";
import type { ActiveAttempt } from "./attempt-registry.ts";
import { shownStatus } from "./early-head.ts";
import { dispatchTurns } from "./dispatch-turns.ts";
import { ErrorSink } from "./error-sink.ts";
import { upstreamRequestId } from "../headers/answer-headers.ts";
import { marketScopeOf } from "../headers/market-scope.ts";
import { findHeader } from "../headers/request-headers.ts";
import type { AttemptEntry } from "../attempt-entry.ts";
import { isAnyForm, isForeign, type Lane } from "../lane.ts";
import type { AnswerSink, Delivery, FailedAttempt, UpstreamHead, UsedTokens } from "../delivery.ts";
import { estimateInput, estimateUnseen } from "../tokens/estimate-usage.ts";
import { JsonSink } from "./json-sink.ts";
import type { ModelCall } from "../model-call.ts";
import { StreamSink } from "./stream-sink.ts";
import { tracedAttempt } from "./traced-attempt.ts";
import { withTraceparent } from "../trace.ts";
import { errorOfFailure, refusalIn, withoutSecrets } from "../errors/upstream-errors.ts";

/**
 * Sends the request to the attempt's provider and delivers its answer. `undefined`: the client has been served, or has left.
 */
export function sendUpstream(call: ModelCall, target: Target, lane: Lane): Promise<FailedAttempt | undefined> {
  return new Promise((resolve) => {
    new UpstreamDelivery(call, target, lane, resolve).start();
  });
}

/** One attempt: the request out, the answer back. */
class UpstreamDelivery implements Delivery, UpstreamHandler, ActiveAttempt {
  slot = -1;
  readonly call: ModelCall;
  readonly attempt: Attempt;
  readonly entry: AttemptEntry;
  readonly lane: Lane;
  readonly key: ProviderKey | undefined;
  upstream: UpstreamCall | undefined;
  readonly #state: TargetState;
  #sink: AnswerSink | undefined;
  #resolve: (outcome: FailedAttempt | undefined) => void;
  #done = false;
  #isSent = false;
  /** `undefined`: the request is not traced. */
  #traceparent: string | undefined;
  /** What the answer says of the target; `undefined`: nothing yet. */
  #verdict: "good" | Refusal | undefined;

  constructor(call: ModelCall, { attempt, state }: Target, lane: Lane, resolve: (outcome: FailedAttempt | undefined) => void) {
    this.call = call;
    this.attempt = attempt;
    this.lane = lane;
    this.key = attempt.provider.keys[state.keyIndex];
    this.#state = state;
    this.#resolve = resolve;
    this.entry = call.open(attempt);
  }

  start(): void {
    const { call } = this;
    if (call.exchange.closed) {
      this.#left();
      return;
    }
    call.exchange.onLeave(() => {
      this.#left();
    });
    call.deps.activeAttempts.add(this);
    if (this.#isSettled) return;
    this.#state.begin(this.entry.dispatchedMs);
    this.#isSent = true;
    this.#traceparent = call.trace?.attemptBegins();
    this.upstream = dispatchTurns(call.current.client, this.#request(), this, { lane: this.lane, startMs: this.entry.dispatchedMs });
    if (this.#done) this.upstream.abort();
  }

  onHead(status: number, headers: readonly string[]): void {
    const { call, entry } = this;
    call.answer.upstreamMs = call.deps.clock.monotonic() - entry.dispatchedMs;
    entry.upstreamRequestId = upstreamRequestId(call, this.attempt.provider, headers);
    const { tierHeader } = call.deps.protocols.get(this.attempt.protocol)!;
    if (tierHeader !== undefined) entry.servedTier = readServiceTier(findHeader(headers, tierHeader));
    this.#sink = this.#openSink({ status, headers });
  }

  #openSink(head: UpstreamHead): AnswerSink {
    const { lane } = this;
    if (head.status >= 300 || head.status < 200) return new ErrorSink(this, head);
    const type = findHeader(head.headers, "content-type") ?? "";
    if (isAnyForm(lane)) {
      if (this.#isOtherForm(type)) return new JsonSink(this, head, true);
      if (this.call.request.envelope.stream || type.startsWith("text/event-stream"))
        return new StreamSink(this, head, lane.openStream(type), type);
    }
    return new JsonSink(this, head, false);
  }

  /** One JSON object where a stream was asked for, or a stream where one object was; Gemini's stream may be JSON itself. */
  #isOtherForm(contentType: string): boolean {
    const { envelope, traits } = this.call.request;
    if (!traits.hasOutput) return false;
    if (!envelope.stream) return contentType.startsWith("text/event-stream");
    return /\bjson\b/.test(contentType) && (isForeign(this.lane) || envelope.jsonArray !== true);
  }

  onData(chunk: Buffer): void {
    if (!this.#done) this.#sink?.data(chunk);
  }

  onBilled(costNanoUsd: bigint): void {
    this.entry.billedNanoUsd = costNanoUsd;
  }

  onEnd(): void {
    if (!this.#done) this.#sink?.end();
  }

  onFailure(failure: UpstreamFailure): void {
    if (this.#done) return;
    this.#record(false, this.call.deps.clock.monotonic() - this.entry.dispatchedMs, this.#shown(failure.message));
    if (this.#sink !== undefined) {
      this.#sink.fail(failure);
      return;
    }
    this.failed(errorOfFailure(failure));
  }

  opened(): void {
    const { answer, deps, race } = this.call;
    race?.claim();
    answer.firstContentMs = deps.clock.monotonic();
    answer.upstreamMs = answer.firstContentMs - this.entry.dispatchedMs;
    this.#state.measures.firstContentMs.add(answer.upstreamMs, answer.firstContentMs);
    this.#state.opened(this.entry.dispatchedMs);
  }

  answered(ok: boolean, message?: string, refusal?: Refusal): void {
    this.#verdict = ok ? "good" : refusal;
    const shown = message === undefined ? undefined : this.#shown(message);
    this.#record(ok, this.call.answer.upstreamMs, shown);
  }

  #record(ok: boolean, latencyMs: number, message?: string): void {
    const { providerHealth, keyHealth } = this.call.deps;
    providerHealth.record(this.attempt.provider.name, ok, latencyMs, message);
    if (this.key !== undefined) keyHealth.record(this.key.id, ok, latencyMs, message);
  }

  clean(error: GatewayError): GatewayError {
    return withoutSecrets(error, this.attempt.provider, this.call.current.redactor);
  }

  #shown(message: string): string {
    return this.call.current.redactor.text(message, this.attempt.provider);
  }

  /** Nothing has gone to the client; the attempt ends with an error. */
  failed(thrown: GatewayError, used: UsedTokens = {}): void {
    const error = this.clean(thrown);
    const { request, exchange } = this.call;
    const settled = this.entry.settle({
      ...used,
      status: "error",
      // As the client gets it: not every dialect has every status.
      httpStatus: shownStatus(this.call, request.protocol.renderError(error, exchange.requestId).status),
      errorCode: error.code,
      errorMessage: error.message,
      upstreamMessage: error.upstreamMessage,
      refusal: refusalIn(error)?.kind,
    });
    this.#finishAfter(settled, { error });
  }

  cut(error: GatewayError): void {
    this.upstream?.abort();
    const estimate = this.#estimateSent();
    const settlement = {
      status: "interrupted",
      httpStatus: shownStatus(this.call, error.status),
      errorCode: error.code,
      errorMessage: error.message,
      estimate,
    } as const;
    this.#finishAfter(this.entry.settle(settlement), { error });
  }

  get #isSettled(): boolean {
    return this.entry.settlement !== undefined;
  }

  get streaming(): boolean {
    return this.#sink?.tick !== undefined;
  }

  tick(nowMs: number): void {
    this.#sink?.tick?.(nowMs);
  }

  terminate(error: GatewayError): void {
    // One that is settled ends as soon as its record is there.
    if (this.#isSettled) return;
    if (this.#sink === undefined) this.cut(error);
    else this.#sink.terminate(error);
  }

  /** The client has its answer, whole or broken; the attempt is settled. */
  delivered(): void {
    this.#finish(undefined);
  }

  #left(): void {
    if (this.#done) return;
    const { call } = this;
    this.upstream?.abort();
    if (this.#sink === undefined) {
      const estimate = this.#estimateSent();
      void this.entry.settle({ status: "cancelled", httpStatus: 499, errorCode: call.cancelCode, estimate });
      this.#finish(undefined);
      return;
    }
    this.#sink.leave();
  }

  /** What has been sent is read by a model, and paid for, even if the client has left. */
  #estimateSent(): Usage {
    const { call, upstream } = this;
    const isSent = upstream !== undefined && call.request.traits.isBilled;
    if (!isSent) return { input: 0, output: 0 };
    return { input: estimateInput(call, this.attempt), output: call.race === undefined ? 0 : estimateUnseen(call, this.entry) };
  }

  /** Recorded or not, the client must have its error. */
  #finishAfter(settled: Promise<void> | undefined, failure: FailedAttempt): void {
    const finish = (): void => {
      this.#finish(failure);
    };
    if (settled === undefined) finish();
    else settled.then(finish, finish);
  }

  #finish(outcome: FailedAttempt | undefined): void {
    if (this.#done) return;
    this.#done = true;
    this.call.deps.activeAttempts.delete(this);
    this.#endTrace();
    this.#learn(outcome === undefined ? this.#verdict : refusalIn(outcome.error));
    this.#resolve(outcome);
  }

  /** What the attempt has shown of its target. */
  #learn(verdict: "good" | Refusal | undefined): void {
    if (!this.#isSent) return;
    this.#state.end();
    // Calls on what is stored have limits of their own.
    if (this.call.request.traits.translation === "none") return;
    if (verdict === "good") {
      this.#measure();
      this.#succeeded();
    } else if (verdict === undefined || this.#isOfCounter(verdict)) {
      this.#state.released();
    } else {
      const { deps, current } = this.call;
      const block = this.#state.refused(verdict, this.entry.dispatchedMs, deps.clock.monotonic(), current.resilience.breaker);
      if (block !== undefined) this.#reportBlock(block);
    }
  }

  /** A counter of tokens that is out of order says nothing of the model, which answers all the same. */
  #isOfCounter({ kind }: Refusal): boolean {
    return kind === "broken" && this.call.request.traits.translation === "count";
  }

  #measure(): void {
    const { measures } = this.#state;
    const { firstContentMs, upstreamMs } = this.call.answer;
    if (firstContentMs === undefined) return;
    if (!this.streaming) measures.totalMs.add(upstreamMs, firstContentMs);
    const { output } = this.entry.usage;
    if (output !== undefined) measures.outputTokens.add(output, firstContentMs);
  }

  #succeeded(): void {
    // The common case needs no clock.
    if (this.#state.isQuiet) return;
    const { deps, current } = this.call;
    this.#state.succeeded(this.entry.dispatchedMs, deps.clock.monotonic(), current.resilience.breaker);
  }

  #reportBlock(block: BlockKind): void {
    const { deps, exchange } = this.call;
    const { provider, upstreamModel } = this.attempt;
    const forSeconds = Math.ceil((this.#state.untilMs - deps.clock.monotonic()) / 1000);
    deps.logger.warn(
      { request_id: exchange.requestId, provider: provider.name, model: upstreamModel, key: this.key?.id, block, seconds: forSeconds },
      "requests go to other keys and targets for a while",
    );
  }

  #endTrace(): void {
    if (this.#traceparent !== undefined) this.call.trace?.attemptEnds(this.#traceparent, tracedAttempt(this));
  }

  #request(): UpstreamRequest {
    const { provider, protocol, upstreamModel: model } = this.attempt;
    const { deadlineAt, request, exchange } = this.call;
    const { method, path, headers: own, body } = this.lane.request;
    const headers = this.#traceparent === undefined ? own : withTraceparent(own, this.#traceparent);
    const { requestId } = exchange;
    return {
      provider,
      protocol,
      method,
      path,
      headers,
      body,
      key: this.key,
      stream: request.envelope.stream,
      deadlineAt,
      model,
      requestId,
      market: isMarketProvider(provider.name)
        ? marketScopeOf({ principal: request.principal, rawHeaders: exchange.rawHeaders })
        : undefined,
    };
  }
}
