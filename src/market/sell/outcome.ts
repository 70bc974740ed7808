import type { CloseRecord } from "../../ledger/index.ts";
import type { SaleOutcome } from "./served-lease.ts";

/** The ledger's record of the last attempt of a sale. */
export type LastRecord = CloseRecord;

const statusOf = { ok: "done", cancelled: "cancelled", interrupted: "interrupted", error: "failed", refused: "failed" } as const;
const mostTokens = 1_000_000_000;

/** What the receipt of a sale says, from the ledger's record; without one, nothing was served. */
export function outcomeOf(
  record: LastRecord | undefined,
  { requestId, answer }: { readonly requestId: string; readonly answer: string },
): SaleOutcome {
  const { input = 0, output = 0, cacheRead = 0, reasoning = 0 } = record?.usage ?? {};
  const whole = { input: bounded(input, mostTokens), output: bounded(output, mostTokens) };
  return {
    requestId,
    status: record === undefined ? "failed" : statusOf[record.status],
    usage: { ...whole, cache_read: bounded(cacheRead, whole.input), reasoning: bounded(reasoning, whole.output) },
    usageSource: record?.usageSource === "reported" ? "engine" : "estimate",
    finish: plain(record?.stopReason ?? "", 32),
    model: plain(record?.modelServed ?? "", 128) || "unknown",
    ttftMs: bounded(record?.ttftMs ?? 0, mostTokens),
    durationMs: bounded(record?.durationMs ?? 0, mostTokens),
    answer,
  };
}

function bounded(value: number, most: number): number {
  return Math.max(0, Math.min(most, Math.round(value)));
}

/** Text that a document may contain. */
function plain(text: string, most: number): string {
  return text
    .toWellFormed()
    .replaceAll(/\p{Cc}/gu, "")
    .slice(0, most)
    .toWellFormed();
}
