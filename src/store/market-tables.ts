import type { Generated } from "kysely";

/** What the market stores: see `migrations/0014-market.ts` and the later ones of its name. */
export interface MarketTables {
  market_keys: MarketKeysTable;
  market_nodes: MarketNodesTable;
  market_invites: MarketInvitesTable;
  market_shares: MarketSharesTable;
  market_accounts: MarketAccountsTable;
  market_leases: MarketLeasesTable;
  market_transfers: MarketTransfersTable;
  market_sales: MarketSalesTable;
  market_trades: MarketTradesTable;
  market_exchange: MarketExchangeTable;
  market_offers: MarketOffersTable;
  market_served: MarketServedTable;
  market_deposits: MarketDepositsTable;
  market_statements: MarketStatementsTable;
  market_avoided: MarketAvoidedTable;
  market_uptime: MarketUptimeTable;
  market_bought: MarketBoughtTable;
  market_policies: MarketPoliciesTable;
  market_scores: MarketScoresTable;
  market_gate: MarketGateTable;
  market_relays: MarketRelaysTable;
  market_verdicts: MarketVerdictsTable;
}

/** What this exchange has decided about a receipt of a lease. */
export interface MarketVerdictsTable {
  lease: string;
  /** Of the receipt. */
  seq: number;
  result: "right" | "wrong" | "undecided";
  cost_nano_usd: bigint;
  cum_nano_usd: bigint;
  at_ms: number;
  /** The signed verdict, JSON. */
  document: string;
  /** What it is based on, JSON: the buyer's opening and order, the seller's receipt. All of them name the answer by its hash. */
  opening: string;
  receipt: string;
  order_text: string;
}

/** A relay through which this installation is called. */
export interface MarketRelaysTable {
  node: string;
  added_ms: number;
}

/** The secrets of this installation as a node of the market. */
export interface MarketKeysTable {
  kid: string;
  /** The key that signs, or one that others seal to. */
  kind: "node" | "seal";
  /** 32 random bytes, base64. */
  secret: string;
  created_ms: number;
  /** When a sealing key ends; `null` for the node's key. */
  until_ms: number | null;
}

/** A node that this one trades with. */
export interface MarketNodesTable {
  node: string;
  /** What this installation calls it: unique, the name after `@`. */
  name: string;
  /** Where it can be reached; `null`: it only buys. */
  url: string | null;
  /** Its last node document, JSON. */
  document: string;
  /** How far below 0 its account here may go. */
  limit_nano_usd: bigint;
  blocked: Generated<number>;
  /** A peer, an exchange that this node has joined, or a member of its own exchange. */
  role: Generated<"peer" | "exchange" | "member">;
  /** The organisation that an exchange says all its members belong to; "" if none. */
  organisation: Generated<string>;
  joined_ms: number;
}

export interface MarketInvitesTable {
  id: string;
  limit_nano_usd: bigint;
  created_ms: number;
  until_ms: number;
  /** What the node that uses it becomes. */
  role: Generated<"peer" | "member">;
  /** The node that used it. */
  used_by: string | null;
}

/** A model that this installation sells. */
export interface MarketSharesTable {
  model: string;
  /** Id of its offer. */
  offer: string;
  provider: string;
  upstream_model: string;
  /** Price, licence and limits, JSON. */
  terms: string;
  created_ms: number;
}

/** An account at this installation's clearing; amounts of credits, one counted as one US dollar. */
export interface MarketAccountsTable {
  owner: string;
  balance_nano_usd: bigint;
  held_nano_usd: bigint;
  seq: number;
  head: string;
  /** The limit at the last lease that was opened. */
  limit_nano_usd: Generated<bigint>;
}

export interface MarketLeasesTable {
  id: string;
  buyer: string;
  seller: string;
  model: string;
  hold_nano_usd: bigint;
  fee_ppm: number;
  state: "open" | "window" | "settled" | "split" | "void";
  deadline_ms: number;
  charged_nano_usd: bigint;
  paid_nano_usd: bigint;
  contested_nano_usd: bigint;
  refunded_nano_usd: bigint;
  legs: number;
  opened_ms: number;
  /** The signed lease, JSON. */
  document: string;
  /** The order with the highest acknowledgement and the last receipt, JSON. */
  best_order: string | null;
  last_receipt: string | null;
  /** The closing order that the buyer has sent to the exchange while the lease was open, and whether it contests the rest. */
  buyer_order: string | null;
  buyer_contests: Generated<number>;
}

