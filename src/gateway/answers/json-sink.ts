import { isUtf8 } from "node:buffer";
import { GatewayError, bytesOf, messageOf, type Bytes } from "../../core/index.ts";
import { AnsweredError, storedResponses, type AnswerFacts } from "../../protocols/index.ts";
import type { UpstreamFailure } from "../../upstream/index.ts";
import { jsonHead } from "../headers/answer-head.ts";
import type { Usage } from "../../ir/index.ts";
import { nextTurn } from "../bodies/heavy-body.ts";
import { refuseAnswer } from "../bodies/parse-body.ts";
import type { AnswerSink, Delivery, UpstreamHead, UsedTokens } from "../delivery.ts";
import { isAnyForm, isForeign, type ReadAnswer } from "../lane.ts";
import { estimateInput, estimateLength, estimateUnseen, estimateWhole } from "../tokens/estimate-usage.ts";
import { finishAnswer, type AnswerEnd } from "./finish-answer.ts";
import { jsonTypeOf } from "../headers/answer-headers.ts";
import { findHeader } from "../headers/request-headers.ts";
import { keepAnswer } from "./keep-answer.ts";
import { settlementOfEnd } from "./settlement-of-end.ts";
import { isPending } from "../responses/stored-responses.ts";
import { asGatewayError } from "../errors/as-gateway-error.ts";
import { errorOfFailure, errorOfReading } from "../errors/upstream-errors.ts";

/** A longer answer is given up. */
const maxAnswerBytes = 64 * 1024 * 1024;

/** A longer answer is worked on in steps. */
const longAnswerBytes = 1024 * 1024;

/**
 * Takes an answer in whole, checks and records it, and then passes it on in one write: JSON byte for byte, or what the lane makes of an answer in the
 * form that was not asked for.
 */
export class JsonSink implements AnswerSink {
  readonly #delivery: Delivery;
  readonly #head: UpstreamHead;
  readonly #isOtherForm: boolean;
  readonly #parts: Buffer[] = [];
  #size = 0;
  /** The answer is here, and only its record is waited for. */
  #isWhole = false;
  #hasLeft = false;

  /** @param isOtherForm the answer is not in the form that was asked for. */
  constructor(delivery: Delivery, head: UpstreamHead, isOtherForm: boolean) {
    this.#delivery = delivery;
    this.#head = head;
    this.#isOtherForm = isOtherForm;
  }

  data(chunk: Buffer): void {
    this.#size += chunk.length;
    if (this.#size > maxAnswerBytes) {
      this.#delivery.upstream?.abort();
      this.#invalid(`more than ${maxAnswerBytes} bytes`);
      return;
    }
    this.#parts.push(chunk);
  }

  end(): void {
    this.#isWhole = true;
    const { call, entry } = this.#delivery;
    call.answer.upstreamMs = call.deps.clock.monotonic() - entry.dispatchedMs;
    if (this.#size > longAnswerBytes) {
      void this.#endInSteps();
      return;
    }
    const whole = this.#join();
    const answer = whole === undefined ? undefined : this.#readWhole(whole);
    if (answer !== undefined) this.#finish(answer, whole!);
  }

  /** The event loop serves others between the steps. In that time the client may leave, which ends the delivery. */
  async #endInSteps(): Promise<void> {
    await nextTurn();
    const whole = this.#hasLeft ? undefined : this.#join();
    if (whole === undefined) return;
    await nextTurn();
    const answer = this.#hasLeft ? undefined : this.#readWhole(whole);
    if (answer === undefined) return;
    await nextTurn();
    if (!this.#hasLeft) this.#finish(answer, whole);
  }

