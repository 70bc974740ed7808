import type { ProtocolId, Usage } from "../ir/index.ts";

export type EntryStatus = "ok" | "error" | "cancelled" | "interrupted" | "refused";

/** Known when a request is admitted, before dispatch. */
export interface OpenRecord {
  readonly requestId: string;
  /** Counts from 1; 0 for a request refused before dispatch. */
  readonly attempt: number;
  /** Milliseconds since 1970. */
  readonly timeMs: number;
  readonly userId: string;
  /** Empty where auth is off. */
  readonly keyId: string;
  readonly dialect: ProtocolId;
  /** Empty where refused before a provider was chosen. */
  readonly provider: string;
  readonly modelAsked: string;
  readonly upstreamModel: string;
  readonly clientRequestId?: string;
  /** JSON array of strings. */
  readonly tags?: string;
  /** Tokens that the request is estimated to have: what is charged where the process dies with the attempt. Absent for operations that use none. */
  readonly inputTokensEstimate?: number;
}

/** One string for an attempt. The first of a request is the common one, and makes no new string. */
export function attemptKey(requestId: string, attempt: number): string {
  return attempt === 1 ? requestId : `${requestId}#${attempt}`;
}

/** What is known when an attempt is over. */
export interface CloseRecord extends OpenRecord {
  readonly status: EntryStatus;
  readonly durationMs: number;
  /** To the first content byte sent to the client. */
  readonly ttftMs?: number;
  /** The model the upstream says it was; else `upstreamModel`. */
  readonly modelServed: string;
  readonly usage: Usage;
  /** `estimated`: the upstream gave no usable usage. */
  readonly usageSource: "reported" | "estimated" | "none";
  readonly httpStatus: number;
  readonly errorCode?: string;
}

/** What an entry says instead, because the client did not get the answer that it was recorded for. Tokens and cost stay: the provider has made it. */
export interface Correction {
  readonly status: EntryStatus;
  readonly httpStatus: number;
  readonly errorCode: string;
}

/** Cost of one entry in nano-USD; `undefined`: the model has no price, which is not 0. */
export type CostNanoUsd = bigint | undefined;

/** The request path's side of the ledger. */
export interface Ledger {
  /** An attempt is about to be dispatched. Not waited for. */
  open(record: OpenRecord): void;
  /**
   * An attempt is over. `undefined` when the record is as durable as the level asks already, else a promise to await before the terminal bytes
   * go out. Called exactly once for each `open`, or alone for a refused request.
   * @param isHeld the database gets the row only after `release`, because its answer goes out now and the row may have to be corrected.
   */
  close(record: CloseRecord, isHeld?: boolean): Promise<void> | undefined;
  /**
   * The end of the answer of an attempt that was closed with `isHeld`: the database gets its row from now on. Called again, it does nothing.
   * @param correction what the row says instead, if the client did not get the answer.
   */
  release(requestId: string, attempt: number, correction?: Correction): void;
  /**
   * What this usage of this provider's model costs at the price of that time. Pure and fast: called before JSON answers go out.
   * @param askedModel priced instead where `model`, the name that the upstream gave, has no price; an entry is charged so.
   */
  cost(provider: string, model: string, usage: Usage, timeMs: number, askedModel?: string): CostNanoUsd;
  /** Tokens that the model's context holds; `undefined` if that is not known. */
  contextWindow(provider: string, model: string): number | undefined;
}