/** One debit and one credit. Append-only; primary key (key, leg). */
export interface MarketTransfersTable {
  /** The lease, or the operation of a deposit. */
  key: string;
  leg: number;
  kind: "pay" | "fee" | "contest" | "refund" | "deposit" | "correction";
  at_ms: number;
  amount_nano_usd: bigint;
  debit: string;
  debit_seq: number;
  debit_balance_nano_usd: bigint;
  credit: string;
  credit_seq: number;
  credit_balance_nano_usd: bigint;
}

/** A request that this installation has sold: the seller's evidence. Primary key (lease, seq). */
export interface MarketSalesTable {
  lease: string;
  seq: number;
  request_id: string;
  cost_nano_usd: bigint;
  at_ms: number;
  receipt: string;
  order_text: string;
}

/** A request that this installation has bought: the buyer's evidence. Primary key (lease, seq). */
export interface MarketTradesTable {
  lease: string;
  seq: number;
  request_id: string;
  /** Whose books the trade is in. */
  clearing: string;
  seller: string;
  model: string;
  cost_nano_usd: bigint;
  state: "acked" | "refused";
  at_ms: number;
  receipt: string;
}

/** What this node knows of its account at a clearing. */
export interface MarketStatementsTable {
  clearing: string;
  /** Of the last entry that was verified, with the head and the balance after it. */
  seq: number;
  /** 64 hexadecimal digits. */
  head: string;
  balance_nano_usd: bigint;
  /** When it was verified. */
  at_ms: number;
  /** The last statement that was verified, JSON. */
  statement: string;
  /** Why there is no trade with this clearing: a statement contradicts what was verified before, or its own entries; `null`: it fits. */
  problem: string | null;
  /** That statement, and the entries that came with it, JSON. */
  other_statement: string | null;
  other_entries: string | null;
}

/** A node from which nothing is bought for a while, as it sent a wrong receipt. */
export interface MarketAvoidedTable {
  node: string;
  until_ms: number;
  reason: string;
}

/**
 * When the clearing was last at work (`clearing`), which process does what only one may do (`selling rig 0.0.0.0:8082`), and which processes buy
 * (`buying rig 4711 1f2e`).
 */
export interface MarketUptimeTable {
  name: string;
  seen_ms: number;
}

/** A lease that this node has bought, until its seller has the last acknowledgement. */
export interface MarketBoughtTable {
  lease: string;
  seller: string;
  /** What its orders name: `sha256:…`. */
  session: string;
  opened_ms: number;
  /** Whose books it is in; `null`: it was opened before that was stored. */
  clearing: string | null;
  /** The process that uses it; "" as above. */
  process: Generated<string>;
  /** What is not acknowledged is contested. */
  contests: Generated<number>;
}

/** This node is an exchange: one row. */
export interface MarketExchangeTable {
  id: number;
  started_ms: number;
  /** Grows with each change of the offers. */
  rev: number;
}

/** The offers of members of this node's exchange, of the last ten minutes. */
export interface MarketOffersTable {
  hash: string;
  offer: string;
  seller: string;
  model: string;
  seq: number;
  rev: number;
  at_ms: number;
  until_ms: number;
  is_current: number;
  /** The signed offer, JSON. */
  document: string;
}

/** A lease that an exchange has given on an offer of this node: the seller's view. */
export interface MarketServedTable {
  id: string;
  clearing: string;
  buyer: string;
  model: string;
  state: "open" | "settled" | "void";
  settle_by_ms: number;
  document: string;
  best_order: string | null;
  last_receipt: string | null;
}

/** Who booked a deposit, and why. */
export interface MarketDepositsTable {
  id: string;
  owner: string;
  actor: string;
  reason: string;
  at_ms: number;
}

/** When a model is bought, as a command has set it. */
export interface MarketPoliciesTable {
  model: string;
  policy: "off" | "prefer" | "spill" | "cheaper";
  /** Nano-credits a million tokens, a decimal. */
  max_price: string | null;
  /** Ten-thousandths. */
  min_saving: number | null;
  set_ms: number;
}

/** What this node has seen of a seller's model. Primary key (node, model). */
export interface MarketScoresTable {
  node: string;
  model: string;
  /** Decayed counts and averages, JSON. */
  evidence: string;
  at_ms: number;
}

/** Whether a model might be sold, as it was asked for and decided. */
export interface MarketGateTable {
  id: string;
  at_ms: number;
  model: string;
  provider: string;
  /** What the owner affirmed, JSON. */
  affirmed: string;
  /** The source that the offer states, or `refused`. */
  decision: string;
  reason: string;
  actor: string;
}
