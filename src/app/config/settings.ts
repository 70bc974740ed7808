import type { PriceOverrides, LedgerSection } from "../../ledger/index.ts";
import type { OperatorTraits } from "../../protocols/index.ts";
import type { ModelRoute, ProviderSettings, RoutingSection } from "../../upstream/index.ts";
import type { DatabaseSection, RedisSection } from "../../store/index.ts";
import type { AlertsSection } from "../../alerts/index.ts";
import type { LimitsSection } from "../../limits/index.ts";
import type { ResponseCacheSettings } from "../../gateway/index.ts";
import type { GatewaySection, TelemetrySection } from "../../server/index.ts";
import type { ExchangeSection, MarketSection } from "../../market/index.ts";
import type { CanariesSection } from "../../canaries/index.ts";
import type { AuthSection } from "../../sso/index.ts";
import type { AuditSection } from "../../audit/index.ts";
import type { FirewallSection, GuardsSection } from "../../policy/index.ts";

export type { DatabaseSection, PostgresqlSettings } from "../../store/index.ts";

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
  /** What is known of models, in the order written; a later row wins. */
  readonly modelTraits: readonly OperatorTraits[];
  readonly routing: RoutingSection;
  readonly limits: LimitsSection;
  /** `undefined`: no answers are kept. */
  readonly responseCache: ResponseCacheSettings | undefined;
  readonly redis: RedisSection;
  readonly ledger: LedgerSection;
  readonly guards: GuardsSection;
  readonly firewall: FirewallSection;
  readonly alerts: AlertsSection;
  readonly canaries: CanariesSection;
  readonly auth: AuthSection;
  readonly audit: AuditSection;
  readonly telemetry: TelemetrySection;
  readonly market: MarketSection;
  readonly exchange: ExchangeSection;
  readonly prices: PriceOverrides;
  /** The path of a list of prices. */
  readonly pricesFile?: string;
  /** The same as a file would have it, defaults included, for people to read; every value that may contain a secret is `[secret]`. */
  readonly shown: Readonly<Record<string, unknown>>;
}
