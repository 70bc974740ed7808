import { randomBytes } from "node:crypto";
import type { Clock } from "../../core/index.ts";
import { findHeader, type ObservedRequest, type RequestTrace, type TracedAttempt, type Tracer } from "../../gateway/index.ts";
import type { Span } from "./otlp-json.ts";
import { operationName, providerName, spanNames } from "./span-names.ts";

export interface TracerDeps {
  readonly clock: Clock;
  /** Takes a finished span. */
  readonly take: (span: Span) => void;
  readonly hasContent: boolean;
  /** Hexadecimal digits of this number of random bytes. */
  readonly randomId?: (bytes: number) => string;
}

/** What a client's `traceparent` says (W3C Trace Context, level 1). */
interface Parent {
  readonly traceId: string;
  readonly spanId: string;
  readonly isSampled: boolean;
}

const traceparentPattern = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})/;
const sampledFlag = 1;

export function createTracer({ clock, take, hasContent, randomId = randomHex }: TracerDeps): Tracer {
  return {
    hasContent,
    begin(rawHeaders) {
      const parent = readParent(rawHeaders);
      return parent?.isSampled === false ? undefined : new CallTrace({ clock, take, randomId, parent });
    },
  };
}

function randomHex(bytes: number): string {
  return randomBytes(bytes).toString("hex");
}

function readParent(rawHeaders: readonly string[]): Parent | undefined {
  const [, traceId, spanId, flags] = traceparentPattern.exec(findHeader(rawHeaders, "traceparent") ?? "") ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & sampledFlag) !== 0 };
}

interface CallTraceDeps extends Required<Pick<TracerDeps, "clock" | "take" | "randomId">> {
  readonly parent: Parent | undefined;
}

interface OpenAttempt {
  readonly traceparent: string;
  readonly spanId: string;
  readonly startMs: number;
  readonly number: number;
}

class CallTrace implements RequestTrace {
  readonly #deps: CallTraceDeps;
  readonly #traceId: string;
  readonly #spanId: string;
  readonly #beganMs: number;
  readonly #monotonicMs: number;
  /** Those under way: one, or two at the same time. */
  #open: readonly OpenAttempt[] = [];
  #attempts = 0;
  #input: string | undefined;
  #output: string | undefined;

  constructor(deps: CallTraceDeps) {
    this.#deps = deps;
    this.#traceId = deps.parent?.traceId ?? deps.randomId(16);
    this.#spanId = deps.randomId(8);
    this.#beganMs = deps.clock.now();
    this.#monotonicMs = deps.clock.monotonic();
  }

  /** By the monotonic clock, so that no span ends before it begins. */
  #nowMs(): number {
    return this.#beganMs + this.#deps.clock.monotonic() - this.#monotonicMs;
  }

  attemptBegins(): string {
    const spanId = this.#deps.randomId(8);
    const traceparent = `00-${this.#traceId}-${spanId}-01`;
    this.#attempts += 1;
    this.#open = [...this.#open, { traceparent, spanId, startMs: this.#nowMs(), number: this.#attempts }];
    return traceparent;
  }

  attemptEnds(traceparent: string, traced: TracedAttempt): void {
    const open = this.#open.find((one) => one.traceparent === traceparent);
    if (open === undefined) return;
    this.#open = this.#open.filter((one) => one !== open);
    const { attempt, operation, errorCode } = traced;
    this.#deps.take({
      traceId: this.#traceId,
      spanId: open.spanId,
      parentId: this.#spanId,
      name: `${operationName(operation)} ${attempt.upstreamModel}`,
      kind: "client",
      startMs: open.startMs,
      endMs: this.#nowMs(),
      attributes: { ...attributesOf(traced), [spanNames.attempt]: open.number },
      error: errorCode,
    });
  }

  setContent(input: string, output: string): void {
    this.#input = Buffer.from(input, "latin1").toString("utf8");
    this.#output = Buffer.from(output, "latin1").toString("utf8");
  }

  end(request: ObservedRequest): void {
    const endMs = this.#nowMs();
    this.#deps.take({
      traceId: this.#traceId,
      spanId: this.#spanId,
      parentId: this.#deps.parent?.spanId,
      name: `${request.operation} ${request.modelAsked}`.trim(),
      kind: "server",
      startMs: endMs - request.durationMs,
      endMs,
      // The tokens are those of the attempts: a sum over all spans must not count them twice.
      attributes: {
        [spanNames.requestId]: request.requestId,
        [spanNames.userId]: request.principal.userId,
        [spanNames.keyId]: request.principal.keyId,
        [spanNames.dialect]: request.dialect,
        [spanNames.model]: request.modelAsked,
        [spanNames.attempts]: request.attempts,
        [spanNames.stream]: request.stream,
        [spanNames.httpStatus]: request.httpStatus,
        [spanNames.errorType]: request.errorCode,
        [spanNames.costUsd]: request.costNanoUsd === undefined ? undefined : Number(request.costNanoUsd) / 1e9,
        [spanNames.timeToFirstToken]: request.ttftMs,
        [spanNames.overhead]: request.overheadMs,
        [spanNames.input]: this.#input,
        [spanNames.output]: this.#output,
      },
      error: request.errorCode,
    });
  }
}

function attributesOf({ attempt, operation, keyId, stream, modelServed, usage, ...end }: TracedAttempt): Span["attributes"] {
  const { provider, protocol, upstreamModel, lane } = attempt;
  const base = provider.baseUrls[protocol];
  const cacheWrites = (usage.cacheWrite5m ?? 0) + (usage.cacheWrite1h ?? 0);
  return {
    [spanNames.operation]: operationName(operation),
    [spanNames.provider]: providerName(provider.name),
    [spanNames.providerName]: provider.name,
    [spanNames.providerKey]: keyId,
    [spanNames.lane]: lane,
    [spanNames.stream]: stream,
    [spanNames.serverAddress]: base === undefined ? undefined : new URL(base).hostname,
    [spanNames.requestModel]: upstreamModel,
    [spanNames.responseModel]: modelServed === "" ? undefined : modelServed,
    [spanNames.responseId]: end.upstreamRequestId,
    [spanNames.finishReasons]: end.stopReason === undefined ? undefined : [end.stopReason],
    [spanNames.inputTokens]: usage.input,
    [spanNames.outputTokens]: usage.output,
    [spanNames.cacheReadTokens]: usage.cacheRead,
    [spanNames.cacheWriteTokens]: cacheWrites === 0 ? undefined : cacheWrites,
    [spanNames.reasoningTokens]: usage.reasoning,
    [spanNames.httpStatus]: end.httpStatus,
    [spanNames.errorType]: end.errorCode,
  };
}
