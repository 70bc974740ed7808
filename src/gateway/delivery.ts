import type { GatewayError, Refusal } from "../core/index.ts";
import type { Attempt, ProviderKey, UpstreamCall, UpstreamFailure } from "../upstream/index.ts";
import type { AttemptEntry, Settlement } from "./attempt-entry.ts";
import type { Lane } from "./lane.ts";
import type { ModelCall } from "./model-call.ts";

/** An attempt that failed before anything went to the client. */
export interface FailedAttempt {
  readonly error: GatewayError;
}

/** The head of an upstream's answer. */
export interface UpstreamHead {
  readonly status: number;
  /** Name, value, … as received. */
  readonly headers: readonly string[];
}

/** Takes in one kind of answer. It ends the delivery with `failed`, `cut` or `delivered`, exactly once. */
export interface AnswerSink {
  data(chunk: Buffer): void;
  end(): void;
  fail(failure: UpstreamFailure): void;
  /** The client has left. */
  leave(): void;
  /** The gateway is shutting down: ends with this error, unless the answer is whole. */
  terminate(error: GatewayError): void;
  /** Of a stream: called now and then. */
  tick?(nowMs: number): void;
}

/** Tokens for the ledger: as reported, or else an estimate. */
export type UsedTokens = Pick<Settlement, "facts" | "estimate" | "answerBytes">;

/** One attempt, as the sink of its answer sees it. A sink ends it with `failed` or `delivered`, once. */
export interface Delivery {
  readonly call: ModelCall;
  readonly attempt: Attempt;
  readonly entry: AttemptEntry;
  readonly lane: Lane;
  readonly key: ProviderKey | undefined;
  /** `undefined` while the dispatch has not returned yet. */
  readonly upstream: UpstreamCall | undefined;
  /** The first content is about to go to the client: no other attempt follows. */
  opened(): void;
  /** The answer came, and its status speaks for or against the provider. `refusal`: of an answer that broke after its first content. */
  answered(ok: boolean, message?: string, refusal?: Refusal): void;
  /** An error that may repeat the upstream's words, as it may be shown: see `withoutSecrets`. */
  clean(error: GatewayError): GatewayError;
  /** Nothing has gone to the client; the attempt ends with an error, which is cleaned. `used`: what the answer used that ended with it. */
  failed(error: GatewayError, used?: UsedTokens): void;
  /** Nothing has gone to the client, and nothing will but this error: the gateway is shutting down. The request to the provider is aborted. */
  cut(error: GatewayError): void;
  /** The client has its answer, whole or broken; the attempt is settled. */
  delivered(): void;
}
