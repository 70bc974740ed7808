import {
  asBytes,
  bytesOf,
  GatewayError,
  hasOwnWords,
  latin1OfEvents,
  messageOf,
  noBytes,
  type Bytes,
  type SseEvent,
} from "../../core/index.ts";
import { storedResponses, type AnswerFacts, type EventSplitter, type StreamTap, type UpstreamError } from "../../protocols/index.ts";
import type { UpstreamFailure } from "../../upstream/index.ts";
import { streamHead } from "../headers/answer-head.ts";
import type { Settlement } from "../attempt-entry.ts";
import type { AnswerSink, Delivery, UpstreamHead, UsedTokens } from "../delivery.ts";
import { usedByStream } from "../tokens/estimate-usage.ts";
import { jsonTypeOf, streamTypeOf } from "../headers/answer-headers.ts";
import { sendStreamHead } from "./early-head.ts";
import { finishAnswer, type AnswerEnd } from "./finish-answer.ts";
import { keepAliveMs } from "./keep-alive.ts";
import { keepAnswer } from "./keep-answer.ts";
import { isForeign, type LaneStream } from "../lane.ts";
import { settlementOfEnd } from "./settlement-of-end.ts";
import { storeAnswer } from "../responses/store-answer.ts";
import { isPending, rememberResponse } from "../responses/stored-responses.ts";
import { errorOfFailure, errorOfReading, errorOfTruncation, errorOfUpstream, refusalIn } from "../errors/upstream-errors.ts";
import { refuseAnswer } from "../bodies/parse-body.ts";
import { Utf8Check } from "../bodies/utf8-check.ts";

/** The opening events are held back until the first content, but no longer than `maxBufferMs`, and no more than `maxBufferBytes`. */
const maxBufferMs = 10_000;
const maxBufferBytes = 256 * 1024;

/**
 * A streamed answer of the client's own protocol: whole events pass on as the bytes they came in, while the tap reads along. The head is held
 * back until the first content, so that an upstream that fails before it yields a clean error. The terminal bytes wait for the ledger.
 */
export class StreamSink implements AnswerSink, AnswerEnd {
  readonly #delivery: Delivery;
  readonly #status: number;
  readonly #headers: readonly string[];
  readonly #stream: LaneStream;
  readonly #splitter: EventSplitter;
  readonly #tap: StreamTap;
  readonly #utf8 = new Utf8Check();
  #buffered = noBytes;
  #headSent = false;
  #isEmpty = true;
  /** Settled, or given up: what still comes is ignored. */
  #over = false;
  #paused = false;
  #openedMs: number;
  #lastWriteMs: number;
  /** What the answer reports is billed with this request. */
  #isBilled: boolean;
  /** The last bytes of a whole answer. */
  #terminal = noBytes;
  readonly #contentType: string;

  /** @param contentType of the upstream's stream. */
  constructor(delivery: Delivery, { status, headers }: UpstreamHead, stream: LaneStream, contentType: string) {
    const { call } = delivery;
    this.#delivery = delivery;
    this.#status = status;
    this.#headers = headers;
    this.#stream = stream;
    this.#contentType = stream.contentType ?? (stream.jsonArray ? jsonTypeOf(contentType) : streamTypeOf(contentType));
    this.#splitter = stream.splitter;
    this.#tap = stream.tap;
    this.#openedMs = call.deps.clock.monotonic();
    this.#lastWriteMs = this.#openedMs;
    this.#isBilled = call.request.traits.isBilled;
    if (/html|json/.test(contentType) && (isForeign(delivery.lane) || !stream.jsonArray)) {
      delivery.upstream?.abort();
      const shown = call.current.redactor.text(contentType, delivery.attempt.provider, 60);
      this.#refuse(`answered "${shown}" where a stream was asked for`);
    }
  }

