import type { ProtocolId, Usage } from "../ir/index.ts";

export type EntryStatus = "ok" | "error" | "cancelled" | "interrupted" | "refused";

/** The lane of what the gateway has paid for a cache at a provider: it is no request of a client. */
export const contextCacheLane = "context-cache";

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
  /** The number of tags, from the first on, that an admin bound to the user or the key; omitted if there are none. */
  readonly boundTags?: number | undefined;
  /** What the provider speaks, if it is not the client's dialect. */
  readonly protocol?: ProtocolId | undefined;
  /** How the answer is made of the provider's: `verbatim` if omitted. */
  readonly lane?: string | undefined;
  readonly stream?: boolean | undefined;
  /** The program that sent the request, by its user agent. */
  readonly clientName?: string | undefined;
  /** Of a later attempt: the error that the one before ended with. */
  readonly attemptReason?: string | undefined;
  /** The class of service that the client asked for, if it is not the standard one. */
  readonly askedClass?: string | undefined;
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
  /** Without secrets. */
  readonly errorText?: string | undefined;
  /** The upstream's own word. */
  readonly stopReason?: string | undefined;
  /** The model, or its provider, refused to answer. */
  readonly isRefused?: boolean | undefined;
  /** Answered from the response cache; what the answer cost when it was made, if that is known. */
  readonly fromCache?: { readonly savedNanoUsd: bigint | undefined } | undefined;
  /** What rules of the firewall have found: `personal-data mask: email 2`. */
  readonly firewall?: string | undefined;
  /** What the gateway itself took of the request's time, in microseconds. */
  readonly overheadUs?: number | undefined;
  /** What the provider has billed, exactly: the cost, whatever the list of prices says. */
  readonly billedNanoUsd?: bigint | undefined;
}

/** Calls of the client's tools in an answer that was looked at: how many, how many have arguments that are JSON, how many fit their schema (omitted: not compared). */
export interface ToolCallCounts {
  readonly calls: number;
  readonly parsed: number;
  readonly fit?: number;
}

/** What is known of an answer only once its client has it. A crash may lose it. */
export interface LateFacts {
  readonly tools: ToolCallCounts | undefined;
  /** In place of what the record says. */
  readonly firewall: string | undefined;
}

/** What an entry says instead, because the client did not get the answer that it was recorded for. Tokens and cost stay: the provider has made it. */
export interface Correction {
  readonly status: EntryStatus;
  readonly httpStatus: number;
  readonly errorCode: string;
}

/** Cost of one entry in nano-USD; `undefined`: the model has no price, which is not 0. */
export type CostNanoUsd = bigint | undefined;
