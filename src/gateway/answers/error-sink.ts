import { GatewayError } from "../../core/index.ts";
import type { UpstreamFailure } from "../../upstream/index.ts";
import type { AnswerSink, Delivery, UpstreamHead } from "../delivery.ts";
import { isAnyForm, isForeign } from "../lane.ts";
import { readWaitMs } from "../headers/request-headers.ts";
import { errorOfFailure, errorOfUpstream, refusalOfCache } from "../errors/upstream-errors.ts";

/** At most this much of an error's body is read. */
const maxErrorBytes = 256 * 1024;

/** An upstream's answer with a status that is no success. */
export class ErrorSink implements AnswerSink {
  readonly #delivery: Delivery;
  readonly #status: number;
  readonly #headers: readonly string[];
  readonly #parts: Buffer[] = [];
  #size = 0;

  constructor(delivery: Delivery, { status, headers }: UpstreamHead) {
    this.#delivery = delivery;
    this.#status = status;
    this.#headers = headers;
  }

  data(chunk: Buffer): void {
    if (this.#size >= maxErrorBytes) return;
    this.#size += chunk.length;
    this.#parts.push(chunk);
  }

  end(): void {
    const { call, attempt, lane } = this.#delivery;
    const { refersToCache } = isAnyForm(lane) ? lane : {};
    const isOfCache = refersToCache === true && this.#status === 403;
    const ownFault = this.#status === 400 || this.#status === 404 || this.#status === 413 || this.#status === 422;
    this.#delivery.answered(ownFault || isOfCache, `status ${this.#status}`);
    if (this.#status < 400 || this.#status > 599) {
      const what = this.#status < 400 ? "which the gateway does not follow" : "which is no status of HTTP";
      this.#delivery.failed(
        new GatewayError(
          "upstream_invalid_response",
          `The provider "${attempt.provider.name}" answered ${this.#status}, ${what}. Check its base_url.`,
        ),
      );
      return;
    }
    const body = Buffer.concat(this.#parts).toString("utf8");
    const protocol = call.deps.protocols.get(attempt.protocol)!;
    const error = protocol.parseError(this.#status, body);
    const ofCache =
      refersToCache === true ? refusalOfCache(error, protocol.upstream.contextCaching?.isAboutCache(error.message) === true) : undefined;
    if (ofCache !== undefined) {
      this.#delivery.failed(ofCache);
      return;
    }
    const waitMs = readWaitMs(this.#headers, call.deps.clock.now());
    this.#delivery.failed(errorOfUpstream(error, attempt.provider, { foreign: isForeign(lane), waitMs }));
  }

  fail(failure: UpstreamFailure): void {
    // The status is known, and says more than the missing rest of the body; unless it is the body's length that was a lie.
    if (failure.kind === "malformed") this.#delivery.failed(errorOfFailure(failure));
    else this.end();
  }

  /** The status is known, as in `fail`. */
  terminate(): void {
    this.#delivery.upstream?.abort();
    this.end();
  }

  leave(): void {
    // The upstream had refused already: nothing was generated.
    const estimate = { input: 0, output: 0 };
    void this.#delivery.entry.settle({ status: "cancelled", httpStatus: 499, errorCode: this.#delivery.call.cancelCode, estimate });
    this.#delivery.delivered();
  }
}
