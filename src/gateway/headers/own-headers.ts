import { formatUsd } from "../../ledger/index.ts";
import { describeFindings } from "../firewall/call-firewall.ts";
import { boundedHeader, headerSafe } from "./header-safe.ts";
import { addLimitHeaders } from "./limit-headers.ts";
import type { FailedTry } from "../observed-request.ts";
import type { CacheUse } from "../cache-use.ts";
import type { ModelCall } from "../model-call.ts";

/** Adds the headers of our own that are known when an answer's head goes out. Model names are made safe for a header. */
export function addOwnHeaders(call: ModelCall, headers: string[]): void {
  const { attempt, answer, entry, reservation } = call;
  if (attempt !== undefined) {
    headers.push("x-tokligence-provider", attempt.provider.name, "x-tokligence-model", boundedHeader(attempt.upstreamModel));
  }
  if (entry?.upstreamRequestId !== undefined) headers.push("x-tokligence-upstream-request-id", entry.upstreamRequestId);
  if (answer.losses.length > 0 || call.takenParams !== undefined) headers.push("x-tokligence-dropped-params", droppedParams(call));
  if (call.guarded !== undefined) headers.push("x-tokligence-duplicate-tool-calls", String(call.guarded.count));
  const found = call.firewall === undefined ? undefined : describeFindings(call.firewall.findings);
  if (found !== undefined) headers.push("x-tokligence-firewall", boundedHeader(found));
  if (call.cacheUse !== undefined) addCacheHeaders(call.cacheUse, headers);
  if (answer.isEstimated) headers.push("x-tokligence-estimated", "true");
  if (reservation?.outputLimit !== undefined) headers.push("x-tokligence-output-limit", String(reservation.outputLimit));
  if (reservation !== undefined && reservation.warnings.length > 0)
    headers.push("x-tokligence-budget-warning", boundedHeader(reservation.warnings.join(", ")));
  if (call.failures !== undefined)
    headers.push("x-tokligence-attempt-errors", boundedHeader(call.failures.map(describeFailure).join(", ")));
  if (call.limits !== undefined) addLimitHeaders(call, call.limits.buckets, headers);
  headers.push(
    "x-tokligence-attempts",
    String(call.attempts),
    "x-tokligence-overhead-ms",
    String(Math.round(call.overheadMs() * 100) / 100),
  );
}

function addCacheHeaders({ ageMs }: CacheUse, headers: string[]): void {
  headers.push("x-tokligence-cache", ageMs === undefined ? "miss" : "hit");
  if (ageMs !== undefined) headers.push("age", String(Math.floor(ageMs / 1000)));
}

/** `overloaded openai/gpt-5.5`. */
function describeFailure({ reason, provider, model }: FailedTry): string {
  return `${reason} ${provider}/${model}`;
}

/** Adds the cost of a settled attempt, where the model has a price. */
export function addCostHeader(call: ModelCall, headers: string[]): void {
  const cost = call.entry?.costNanoUsd;
  if (cost !== undefined) headers.push("x-tokligence-cost-usd", formatUsd(cost));
}

/** The names are few enough for a header, as `reportLosses` has seen to. */
function droppedParams({ answer: { losses, unnamedLosses }, takenParams = [] }: ModelCall): string {
  const names = [...takenParams, ...losses.map(({ param }) => headerSafe(param))].join(",");
  return unnamedLosses === undefined ? names : `${names},${unnamedLosses}`;
}
