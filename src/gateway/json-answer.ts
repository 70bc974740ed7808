import { isUtf8 } from "node:buffer";
import { GatewayError, messageOf } from "../core/index.ts";
import type { AnswerFacts } from "../protocols/index.ts";
import type { UpstreamFailure } from "../upstream/index.ts";
import type { AnswerSink, Delivery } from "./delivery.ts";
import type { Lane } from "./lane.ts";
import type { ModelCall } from "./model-call.ts";
import { forwardAnswerHeaders } from "./headers.ts";
import { costHeader, ownHeaders } from "./own-headers.ts";
import { errorOfFailure } from "./upstream-errors.ts";

/** A JSON answer may be this long; more is given up. */
const maxAnswerBytes = 64 * 1024 * 1024;

/** A JSON answer: taken in whole, checked, recorded, and then passed on byte for byte in one write. */
export class JsonAnswer implements AnswerSink {
  readonly #delivery: Delivery;
  readonly #status: number;
  readonly #headers: readonly string[];
  readonly #parts: Buffer[] = [];
  #size = 0;

  constructor(delivery: Delivery, status: number, headers: readonly string[]) {
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
    const { call, attempt } = this.#delivery;
    const bytes = this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts);
    const whole = bytes.toString("latin1");
    call.upstreamMs = call.deps.clock.monotonic() - call.dispatchedMs;
    if (!isUtf8(bytes)) {
      this.#invalid("text that is not UTF-8");
      return;
    }
    let read: ReturnType<Lane["readJson"]>;
    try {
      read = this.#delivery.lane.readJson(whole);
    } catch (error) {
      const failure =
        error instanceof GatewayError ? error : new GatewayError("upstream_invalid_response", messageOf(error), { cause: error });
      this.#delivery.answered(false, failure.message);
      this.#delivery.failed(failure);
      return;
    }
    const { facts, body } = read;
    this.#delivery.answered(true);
    call.firstContentMs = call.deps.clock.monotonic();
    const counts =
      call.route.route.operation === "generate" || call.route.route.operation === "embed" || call.route.route.operation === "batch-embed";
    const settled = call.settle({
      status: "ok",
      httpStatus: this.#status,
      facts: counts ? facts : {},
      ...(counts && !isPending(call, facts)
        ? { estimate: { input: Math.ceil(call.text.length / 4), output: Math.ceil(whole.length / 4) } }
        : {}),
    });
    const stored =
      call.protocol.id === "openai-responses" && !this.#delivery.lane.translated ? rememberResponse(this.#delivery, facts) : undefined;
    if (settled === undefined && stored === undefined) {
      this.#answer(body);
      return;
    }
    Promise.all([settled, stored]).then(
      () => {
        this.#answer(body);
      },
      (error: unknown) => {
        call.deps.logger.error({ provider: attempt.provider.name, error: String(error) }, "an answer could not be recorded");
        call.exchange.abort();
        this.#delivery.delivered();
      },
    );
  }

  fail(failure: UpstreamFailure): void {
    this.#delivery.failed(errorOfFailure(failure));
  }

  leave(): void {
    const { call } = this.#delivery;
    void call.settle({
      status: "cancelled",
      httpStatus: 499,
      errorCode: "client_closed_request",
      estimate: { input: Math.ceil(call.text.length / 4) },
    });
    this.#delivery.delivered();
  }

  #answer(body: string): void {
    const { call } = this.#delivery;
    const headers: string[] = [];
    forwardAnswerHeaders(this.#headers, headers, this.#delivery.lane.translated ? "application/json" : undefined);
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

/** A background response that is queued or in progress has no answer yet whose length could tell what it costs. */
function isPending(call: ModelCall, facts: AnswerFacts): boolean {
  return call.protocol.id === "openai-responses" && call.route.route.operation === "generate" && facts.stopReason === undefined;
}

/** Keeps which user and key a stored response belongs to, before the client learns its id. */
export function rememberResponse(delivery: Delivery, facts: AnswerFacts): Promise<void> | undefined {
  const { call, attempt, key } = delivery;
  const operation = call.route.route.operation;
  if (operation === "delete-response") return call.deps.responses.forget(call.route.param);
  if (operation !== "generate" || facts.id === undefined || call.envelope?.store === false) return undefined;
  return call.deps.responses.record({
    id: facts.id,
    userId: call.principal.userId,
    provider: attempt.provider.name,
    providerKey: key?.id ?? "",
    model: call.model,
  });
}
