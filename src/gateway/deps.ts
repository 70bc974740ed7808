import type { Bytes, Clock, IdSource, Logger, MarketScope, Schedule, Sealer } from "../core/index.ts";
import type { Limits } from "../limits/index.ts";
import type { Budgets, CeilingRates, Ledger } from "../ledger/index.ts";
import type { ProtocolTable, ModelInfo, ModelListFacts } from "../protocols/index.ts";
import type {
  Affinity,
  Catalog,
  Plan,
  PlanInput,
  ProviderHealth,
  Redactor,
  ResilienceSettings,
  RetryBudget,
  UpstreamClient,
  WorkMode,
} from "../upstream/index.ts";
import type { DuplicateGuard, Firewall, ToolCallGuard } from "../policy/index.ts";
import type { AttemptRegistry } from "./answers/attempt-registry.ts";
import type { ContextCacheMemory } from "./prompt-caches/context-cache-memory.ts";
import type { PrefixMemory } from "./prompt-caches/prefix-memory.ts";
import type { AnswerCache } from "./response-cache/answer-store.ts";
import type { ResponseCacheOptions } from "./section.ts";
import type { BodyLog } from "./bodies/index.ts";
import type { HedgeCounts } from "./failover/hedge-counts.ts";
import type { FirewallCounts } from "./firewall/firewall-counts.ts";
import type { KeptProofs } from "./proofs/index.ts";
import type { ContextCacheTable, ResponseStore } from "../store/index.ts";
import type { BackgroundJobs } from "./responses/background-jobs.ts";
import type { TokenCalibration } from "./tokens/token-calibration.ts";
import type { ObservedRequest } from "./observed-request.ts";
import type { ToolSampler } from "./tool-sampler.ts";
import type { Tracer } from "./trace.ts";

/** What the life of a request needs. */
export interface GatewayDeps {
  readonly protocols: ProtocolTable;
  /** Read once for each request, so that a reload swaps all of it between two requests. */
  readonly current: () => GatewaySnapshot;
  readonly ledger: Ledger & { healthy(): boolean };
  readonly budgets: Pick<Budgets, "of" | "hasTargets" | "ofTarget" | "reserve" | "release" | "finished" | "countRefusal">;
  readonly limits: Pick<Limits, "ofCaller" | "hasTargets" | "ofTarget" | "take" | "settle">;
  readonly responses: ResponseStore;
  /** Why the database may not be used: its files are not those that were opened. */
  readonly databaseProblem: () => string | undefined;
  readonly bodies: Pick<BodyLog, "record">;
  readonly background: BackgroundJobs;
  readonly sealer: Sealer;
  readonly keptProofs: KeptProofs;
  readonly toolCallGuard: ToolCallGuard;
  readonly firewallCounts: FirewallCounts;
  readonly hedges: HedgeCounts;
  readonly toolSampler: Pick<ToolSampler, "chooses" | "spent">;
  readonly providerHealth: ProviderHealth;
  /** The same for each key of the providers, by its id. */
  readonly keyHealth: ProviderHealth;
  readonly retryBudget: RetryBudget;
  readonly affinity: Affinity;
  readonly prefixMemory: PrefixMemory;
  /** Caches that vendors keep under names. */
  readonly contextCaches: { readonly memory: ContextCacheMemory; readonly table: ContextCacheTable };
  readonly responseCache: AnswerCache;
  /** From 0 to 1, as `Math.random`. */
  readonly random: () => number;
  readonly schedule: Schedule;
  readonly activeAttempts: AttemptRegistry;
  /** Of estimates of parsed requests and of texts. */
  readonly calibration: TokenCalibration;
  /** Of estimates by the bytes of a body. */
  readonly bodyCalibration: TokenCalibration;
  readonly ids: IdSource;
  readonly observe: (request: ObservedRequest) => void;
  /** Absent: nothing is traced. */
  readonly tracer?: Tracer | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What a policy for buying needs to know of a request. */
export interface BuyingRequest {
  readonly catalog: Catalog;
  readonly input: PlanInput;
  /** The body, latin1. */
  readonly text: Bytes;
  readonly scope: MarketScope;
}

/** Adds to plans the targets that other gateways sell, by the policies of the models. */
export interface Buying {
  /** The plan itself if nothing is added. Pure, apart from random numbers. */
  extend(plan: Plan, request: BuyingRequest): Plan;
}

/** What the gateway uses of a configuration. */
export interface GatewaySnapshot {
  /** `undefined`: no model has a policy for buying. */
  readonly buying?: Buying | undefined;
  readonly workMode: WorkMode;
  readonly onLoss: "report" | "refuse";
  readonly duplicateGuard: DuplicateGuard;
  /** `undefined`: it has no rules. */
  readonly firewall: Firewall | undefined;
  /** A response that is larger, with its input, is not kept. */
  readonly maxStoredBytes: number;
  /** Most values and names in the JSON of a request that is parsed. */
  readonly maxValues: number;
  /** A stream whose upstream is silent for this time begins without it; `undefined`: never. */
  readonly earlyHeadMs: number | undefined;
  readonly resilience: ResilienceSettings;
  /** `undefined`: no answers are kept. */
  readonly responseCache: ResponseCacheOptions | undefined;
  readonly catalog: Catalog;
  readonly client: UpstreamClient;
  readonly redactor: Redactor;
  /** What is known of a model beside its name, for lists of models. */
  readonly modelFacts: (model: ModelInfo) => ModelListFacts | undefined;
  /** What budgets reckon with where a model has no price, and where a request sets no limit on its output. */
  readonly budget: { readonly ceiling: CeilingRates; readonly outputTokens: number };
}
