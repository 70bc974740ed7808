import type { BlockKind, ProviderState } from "../../upstream/index.ts";
import type { KeyBlock, ProviderFacts } from "../observe/provider-facts.ts";
import type { DependencyHealth, ProviderReport } from "./health-report.ts";

export interface ConfiguredProvider {
  readonly name: string;
  readonly enabled: boolean;
  readonly disabledReason?: string;
  readonly builtin?: boolean;
  readonly keys?: readonly { readonly id: string }[];
}

/** A failure of longer ago says nothing of now: nobody has asked since. */
const staleMs = 10 * 60_000;
/** From this number of failures in a row on, it is down. */
const downAfter = 3;

/** The state of each provider, and of each of its keys. */
export function reportProviders(configured: readonly ConfiguredProvider[], facts: ProviderFacts, nowMs: number): ProviderReport[] {
  const providers = new Map(facts.providers.map((state) => [state.name, state]));
  const keys = new Map(facts.keys.map((state) => [state.name, state]));
  return configured.map(({ name, enabled, disabledReason, builtin, keys: ids = [] }) => {
    if (!enabled) return { ...bare(name, "disabled", disabledReason ?? null), keys: [] };
    if (builtin === true) return { ...bare(name, "up", null), keys: [] };
    const blocks = facts.blocks.filter(({ provider }) => provider === name);
    const reports = ids.map(({ id }) =>
      withBlocks(
        stateReport(id, keys.get(id), nowMs),
        blocks.filter(({ keyId }) => keyId === id),
      ),
    );
    // One without keys has its blocks itself.
    const own = withBlocks(stateReport(name, providers.get(name), nowMs), ids.length === 0 ? blocks : []);
    return { ...byKeys(own, reports), keys: reports };
  });
}

function bare(name: string, state: DependencyHealth["state"], message: string | null): DependencyHealth {
  return { name, state, latency_ms: null, message, since: null, last_error: null, last_error_at: null };
}

function stateReport(name: string, state: ProviderState | undefined, nowMs: number): DependencyHealth {
  if (state === undefined) return bare(name, "idle", null);
  const last = {
    last_error: state.lastError ?? null,
    last_error_at: state.lastErrorAtMs === undefined ? null : new Date(state.lastErrorAtMs).toISOString(),
  };
  const common = { name, latency_ms: Math.round(state.latencyMs * 100) / 100, since: new Date(state.sinceMs).toISOString(), ...last };
  if (state.ok) return { ...common, state: "up", message: null };
  if (nowMs - state.lastAtMs > staleMs) return { ...bare(name, "idle", null), ...last };
  const isDown = state.consecutiveFailures >= downAfter || state.successes === 0;
  return { ...common, state: isDown ? "down" : "degraded", message: state.lastError ?? null };
}

const blockTexts: Readonly<Record<BlockKind, string>> = {
  credential: "the provider refuses it",
  quota: "its quota is used up",
  throttled: "it is throttled",
  overloaded: "the provider is overloaded",
  breaker: "a model of it fails",
};

function withBlocks(report: DependencyHealth, blocks: readonly KeyBlock[]): DependencyHealth {
  const worst = blocks.toSorted((one, other) => weightOf(other) - weightOf(one) || other.leftMs - one.leftMs)[0];
  if (worst === undefined) return report;
  const state = weightOf(worst) === 2 || report.state === "down" ? "down" : "degraded";
  const seconds = Math.ceil(worst.leftMs / 1000);
  // When its time is over, one request finds out.
  const then = seconds > 0 ? `asked again in ${seconds} s` : "asked with the next request";
  return { ...report, state, message: `${blockTexts[worst.block]}; ${then}` };
}

/** 2: no model of it can be asked. */
function weightOf({ block }: KeyBlock): number {
  return block === "credential" || block === "quota" ? 2 : 1;
}

/** A provider none of whose keys can be used is down; one with a key in trouble is degraded. */
function byKeys(own: DependencyHealth, keys: readonly DependencyHealth[]): DependencyHealth {
  const troubled = keys.filter(({ state }) => state === "down" || state === "degraded");
  if (troubled.length === 0 || own.state === "down") return own;
  const state = keys.every((key) => key.state === "down") ? "down" : "degraded";
  const [first] = troubled;
  return { ...own, state, message: own.message ?? first?.message ?? null };
}
