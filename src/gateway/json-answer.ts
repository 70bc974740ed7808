import { isUtf8 } from "node:buffer";
import { GatewayError } from "../core/index.ts";
import { storedResponses } from "../protocols/index.ts";
import type { UpstreamFailure } from "../upstream/index.ts";
import { allDone } from "./all-done.ts";
import type { AnswerSink, Delivery } from "./delivery.ts";
import type { ReadAnswer } from "./lane.ts";
import { estimateInput, estimateWhole } from "./estimate-usage.ts";
import { forwardAnswerHeaders, jsonTypeOf } from "./answer-headers.ts";
import { findHeader } from "./headers.ts";
import { costHeader, ownHeaders } from "./own-headers.ts";
import { keepAnswer } from "./responses/hold.ts";
import { claimBill, isBilled, isPending } from "./stored-responses.ts";
import { errorOfFailure, errorOfReading } from "./upstream-errors.ts";

/** A JSON answer may be this long; more is given up. */
const maxAnswerBytes = 64 * 1024 * 1024;

/**
 * An answer that is taken in whole, checked, recorded, and then passed on in one write: JSON byte for byte, or what `read` makes of an answer in the
 * form that was not asked for.
 */
export class JsonAnswer implements AnswerSink {
  readonly #delivery: Delivery;
  readonly #status: number;
  readonly #headers: readonly string[];
  readonly #read: (whole: string) => ReadAnswer;
  readonly #parts: Buffer[] = [];
  #size = 0;
  /** The answer is here, and only its record is waited for. */
  #isWhole = false;

  constructor(delivery: Delivery, status: number, headers: readonly string[], read: (whole: string) => ReadAnswer) {
    this.#read = read;
    this.#delivery = delivery;
    this.#status = status;
    this.#headers = headers;
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
    const { call } = this.#delivery;
    const bytes = this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts);
    const whole = bytes.toString("latin1");
    call.upstreamMs = call.deps.clock.monotonic() - call.dispatchedMs;
    if (!isUtf8(bytes)) {
      this.#invalid("text that is not UTF-8");
      return;
    }
    let read: ReadAnswer;
    try {
      read = this.#read(whole);
    } catch (error) {
      const failure = errorOfReading(error, this.#delivery.attempt.provider, this.#delivery.lane.translated);
      this.#delivery.answered(false, failure.message);
      this.#delivery.failed(failure);
      return;
    }
    this.#delivery.answered(true);
    call.firstContentMs = call.deps.clock.monotonic();
    const bill = claimBill(call, read.facts);
    if (bill === undefined) {
      this.#record(read, whole, isBilled(call.route.route.operation));
      return;
    }
    bill.then(
      (isFirst) => {
        this.#record(read, whole, isFirst);
      },
      (error: unknown) => {
        this.#lost(error);
      },
    );
  }

  /** The record first, then the answer. `counts`: its tokens are billed with this request. */
  #record(read: ReadAnswer, whole: string, counts: boolean): void {
    const { call, attempt } = this.#delivery;
    const { facts, estimate } = read;
    const isReported = facts.usage?.input !== undefined && facts.usage.output !== undefined;
    const settled = call.settle({
      status: "ok",
      httpStatus: this.#status,
      facts: counts ? facts : {},
      answerBytes: whole.length,
      ...(counts && !isReported && !isPending(call, facts) ? { estimate: estimate ?? estimateWhole(call, attempt, whole) } : {}),
    });
    const stored = keepAnswer(this.#delivery, facts, () => readEndedAnswer(read));
    const recorded = allDone(settled, stored, this.#delivery.lane.keep?.());
    if (recorded === undefined) {
      this.#answer(read);
      return;
    }
    recorded.then(
      () => {
        this.#answer(read);
      },
      (error: unknown) => {
        if (counts && call.stored !== undefined) void call.deps.responses.returnBill(call.stored.id).catch(() => undefined);
        this.#lost(error);
      },
    );
  }

  #lost(error: unknown): void {
    const { call, attempt } = this.#delivery;
    call.deps.logger.error({ provider: attempt.provider.name, error: String(error) }, "an answer could not be recorded");
    call.exchange.abort();
    this.#delivery.delivered();
  }

  fail(failure: UpstreamFailure): void {
    this.#delivery.failed(errorOfFailure(failure));
  }

  leave(): void {
    const { call, attempt } = this.#delivery;
    const estimate = { input: estimateInput(call, attempt) };
    void call.settle({
      status: "cancelled",
      httpStatus: 499,
      errorCode: "client_closed_request",
      ...(isBilled(call.route.route.operation) ? { estimate } : {}),
    });
    this.#delivery.delivered();
  }

  terminate(error: GatewayError): void {
    if (!this.#isWhole) this.#delivery.cut(error);
  }

  #answer({ body, contentType }: ReadAnswer): void {
    const { call } = this.#delivery;
    const headers: string[] = [];
    const ownType = this.#delivery.lane.translated ? "application/json" : jsonTypeOf(findHeader(this.#headers, "content-type") ?? "");
    forwardAnswerHeaders(call, this.#headers, headers, contentType ?? ownType);
    ownHeaders(call, headers);
    costHeader(call, headers);
    call.exchange.jsonBytes(this.#status, headers, body);
    this.#delivery.delivered();
  }

  #invalid(what: string): void {
    const name = this.#delivery.attempt.provider.name;
    this.#delivery.answered(false, `answered ${what}`);
    this.#delivery.failed(
      new GatewayError("upstream_invalid_response", `The provider "${name}" answered ${what}. Check its base_url and protocols.`),
    );
  }
}

/** An answer that was asked for as a stream is one, though it came whole. */
function readEndedAnswer({ body, contentType }: ReadAnswer): storedResponses.EndedResponse | undefined {
  return contentType?.startsWith("text/event-stream") === true ? storedResponses.readEndedStream(body) : storedResponses.readEnded(body);
}
