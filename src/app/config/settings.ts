import type { Secret } from "../../core/index.ts";
import type { BodySettings } from "../../gateway/index.ts";
import type { DuplicateGuard } from "../../policy/index.ts";
import type { PriceOverrides } from "../../ledger/index.ts";
import type { ModelRoute, ProviderSettings, Timeouts, WorkMode } from "../../upstream/index.ts";

/** The whole configuration, read, checked, and frozen. */
export interface Settings {
  readonly gateway: GatewaySection;
  readonly database: DatabaseSection;
  /** In the file's order, then those that are there without being named. */
  readonly providers: readonly ProviderSettings[];
  /** In the order written; empty: the presets' own patterns hold. */
  readonly modelProviderRoutes: readonly ModelRoute[];
  /** The client's name → a model, or `provider/model`. */
  readonly modelAliases: ReadonlyMap<string, string>;
  readonly ledger: LedgerSection;
  readonly guards: { readonly duplicateToolCalls: DuplicateGuard };
  readonly prices: PriceOverrides;
}

export interface GatewaySection {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly workMode: WorkMode;
  readonly auth: { readonly enabled: boolean; readonly type: "api_key" };
  /** `file`: absolute; left out: beside the database. */
  readonly logging: { readonly level: LogLevel; readonly file?: string };
  readonly workers: number | "auto";
  readonly limits: {
    readonly bodyBytes: number;
    /** Of the bodies of all requests that one process serves at a time. */
    readonly bodiesInFlightBytes: number;
    /** Connections that clients may have open to one process. */
    readonly connections: number;
    /** Most values and names in the JSON of a request that is translated. */
    readonly values: number;
  };
  readonly timeouts: GatewayTimeouts;
  readonly onLoss: "report" | "refuse";
  /** Responses that the gateway keeps where no provider does. */
  readonly responses: { readonly lifetimeMs: number; readonly maxSizeBytes: number };
  /** Whether a local program gets without a key what else needs an admin's. */
  readonly trustLoopback: boolean;
  readonly cors: readonly string[];
}

export interface GatewayTimeouts extends Timeouts {
  /** A client's head or body that makes no progress for so long is cut off. */
  readonly clientMs: number;
}

export interface LedgerSection {
  readonly durability: Durability;
  /** US dollars a million tokens that budgets reckon with where a model has no price; decimals. */
  readonly unpricedCeiling: { readonly input: string; readonly output: string };
  /** Output tokens that budgets reckon with where a request sets no limit. */
  readonly outputCeiling: number;
  /** How long what is recorded is kept. Without `entriesMs`: for ever. */
  readonly retention: { readonly entriesMs?: number; readonly journalMs: number };
  readonly bodies: BodySettings & { readonly lifetimeMs: number };
}

export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

export type Durability = "power" | "process" | "async";

export interface DatabaseSection {
  readonly type: "sqlite" | "postgresql";
  /** Absolute. With PostgreSQL no database lies there, but pid file, log, journal and socket lie beside it all the same. */
  readonly path: string;
  /** Set where `type` is `postgresql`. */
  readonly postgresql?: PostgresqlSettings;
}

/** Either `url`, or the parts. */
export interface PostgresqlSettings {
  readonly url?: Secret;
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly username: string;
  readonly password?: Secret;
  /** Most connections of one process. */
  readonly pool: number;
  /** `undefined`: not encrypted. Paths are absolute. `verify: false`: the certificate is not checked. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string; readonly verify?: boolean };
}