  data(chunk: Buffer): void {
    if (this.#over) return;
    if (!this.#utf8.push(chunk)) {
      this.#delivery.upstream?.abort();
      const { name } = this.#delivery.attempt.provider;
      this.#break(new GatewayError("upstream_invalid_response", `The provider "${name}" sent text that is not UTF-8.`));
      return;
    }
    let events;
    try {
      events = this.#splitter.push(bytesOf(chunk));
    } catch (error) {
      this.#delivery.upstream?.abort();
      return this.#break(errorOfReading(error, this.#delivery.attempt.provider, isForeign(this.#delivery.lane)));
    }
    if (events.length > 0) this.#take(events);
  }

  end(): void {
    if (this.#over) return;
    this.#take(this.#splitter.end());
    if (this.#over) return;
    // In a translation only the end shows whether the answer is whole: the stop reason has come, and no more usage will.
    const terminal = this.#tap.completion();
    const { error, finished } = this.#tap;
    if (error !== undefined && error.code !== "upstream_truncated") this.#break(this.#tapError(error));
    else if (error === undefined && finished) this.#complete(terminal);
    else this.#break(errorOfTruncation(this.#delivery.attempt.provider.name));
  }

  #tapError(error: UpstreamError): GatewayError {
    return errorOfUpstream(error, this.#delivery.attempt.provider, { foreign: isForeign(this.#delivery.lane) });
  }

  fail(failure: UpstreamFailure): void {
    if (this.#over) return;
    this.#break(errorOfFailure(failure));
  }

  leave(): void {
    if (this.#over) return;
    void this.#settle({ status: "cancelled", httpStatus: 499, errorCode: this.#delivery.call.cancelCode });
    void this.#rememberUnfinished();
    this.#close();
  }

  tick(nowMs: number): void {
    if (this.#over || this.#paused) return;
    if (!this.#headSent) {
      if (nowMs - this.#openedMs < maxBufferMs || this.#delivery.call.waitsForContent) return;
      const nothing = this.#buffered === "";
      this.#sendHead();
      // The head leaves with the first bytes behind it.
      if (nothing) this.#writeKeepAlive();
    } else if (nowMs - this.#lastWriteMs >= keepAliveMs) {
      this.#writeKeepAlive();
    }
  }

  terminate(error: GatewayError): void {
    if (this.#over) return;
    if (!this.#headSent) {
      this.#over = true;
      this.#delivery.cut(error);
      return;
    }
    this.#delivery.upstream?.abort();
    this.#break(error);
  }

  #take(events: ReturnType<EventSplitter["push"]>): void {
    const tap = this.#tap;
    let out = "";
    for (const event of events) {
      const refusal = this.#refusalOf(event);
      const piece = refusal === undefined ? tap.push(event) : noBytes;
      const error = refusal ?? (tap.error === undefined ? undefined : this.#tapError(tap.error));
      if (error !== undefined) {
        this.#emit(asBytes(out));
        this.#delivery.upstream?.abort();
        if (!this.#over) this.#break(error);
        return;
      }
      if (tap.ended) {
        this.#emit(asBytes(out));
        // What has just gone out may end the delivery: a rule of the firewall blocks it.
        if (!this.#over) this.#complete(piece);
        return;
      }
      out += hasOwnWords(event) || (tap.finished && tap.facts.broken !== undefined) ? this.#clean(piece) : piece;
    }
    this.#emit(asBytes(out));
  }

  /** The tap parses an event in one piece; in a translation the decoder looks at it first. */
  #refusalOf({ data }: SseEvent): GatewayError | undefined {
    const { lane, attempt, call } = this.#delivery;
    return isForeign(lane) ? undefined : refuseAnswer(data, attempt.provider.name, call.current);
  }

  #clean(piece: Bytes): Bytes {
    const { attempt, call, lane } = this.#delivery;
    return isForeign(lane) ? piece : asBytes(call.current.redactor.whole(piece, attempt.provider));
  }

  /** Passes bytes on, or holds them while nothing has been said yet. */
  #emit(out: Bytes): void {
    if (out !== "") this.#isEmpty = false;
    if (this.#headSent) {
      if (out !== "") this.#write(out);
      return;
    }
    this.#buffered = asBytes(this.#buffered + out);
    if (this.#tap.opened || this.#buffered.length > maxBufferBytes) this.#sendHead();
  }

  #sendHead(): void {
    const { call } = this.#delivery;
    this.#delivery.opened();
    sendStreamHead(call, this.#status, streamHead(call, this.#contentType, this.#headers));
    this.#headSent = true;
    if (this.#buffered !== "") this.#write(this.#buffered);
    this.#buffered = noBytes;
  }

  #writeKeepAlive(): void {
    this.#write(asBytes(this.#stream.jsonArray ? "\n" : this.#delivery.call.request.protocol.keepAlive));
  }

  #write(data: Bytes): void {
    const { call, upstream } = this.#delivery;
    this.#lastWriteMs = call.deps.clock.monotonic();
    if (call.exchange.chunk(data) || this.#paused) return;
    this.#paused = true;
    upstream?.pause();
    call.exchange.onDrain(() => {
      this.#paused = false;
      upstream?.resume();
    });
  }

  /** The answer is whole: its record first, then its last bytes. */
  #complete(terminal: Bytes): void {
    this.#over = true;
    if (!this.#headSent) this.#sendHead();
    // What still comes is ignored; left unread, it would keep the connection if the client never drains.
    if (this.#paused) this.#delivery.upstream?.resume();
    const { broken } = this.#tap.facts;
    this.#delivery.answered(broken === undefined, broken?.message);
    this.#terminal = terminal;
    void finishAnswer(this.#delivery.call, this);
  }

  get facts(): AnswerFacts {
    return this.#tap.facts;
  }

  record(isBilled: boolean): Promise<void> | undefined {
    this.#isBilled = isBilled;
    return this.#settle({ ...settlementOfEnd(this.#delivery, this.#tap.facts, "interrupted"), httpStatus: this.#status });
  }

  keep(): Promise<unknown> | undefined {
    return keepAnswer(this.#delivery, this.#tap.facts, () => storedResponses.readEndedStream(this.#terminal));
  }

  write(): void {
    this.#finish(this.#terminal);
  }

  lose(error: unknown): void {
    const { call, entry } = this.#delivery;
    call.deps.logger.error({ error: messageOf(error) }, "a stream could not be recorded");
    const shown = new GatewayError("ledger_unavailable", "The answer could not be recorded.");
    const lost = { status: "interrupted", httpStatus: this.#status, errorCode: shown.code, errorMessage: shown.message } as const;
    const settled = entry.settlement === undefined ? this.#settle(lost) : entry.settle(lost);
    const finish = (): void => {
      this.#finish(this.#errorBytes(shown));
    };
    if (settled === undefined) finish();
    else settled.then(finish, finish);
  }

  /** A response in the background goes on at its provider without this stream, and its client may come back for it. */
  #goesOn(): boolean {
    const { call, lane } = this.#delivery;
    return !isForeign(lane) && isPending(call, this.#tap.facts);
  }

  #rememberUnfinished(): Promise<void> | undefined {
    if (!this.#goesOn()) return undefined;
    return rememberResponse(this.#delivery, this.#tap.facts, true)?.catch((error: unknown) => {
      this.#delivery.call.deps.logger.error({ error: messageOf(error) }, "whose a response in the background is could not be recorded");
    });
  }

  #finish(terminal: Bytes): void {
    const { call, entry } = this.#delivery;
    call.answer.upstreamMs = call.deps.clock.monotonic() - entry.dispatchedMs;
    call.exchange.finish(terminal);
    this.#close();
  }

  /** The answer cannot be completed: a clean error where nothing has been sent, else an error in the stream. */
  #break(thrown: GatewayError): void {
    const error = this.#delivery.clean(thrown);
    this.#delivery.answered(false, error.message, refusalIn(error));
    if (!this.#headSent) {
      this.#over = true;
      this.#delivery.failed(error, this.#tap.finished ? this.#used(true) : undefined);
      return;
    }
    const settled = this.#settle({
      status: "interrupted",
      httpStatus: this.#status,
      errorCode: error.code,
      errorMessage: error.message,
      upstreamMessage: error.upstreamMessage,
    });
    this.#over = true;
    const last = this.#errorBytes(error);
    const stored = isForeign(this.#delivery.lane)
      ? storeAnswer(this.#delivery, this.#tap.facts, () => storedResponses.readEndedStream(last))
      : this.#rememberUnfinished();
    if (settled === undefined && stored === undefined) {
      this.#finish(last);
      return;
    }
    // Recorded or not, the client must hear that its answer is broken.
    void Promise.allSettled([settled, stored]).then(() => {
      this.#finish(last);
    });
  }

  #errorBytes(error: GatewayError): Bytes {
    const { call } = this.#delivery;
    const facts = this.#stream.factsSent?.() ?? this.#tap.facts;
    const options = { jsonArray: this.#stream.jsonArray, facts, isEmpty: this.#isEmpty };
    return latin1OfEvents(call.request.protocol.renderStreamError(error, call.exchange.requestId, options));
  }

  #settle(settlement: Settlement): Promise<void> | undefined {
    const { entry } = this.#delivery;
    if (!this.#isBilled || this.#goesOn()) return entry.settle(settlement);
    // The upstream failed before it said anything; its head had gone out, as it took long.
    const isCut = settlement.errorCode === "shutting_down";
    if (settlement.status === "interrupted" && !isCut && !this.#tap.opened && !this.#tap.finished)
      return entry.settle({ estimate: { input: 0, output: 0 }, ...settlement });
    return entry.settle({ ...this.#used(settlement.status === "ok" || this.#tap.finished), ...settlement });
  }

  #used(isWhole: boolean): UsedTokens {
    const { call, attempt } = this.#delivery;
    return usedByStream(call, attempt, this.#tap, isWhole);
  }

  #close(): void {
    this.#over = true;
    this.#delivery.delivered();
  }

  #refuse(what: string): void {
    this.#over = true;
    const { attempt } = this.#delivery;
    this.#delivery.answered(false, what);
    this.#delivery.failed(
      new GatewayError("upstream_invalid_response", `The provider "${attempt.provider.name}" ${what}. Check its base_url and protocols.`),
    );
  }
}
