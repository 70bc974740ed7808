import assert from "node:assert/strict";
import { test } from "node:test";
import type { AlertEvent } from "../../alerts/index.ts";
import { silentLogger, utcZone } from "../../core/index.ts";
import { createAlertWatch, type AlertWatchDeps } from "./alerts.ts";

const startMs = Date.UTC(2026, 10, 28, 12);

test("an alert says that entries wait for the database, once they have waited as long as configured, in every process and anew each hour", async () => {
  const raised: AlertEvent[] = [];
  let lagMs = 0;
  let nowMs = startMs;
  const watch = createAlertWatch({
    // Spend is the primary's to look at.
    store: { db: undefined as never },
    isPrimary: () => false,
    settings: () => ({ ledgerLagMs: 60_000 }) as ReturnType<AlertWatchDeps["settings"]>,
    ledger: { status: () => ({ lagMs }) as ReturnType<AlertWatchDeps["ledger"]["status"]> },
    clock: { now: () => nowMs, monotonic: () => 0 },
    logger: silentLogger,
    timeZone: () => utcZone,
    alerts: {
      raise: (event) => void raised.push(event),
      test: () => Promise.resolve([]),
      flush: () => Promise.resolve(),
      close: () => undefined,
    },
  });
  try {
    for (const [lag, now] of [
      [0, startMs],
      [59_999, startMs],
      [60_000, startMs],
      [90_400, startMs + 3_600_000],
    ] as const) {
      [lagMs, nowMs] = [lag, now];
      await watch.runNow();
    }
  } finally {
    await watch.stop();
  }
  const event = (seconds: number, hours: number): AlertEvent => ({
    kind: "ledger_lag",
    subject: "ledger",
    period: String(startMs / 3_600_000 + hours),
    severity: "critical",
    message: `Entries of the ledger wait for the database since ${seconds} s. They are in the journal, and nothing is lost; \`tokligence ledger status\` shows more.`,
    details: { lag_seconds: seconds },
  });
  assert.deepEqual(raised, [event(60, 0), event(90, 1)]);
});
