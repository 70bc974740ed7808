import type { Kysely } from "kysely";
import {
  createBoundedCache,
  createSubjectIndex,
  printSubject,
  readTags,
  type Logger,
  type Subject,
  type TimeZone,
} from "../../core/index.ts";
import { readKeyAncestors, type Tables } from "../../store/index.ts";
import { chargeOfRow, type RowCharging } from "./budget-ceiling.ts";
import { periodStart } from "./budget-period.ts";
import { PeriodChanges, type PeriodChange, releasing, takeReservations, writeChanges } from "./budget-periods.ts";
import type { Budget, CeilingRates } from "./budget-types.ts";
import { readCountingBudgets, subjectOf } from "./budget-rows.ts";
import { createBudgetZones } from "./budget-zones.ts";
import { formatUsd } from "../money.ts";
import type { IngestStep } from "../entries/sink.ts";
import type { UsageRow } from "../entries/usage-row.ts";

export interface BudgetSettlementDeps {
  readonly ceiling: () => CeilingRates;
  readonly timeZone: () => TimeZone;
  readonly highestCost?: RowCharging["highestCost"];
  readonly isAlias?: RowCharging["isAlias"];
  readonly logger: Logger;
  /** The name of a budget's user or key, as people know it; as commands take it if omitted. */
  readonly readName?: (db: Kysely<Tables>, subject: Subject) => Promise<string>;
  /** Called when a row brings a budget to its warning or its stop. */
  readonly onCrossing?: (crossing: BudgetCrossing) => void;
}

/** A budget has reached a limit. */
export interface BudgetCrossing {
  readonly budget: Budget;
  /** The name of the user or key; else as commands take it. */
  readonly subject: string;
  readonly limit: "warn" | "stop";
  readonly limitNanoUsd: bigint;
  readonly spentNanoUsd: bigint;
  /** The beginning of the budget's period. */
  readonly startMs: number;
}

/**
 * The step of ingestion that moves the cost of requests from reserved to spent, in the transaction that inserts their rows. So this happens exactly
 * once, whenever and in whichever process the rows are ingested.
 */
export function createBudgetSettlement(deps: BudgetSettlementDeps): IngestStep {
  const { ceiling, timeZone, highestCost, isAlias } = deps;
  const lineage = createLineage();
  const zoneOf = createBudgetZones(timeZone);
  return async (transaction, newRows) => {
    const ancestors = await lineage(transaction, newRows);
    const budgets = await readCountingBudgets(transaction, [...namesOf(newRows, ancestors)]);
    if (budgets.length === 0) return;
    const index = createSubjectIndex(budgets, subjectOf);
    const budgetsOf = (row: UsageRow): readonly Budget[] => {
      const ofCaller = index.ofCaller({
        userId: row.user_id,
        keyId: row.key_id,
        ancestorIds: ancestors.get(row.key_id),
        boundTags: boundTagsOf(row),
      });
      const ofTarget = index.ofTarget({
        provider: row.provider,
        upstreamModel: row.upstream_model ?? row.model_asked,
        alias: isAlias?.(row.model_asked) === true ? row.model_asked : undefined,
      });
      return ofTarget === undefined ? (ofCaller ?? noBudgets) : [...(ofCaller ?? noBudgets), ...ofTarget];
    };
    const ended = newRows.filter((row) => endsRequest(row) && budgetsOf(row).length > 0);
    const holds = await takeReservations(transaction, [...new Set(ended.map((row) => row.request_id))]);
    const reserved = new Map(holds.map((hold) => [`${hold.request_id} ${hold.budget_id}`, hold.amount_nano_usd]));
    const changes = releasing(holds, new PeriodChanges());
    for (const row of newRows) {
      for (const budget of budgetsOf(row)) {
        const charge = chargeOfRow(row, { ceiling: ceiling(), highestCost }) ?? reserved.get(`${row.request_id} ${budget.id}`) ?? 0n;
        changes.add(budget.id, periodStart(budget.period, row.time_ms, zoneOf(budget)), charge, 0n);
      }
    }
    const spent = await writeChanges(transaction, changes);
    const byId = new Map(budgets.map((budget) => [budget.id, budget]));
    for (const [i, change] of changes.sorted().entries()) {
      const budget = byId.get(change.budgetId);
      const crossing = budget && findCrossing(budget, change, spent[i]!);
      if (crossing !== undefined) await reportCrossing(deps, transaction, crossing);
    }
  };
}

