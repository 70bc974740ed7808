import type { ProtocolId, Usage } from "../ir/index.ts";

export type EntryStatus = "ok" | "error" | "cancelled" | "interrupted" | "refused";

/** What is known when a request is admitted, before dispatch. */
export interface OpenRecord {
  readonly requestId: string;
  /** Counts from 1; 0 for a request that was refused before dispatch. */
  readonly attempt: number;
  /** Milliseconds since 1970. */
  readonly timeMs: number;
  readonly userId: string;
  /** Empty with auth off. */
  readonly keyId: string;
  readonly dialect: ProtocolId;
  /** Empty if the request was refused before a provider was chosen. */
  readonly provider: string;
  readonly modelAsked: string;
  readonly upstreamModel: string;
  readonly clientRequestId?: string | undefined;
  /** JSON array of strings. */
  readonly tags?: string | undefined;
  /** Estimated input tokens of the request: charged if the process dies during the attempt. Absent for operations without tokens. */
  readonly inputTokensEstimate?: number | undefined;
}

/** One key for an attempt. For the first attempt, the common case, it is the request's id and no new string. */
export function attemptKey(requestId: string, attempt: number): string {
  return attempt === 1 ? requestId : `${requestId}#${attempt}`;
}

/** What is known when an attempt is over. */
export interface CloseRecord extends OpenRecord {
  readonly status: EntryStatus;
  readonly durationMs: number;
  /** Time to the first content byte that was sent to the client. */
  readonly ttftMs?: number | undefined;
  /** The model that the upstream reported; otherwise `upstreamModel`. */
  readonly modelServed: string;
  readonly usage: Usage;
  /** `estimated`: the upstream reported no usable usage. */
  readonly usageSource: "reported" | "estimated" | "none";
  readonly httpStatus: number;
  readonly errorCode?: string | undefined;
}

/** What an entry says instead, because the client did not get the answer that it was recorded for. Tokens and cost stay: the provider has made it. */
export interface Correction {
  readonly status: EntryStatus;
  readonly httpStatus: number;
  readonly errorCode: string;
}

/** Cost of one entry in nano-USD; `undefined`: the model has no price, which is not 0. */
export type CostNanoUsd = bigint | undefined;
