import type { ServiceTier, Usage } from "../ir/index.ts";
import type { Attempt } from "../upstream/index.ts";
import type { ObservedRequest } from "./observed-request.ts";

/** Makes traces of requests, where an operator has named a place for them. */
export interface Tracer {
  /** Traces contain what was asked and answered. */
  readonly hasContent: boolean;
  /** `undefined`: the client's own trace says that nothing is recorded of this request. @param rawHeaders of the request. */
  begin(rawHeaders: readonly string[]): RequestTrace | undefined;
}

/** The trace of one request: a span of its own, and one for each attempt. */
export interface RequestTrace {
  /** An attempt begins. Returns the value of its `traceparent` header. */
  attemptBegins(): string;
  /** @param traceparent of its beginning. */
  attemptEnds(traceparent: string, attempt: TracedAttempt): void;
  /** What was asked and answered, latin1 of its bytes, each cut at `maxContentBytes`. */
  setContent(input: string, output: string): void;
  /** The request is over. */
  end(request: ObservedRequest): void;
}

export interface TracedAttempt {
  readonly attempt: Attempt;
  readonly operation: string;
  /** The id of the provider's key. */
  readonly keyId: string | undefined;
  readonly stream: boolean;
  readonly modelServed: string;
  readonly usage: Usage;
  readonly tier: ServiceTier | undefined;
  readonly stopReason: string | undefined;
  readonly httpStatus: number;
  /** Why it failed; `undefined`: it did not. */
  readonly errorCode: string | undefined;
  readonly upstreamRequestId: string | undefined;
}

/** Of each body. */
export const maxContentBytes = 32 * 1024;

/** The headers of a request to a provider with this `traceparent` in place of the client's. */
export function withTraceparent(headers: readonly string[], traceparent: string): readonly string[] {
  const out: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i]!.toLowerCase() !== "traceparent") out.push(headers[i]!, headers[i + 1]!);
  }
  out.push("traceparent", traceparent);
  return out;
}
