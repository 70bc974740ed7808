import type { Clock } from "../../core/index.ts";
import type { Limits } from "../../limits/index.ts";
import type { BudgetAdmin, PerformanceWatch } from "../../ledger/index.ts";
import { watchedKey, type Edge, type LoadWatch, type TelemetrySection } from "../../server/index.ts";
import type { KnownTarget, Provider, TargetState } from "../../upstream/index.ts";

type Values = Record<string, number>;

/** What the edge does, and how busy the process is. */
export function loadValues(edge: Pick<Edge, "gauges" | "shed">, load: Pick<LoadWatch, "delayMs">): Values {
  const values: Values = { ...edge.gauges(), event_loop_delay_seconds: load.delayMs / 1000 };
  for (const [reason, count] of Object.entries(edge.shed())) values[watchedKey("shed_total", reason)] = count;
  return values;
}

/** The changes of models that were found. */
export function changeValues(performance: Pick<PerformanceWatch, "counts">): Values {
  const values: Values = {};
  for (const [names, count] of performance.counts()) values[watchedKey("model_changes_total", ...names.split("\n"))] = count;
  return values;
}

/** The requests that limits have refused. */
export function limitValues(limits: Pick<Limits, "refusals">): Values {
  const values: Values = {};
  for (const { scope, kind, count } of limits.refusals()) values[watchedKey("limit_refused_total", scope, kind)] = count;
  return values;
}

/** More targets than this are not shown one by one: their names come from clients, as far as no provider lists them. */
const mostTargets = 1000;

/** The metrics of breakers and of keys that are left alone. Models that no provider names are `other`. */
export function targetValues(providers: readonly Provider[], targets: readonly KnownTarget[], nowMs: number): Values {
  const values: Values = {};
  const models = new Map(providers.map(({ name, models }) => [name, new Set(models)]));
  for (const { name, enabled, keys } of providers)
    if (enabled) for (const { id } of keys) values[watchedKey("key_cooldown_seconds", name, id)] = 0;
  let shown = 0;
  for (const { provider, model, keyId, state } of targets) {
    const known = models.get(provider);
    // It is no longer configured.
    if (known === undefined) continue;
    const label = known.has(model) && shown < mostTargets ? model : "other";
    shown += 1;
    raise(values, watchedKey("breaker_state", provider, label, keyId), breakerState(state, nowMs));
    raise(values, watchedKey("key_cooldown_seconds", provider, keyId), cooldownSeconds(state, nowMs));
  }
  return values;
}

function raise(values: Values, key: string, value: number): void {
  values[key] = Math.max(values[key] ?? 0, value);
}

function breakerState({ block, untilMs }: TargetState, nowMs: number): number {
  if (block !== "breaker") return 0;
  return nowMs < untilMs ? 2 : 1;
}

function cooldownSeconds({ block, untilMs }: TargetState, nowMs: number): number {
  if (block === undefined || block === "breaker") return 0;
  return Math.max(0, untilMs - nowMs) / 1000;
}

/** What is read of budgets is kept for this time, as scrapes may come often. */
const budgetsMs = 10_000;
/** The metrics do not wait longer for the database. */
const patienceMs = 500;

/** @returns a function that reads how full budgets are. Where `telemetry.labels` names neither users nor keys, the fullest budget of each kind alone. */
export function createBudgetValues(
  budgets: Pick<BudgetAdmin, "list">,
  telemetry: () => Pick<TelemetrySection, "labels" | "maxLabelValues">,
  clock: Clock,
): () => Promise<Values> {
  let known: Values = {};
  let knownUntilMs = -Infinity;
  let reading: Promise<void> | undefined;
  const read = async (): Promise<void> => {
    const states = await budgets.list();
    known = budgetValues(states, telemetry());
    knownUntilMs = clock.monotonic() + budgetsMs;
  };
  return async () => {
    if (clock.monotonic() < knownUntilMs) return known;
    reading ??= read().finally(() => {
      reading = undefined;
    });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, patienceMs);
    });
    // While the database is away, what was read last is shown.
    await Promise.race([reading.catch(() => undefined), late]);
    clearTimeout(timer);
    return known;
  };
}

type BudgetStates = Awaited<ReturnType<BudgetAdmin["list"]>>;

export function budgetValues(
  states: BudgetStates,
  { labels, maxLabelValues }: Pick<TelemetrySection, "labels" | "maxLabelValues">,
): Values {
  const values: Values = {};
  const full = states.flatMap(({ kind, subject, period, stop_usd: stop, spent_usd: spent, held_usd: held }) => {
    if (stop === null || Number(stop) <= 0) return [];
    return [{ kind, subject, period, ratio: (Number(spent) + Number(held)) / Number(stop) }];
  });
  let shown = 0;
  for (const { kind, subject, period, ratio } of full.toSorted((one, other) => other.ratio - one.ratio)) {
    // Users and keys are labels only where configured; tags, models and providers are those that an admin has named.
    const isLabel = (kind !== "user" && kind !== "key") || labels.includes(kind);
    const isShown = isLabel && shown < maxLabelValues;
    if (isShown) shown += 1;
    raise(values, watchedKey("budget_used_ratio", kind, period, isShown ? subject : "other"), ratio);
  }
  return values;
}