  /** The answer as latin1; `undefined` if it is not UTF-8, which ends the delivery. */
  #join(): Bytes | undefined {
    const bytes = this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts);
    this.#parts.length = 0;
    if (isUtf8(bytes)) return bytesOf(bytes);
    this.#invalid("text that is not UTF-8");
    return undefined;
  }

  /** `undefined` if it is not an answer of the upstream's protocol, which ends the delivery. */
  #readWhole(whole: Bytes): ReadAnswer | undefined {
    const delivery = this.#delivery;
    try {
      const { lane } = delivery;
      return this.#isOtherForm && isAnyForm(lane) ? lane.readOtherForm(whole) : lane.readJson(whole);
    } catch (error) {
      const failure = errorOfReading(error, delivery.attempt.provider, isForeign(delivery.lane));
      delivery.answered(false, failure.message);
      delivery.failed(failure, error instanceof AnsweredError ? this.#usedBy(error, whole) : undefined);
      return undefined;
    }
  }

  #finish(answer: ReadAnswer, whole: Bytes): void {
    const { call } = this.#delivery;
    const { broken } = answer.facts;
    call.race?.claim();
    this.#delivery.answered(broken === undefined, broken?.message);
    call.answer.firstContentMs = call.deps.clock.monotonic();
    void finishAnswer(call, new JsonEnd(this.#delivery, this.#head, answer, whole));
  }

  /** What an answer used that was generated to its end, if that is an error. */
  #usedBy({ facts }: AnsweredError, whole: Bytes): UsedTokens | undefined {
    const { call, attempt } = this.#delivery;
    if (facts === undefined) return undefined;
    const answerBytes = whole.length;
    return facts.usage === undefined ? { facts, estimate: estimateWhole(call, attempt, whole) } : { facts, answerBytes };
  }

  fail(failure: UpstreamFailure): void {
    this.#delivery.failed(errorOfFailure(failure));
  }

  leave(): void {
    this.#hasLeft = true;
    const { call, attempt, entry } = this.#delivery;
    const input = estimateInput(call, attempt);
    const estimate = call.race === undefined ? { input } : { input, output: estimateUnseen(call, entry) };
    void entry.settle({
      status: "cancelled",
      httpStatus: 499,
      errorCode: call.cancelCode,
      ...(call.request.traits.isBilled ? { estimate } : {}),
    });
    this.#delivery.delivered();
  }

  terminate(error: GatewayError): void {
    if (!this.#isWhole) this.#delivery.cut(error);
  }

  #invalid(what: string): void {
    const name = this.#delivery.attempt.provider.name;
    this.#delivery.answered(false, `answered ${what}`);
    this.#delivery.failed(
      new GatewayError("upstream_invalid_response", `The provider "${name}" answered ${what}. Check its base_url and protocols.`),
    );
  }
}

/** The end of an answer that came in whole. */
class JsonEnd implements AnswerEnd {
  readonly #delivery: Delivery;
  readonly #head: UpstreamHead;
  readonly #answer: ReadAnswer;
  readonly #whole: Bytes;

  /** @param whole the answer as it came, latin1. */
  constructor(delivery: Delivery, head: UpstreamHead, answer: ReadAnswer, whole: Bytes) {
    this.#delivery = delivery;
    this.#head = head;
    this.#answer = answer;
    this.#whole = whole;
  }

  get facts(): AnswerFacts {
    return this.#answer.facts;
  }

  record(isBilled: boolean): Promise<void> | undefined {
    const { call, entry } = this.#delivery;
    const { facts, estimate } = this.#answer;
    const isReported = facts.usage?.input !== undefined && facts.usage.output !== undefined;
    const isEstimated = isBilled && !isReported && !isPending(call, facts);
    return entry.settle({
      ...settlementOfEnd(this.#delivery, facts, "error"),
      httpStatus: this.#head.status,
      facts: isBilled ? facts : {},
      answerBytes: this.#whole.length,
      estimate: isEstimated ? (estimate ?? this.#estimate()) : undefined,
    });
  }

  /** An answer of too many values is estimated by its length, as it would take too long to parse. */
  #estimate(): Usage {
    const { call, attempt } = this.#delivery;
    const isParsed = refuseAnswer(this.#whole, attempt.provider.name, call.current) === undefined;
    return isParsed ? estimateWhole(call, attempt, this.#whole) : estimateLength(call, attempt, this.#whole);
  }

  keep(): Promise<unknown> | undefined {
    return keepAnswer(this.#delivery, this.#answer.facts, () => readEndedAnswer(this.#answer));
  }

  write(): void {
    const { call, lane } = this.#delivery;
    const { status, headers } = this.#head;
    const { body, contentType } = this.#answer;
    const ownType = isForeign(lane) ? "application/json" : jsonTypeOf(findHeader(headers, "content-type") ?? "");
    // Events, or a JSON array: what the client asked for as a stream.
    if (call.earlyHead?.takeOver() === true) call.exchange.finish(body);
    else call.exchange.jsonBytes(status, jsonHead(call, contentType ?? ownType, headers), body);
    this.#delivery.delivered();
  }

  lose(error: unknown): void {
    const { call, attempt } = this.#delivery;
    const { logger } = call.deps;
    logger.error({ provider: attempt.provider.name, error: messageOf(error) }, "an answer could not be recorded");
    this.#delivery.failed(asGatewayError(error, call.deps, call.exchange.requestId));
  }
}

/** An answer that was asked for as a stream is one, though it came whole. */
function readEndedAnswer({ body, contentType }: ReadAnswer): storedResponses.EndedResponse | undefined {
  return contentType?.startsWith("text/event-stream") === true ? storedResponses.readEndedStream(body) : storedResponses.readEnded(body);
}
