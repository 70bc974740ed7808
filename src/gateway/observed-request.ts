import type { Principal } from "../accounts/index.ts";
import type { ProtocolId, Usage } from "../ir/index.ts";
import type { EntryStatus } from "../ledger/index.ts";

/** What the upstream's wire had no place for, as the client spells it; `label` is one of a bounded number of names. */
export interface TranslationLoss {
  readonly param: string;
  readonly label: string;
  readonly to: ProtocolId;
}

/** An attempt that failed before anything of it went to the client. */
export interface FailedTry {
  /** The kind of the failure, or the code of an error that is not the provider's. */
  readonly reason: string;
  readonly provider: string;
  readonly model: string;
}

/** A request that is over, for metrics and the access log. */
export interface ObservedRequest {
  readonly requestId: string;
  readonly clientRequestId: string | undefined;
  readonly principal: Principal;
  readonly dialect: ProtocolId;
  readonly operation: string;
  readonly provider: string;
  readonly modelAsked: string;
  readonly modelServed: string;
  /** The model is one that configuration names: safe as a metric's label. */
  readonly modelKnown: boolean;
  readonly status: EntryStatus;
  readonly httpStatus: number;
  readonly stream: boolean;
  readonly attempts: number;
  readonly failures: readonly FailedTry[] | undefined;
  readonly durationMs: number;
  readonly ttftMs: number | undefined;
  readonly overheadMs: number;
  /** From sending the last attempt to its answer's head or, in a stream, its first content; `undefined`: it was not sent, or not answered. */
  readonly upstreamMs: number | undefined;
  readonly usage: Usage;
  readonly costNanoUsd: bigint | undefined;
  readonly losses: readonly TranslationLoss[];
  /** Set if there were more losses than are named: `and 12 more`. */
  readonly unnamedLosses?: string | undefined;
  readonly errorCode: string | undefined;
  /** What rules of the firewall have found, without a text. */
  readonly firewall?: string | undefined;
  readonly errorMessage: string | undefined;
  /** The id that the upstream of the last attempt gave the request. */
  readonly upstreamRequestId: string | undefined;
  /** What the upstream said of a failure, unless it quotes the client's own request; without secrets. */
  readonly upstreamMessage: string | undefined;
}
