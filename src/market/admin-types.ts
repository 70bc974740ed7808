import type { AutomaticAdmin } from "./automatic-types.ts";
import type { SharedModel } from "./shared-model.ts";

/** What `tokligence market share` asks for. Prices: US dollars a million tokens, decimals. */
export interface ShareRequest {
  readonly model: string;
  readonly input: string;
  readonly output: string;
  readonly cacheRead?: string | undefined;
  readonly licence?: string | undefined;
  readonly contract?: string | undefined;
  readonly affirm?: "same-organisation" | undefined;
  readonly concurrency?: number | undefined;
  readonly context?: number | undefined;
  readonly maxOutput?: number | undefined;
}

export interface PeerState {
  readonly name: string;
  readonly node: string;
  readonly url: string | null;
  readonly limit_credits: string;
  readonly blocked: boolean;
  /** Of its account here: what it owes is below 0. */
  readonly balance_credits: string;
  readonly reserved_credits: string;
  /** Of this node's account there, as its last statement says; `null`: not known. */
  readonly own_balance_credits: string | null;
  /** What leases that this process has open there reserve, and when the last of them ends. */
  readonly own_reserved_credits: string;
  readonly own_reserved_until: string | null;
  readonly problem: string | null;
}

/** A relay through which this node is called. */
export interface UsedRelayState {
  readonly name: string;
  readonly node: string;
  /** Where buyers call it; `null`: this node is not connected to it. */
  readonly url: string | null;
  readonly connections: number;
  readonly problem: string | null;
}

/** A seller that is called through this node. */
export interface RelayedState {
  readonly name: string;
  readonly node: string;
  readonly connections: number;
  readonly calls: number;
}

export interface MarketStatus {
  readonly node: string | null;
  readonly reach: string | null;
  readonly listening: boolean;
  readonly paused: boolean;
  readonly shares: readonly SharedModel[];
  readonly peers: readonly PeerState[];
  readonly relays: readonly UsedRelayState[];
  readonly relayed: readonly RelayedState[];
  readonly earned_credits: string;
  readonly spent_credits: string;
  /** What leases that are open at others reserve, and when the last of them frees. */
  readonly reserved_credits: string;
  readonly reserved_until: string | null;
}

export interface OfferRow {
  readonly model: string;
  readonly seller: string;
  readonly input_usd: string;
  readonly output_usd: string;
  readonly cache_read_usd: string;
  readonly free: number;
  readonly context: number;
  readonly licence: string;
}

export interface TradeState {
  readonly request_id: string;
  readonly direction: "bought" | "sold";
  readonly peer: string;
  readonly model: string;
  readonly credits: string;
  readonly state: string;
  readonly time: string;
}

/** An account at a clearing, as it was checked. */
export interface StatementState {
  /** The peer whose books they are; `here` for this node's own. */
  readonly clearing: string;
  /** Whose account; omitted for this node's. */
  readonly owner?: string;
  readonly entries: number;
  /** Entries that were hashed now. */
  readonly checked_entries: number;
  readonly balance_credits: string;
  readonly reserved_credits: string;
  readonly limit_credits: string;
  /** What this node has acknowledged there; omitted for its own books. */
  readonly acknowledged_credits?: string;
  readonly head: string;
  readonly time: string;
  readonly state: "right" | "wrong" | "unknown";
  /** What is wrong, or why the peer cannot be asked; `null`: nothing. */
  readonly problem: string | null;
}

/** The operations of the market, for the admin API and the command line. */
export interface MarketAdmin {
  readonly automatic: AutomaticAdmin;
  status(): Promise<MarketStatus>;
  /** @param actor who asks, for the decisions about resale. */
  share(request: ShareRequest, actor: string): Promise<SharedModel>;
  unshare(model: string): Promise<SharedModel>;
  /** @param limit credits that the new node may owe, a decimal. */
  invite(limit: string): Promise<{ readonly invite: string; readonly reach: string; readonly limit_credits: string }>;
  join(invite: string, name: string | undefined): Promise<PeerState>;
  offers(): Promise<readonly OfferRow[]>;
  /** @param isWhole all entries are hashed anew, from the first one. */
  statements(name: string | undefined, isWhole: boolean): Promise<readonly StatementState[]>;
  trades(limit: number): Promise<readonly TradeState[]>;
  setPeer(
    reference: string,
    change: { limit?: string | undefined; blocked?: boolean | undefined; credit?: string | undefined },
    /** Who changes it. */
    actor: string,
  ): Promise<PeerState>;
  leave(reference: string): Promise<PeerState>;
  /** This node is called through the relay from now on. @param reference a peer or an exchange, by its name or node. */
  useRelay(reference: string): Promise<UsedRelayState>;
  dropRelay(reference: string): Promise<UsedRelayState>;
  pause(isPaused: boolean): Promise<MarketStatus>;
}