/** Few rows cross a limit, so the name is read then. */
async function reportCrossing(
  { logger, readName, onCrossing }: BudgetSettlementDeps,
  db: Kysely<Tables>,
  crossing: Omit<BudgetCrossing, "subject">,
): Promise<void> {
  logCrossing(logger, crossing);
  const subject = subjectOf(crossing.budget);
  onCrossing?.({ ...crossing, subject: (await readName?.(db, subject)) ?? printSubject(subject) });
}

/** The tags that an admin bound; `undefined` if there are none. */
function boundTagsOf({ tags, bound_tags: count }: UsageRow): readonly string[] | undefined {
  return count === null ? undefined : readTags(tags).slice(0, count);
}

const noBudgets: readonly Budget[] = [];

/** The users, keys and bound tags of rows, and the keys' ancestors. */
function namesOf(rows: readonly UsageRow[], ancestors: ReadonlyMap<string, readonly string[]>): ReadonlySet<string> {
  const subjects = new Set<string>();
  let last: UsageRow | undefined;
  for (const row of rows) {
    if (row.key_id !== last?.key_id || row.user_id !== last.user_id) {
      subjects.add(row.user_id).add(row.key_id);
      for (const id of ancestors.get(row.key_id) ?? []) subjects.add(id);
    }
    for (const tag of boundTagsOf(row) ?? []) subjects.add(tag);
    last = row;
  }
  return subjects;
}

/** The number of keys whose ancestors are kept in memory. */
const lineageSize = 10_000;

/** Finds the ancestors of the rows' keys. They never change, so each key is read once. */
function createLineage(): (transaction: Kysely<Tables>, rows: readonly UsageRow[]) => Promise<ReadonlyMap<string, readonly string[]>> {
  const known = createBoundedCache<readonly string[]>(lineageSize);
  return async (transaction, rows) => {
    const ancestors = new Map<string, readonly string[]>();
    const unknown: string[] = [];
    for (const keyId of new Set(rows.map((row) => row.key_id))) {
      const found = keyId === "" ? none : known.get(keyId);
      if (found === undefined) unknown.push(keyId);
      else ancestors.set(keyId, found);
    }
    const read = await readKeyAncestors(transaction, unknown);
    for (const keyId of unknown) {
      const found = read.get(keyId) ?? none;
      known.set(keyId, found);
      ancestors.set(keyId, found);
    }
    return ancestors;
  };
}

const none: readonly string[] = [];

/** The code of an attempt that was cancelled, as another one at the same time answered first. */
const hedgeLost = "hedge_lost";

/**
 * After an error another attempt of the request may follow, so the reservation stays until the process that serves the request releases it; and one that lost against
 * another attempt ends before that one. Every other status is final.
 */
function endsRequest(row: UsageRow): boolean {
  if (row.error_code === hedgeLost) return false;
  return row.status === "ok" || row.status === "cancelled" || row.status === "interrupted";
}

/** Found once for each period and limit, by the process that ingests the row that reaches it. @param after what is spent after the change. */
function findCrossing(budget: Budget, { startMs, spentNanoUsd }: PeriodChange, after: bigint): Omit<BudgetCrossing, "subject"> | undefined {
  const before = after - spentNanoUsd;
  const { warnNanoUsd, stopNanoUsd } = budget;
  const crosses = (limit: bigint | null): limit is bigint => limit !== null && before < limit && after >= limit;
  const found = { budget, spentNanoUsd: after, startMs };
  if (crosses(stopNanoUsd)) return { ...found, limit: "stop", limitNanoUsd: stopNanoUsd };
  return crosses(warnNanoUsd) ? { ...found, limit: "warn", limitNanoUsd: warnNanoUsd } : undefined;
}

function logCrossing(logger: Logger, { budget, limit, limitNanoUsd, spentNanoUsd }: Omit<BudgetCrossing, "subject">): void {
  const { id, subject, subjectId, period } = budget;
  logger.warn(
    { budget: id, [subject]: subjectId, period, spent_usd: formatUsd(spentNanoUsd), [`${limit}_usd`]: formatUsd(limitNanoUsd) },
    limit === "stop" ? "a budget is used up" : "a budget has reached its warning",
  );
}
