import type { Clock, IdSource, Logger } from "../core/index.ts";
import type { Principal } from "../accounts/index.ts";
import type { ProtocolId, Usage } from "../ir/index.ts";
import type { EntryStatus, Ledger } from "../ledger/index.ts";
import type { Protocol, UpstreamProtocol } from "../protocols/index.ts";
import type { Catalog, ProviderHealth, UpstreamClient, WorkMode } from "../upstream/index.ts";
import type { StreamRegistry } from "./stream-registry.ts";

/** What the life of a request needs. */
export interface GatewayDeps {
  readonly protocols: ReadonlyMap<ProtocolId, Protocol>;
  readonly upstreamProtocols: ReadonlyMap<ProtocolId, UpstreamProtocol>;
  /** Read once for each request, so that a reload swaps all of it between two requests. */
  readonly current: () => GatewaySnapshot;
  readonly ledger: Ledger & { healthy(): boolean };
  readonly responses: ResponseOwners;
  readonly providerHealth: ProviderHealth;
  readonly streams: StreamRegistry;
  readonly ids: IdSource;
  readonly observe: (request: ObservedRequest) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What a configuration stands for. */
export interface GatewaySnapshot {
  readonly workMode: WorkMode;
  readonly onLoss: "report" | "refuse";
  readonly catalog: Catalog;
  readonly client: UpstreamClient;
}

/** Which user, provider and key a stored response belongs to. */
export interface ResponseOwners {
  record(owner: ResponseOwner): Promise<void>;
  find(id: string): Promise<ResponseOwner | undefined>;
  forget(id: string): Promise<void>;
}

export interface ResponseOwner {
  readonly id: string;
  readonly userId: string;
  readonly provider: string;
  readonly providerKey: string;
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
  readonly durationMs: number;
  readonly ttftMs: number | undefined;
  readonly overheadMs: number;
  readonly usage: Usage;
  readonly costNanoUsd: bigint | undefined;
  readonly droppedParams: readonly string[];
  readonly errorCode: string | undefined;
  readonly errorMessage: string | undefined;
}
