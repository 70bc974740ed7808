/** Why a node refuses what another one asks of it, as a plain HTTP answer before anything is sealed. */
export type MarketRefusalCode =
  | "bad_document"
  /** A request that must not leave this gateway: nothing was sent. */
  | "stays_here"
  | "unknown_node"
  | "bad_invite"
  | "unknown_offer"
  | "unknown_lease"
  | "lease_over"
  | "insufficient_credit"
  | "stale_ack"
  | "max_too_low"
  | "bad_order"
  | "too_many_open"
  | "at_capacity"
  | "paused"
  | "too_many_requests"
  | "not_found"
  | "unavailable";

const statuses: Readonly<Record<MarketRefusalCode, number>> = {
  bad_document: 400,
  stays_here: 400,
  unknown_node: 403,
  bad_invite: 403,
  unknown_offer: 409,
  unknown_lease: 410,
  lease_over: 410,
  insufficient_credit: 402,
  stale_ack: 409,
  max_too_low: 409,
  bad_order: 409,
  too_many_open: 409,
  at_capacity: 429,
  paused: 429,
  too_many_requests: 429,
  not_found: 404,
  unavailable: 503,
};

/** A refusal, with what the other node needs to go on: the last receipt for `stale_ack`. Its message names no secret and no content. */
export class MarketRefusal extends Error {
  readonly code: MarketRefusalCode;
  readonly status: number;
  /** JSON beside code and message. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: MarketRefusalCode, message: string, details: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.name = "MarketRefusal";
    this.code = code;
    this.status = statuses[code];
    this.details = details;
  }

  /** `{"error":{"code":"stale_ack","message":"…"},…}` */
  get text(): string {
    return JSON.stringify({ error: { code: this.code, message: this.message }, ...this.details });
  }
}

/** What another node refused, from its answer. Its text is shown to the owner of this gateway only. */
export function refusalOfText(status: number, text: string): MarketRefusal {
  try {
    const { error, ...details } = JSON.parse(text) as { readonly error?: { readonly code?: unknown; readonly message?: unknown } };
    const code = Object.keys(statuses).find((known) => known === error?.code) as MarketRefusalCode | undefined;
    if (code !== undefined && typeof error?.message === "string") return new MarketRefusal(code, error.message.slice(0, 300), details);
  } catch {
    // As below.
  }
  return new MarketRefusal("unavailable", `The node answered with status ${status}.`);
}
