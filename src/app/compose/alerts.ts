import { createAlerts, findUnusualSpend, type AlertEvent, type Alerts, type AlertsSection } from "../../alerts/index.ts";
import { createPeriodic, messageOf, type Clock, type Logger, type PeriodicTask, type TimeZone } from "../../core/index.ts";
import {
  changeSentence,
  formatUsd,
  subjectOfChange,
  type BudgetCrossing,
  type LedgerService,
  type ModelChange,
} from "../../ledger/index.ts";
import type { Store } from "../../store/index.ts";
import { postHook, sendMail } from "../../upstream/index.ts";

export interface AlertsParts {
  readonly store: Pick<Store, "db">;
  readonly settings: () => AlertsSection;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Alerts that go out over the program's way to the network. */
export function composeAlerts({ store, settings, clock, logger }: AlertsParts): Alerts {
  return createAlerts({
    store,
    settings,
    clock,
    logger,
    sender: {
      post: (name, url, headers, body) => postHook({ clock, logger, proxyEnv: process.env }, { name, url, headers, body }),
      mail: ({ to, from, host, port, username, password, tls }, subject, text) =>
        sendMail({ host, port, username, password: password?.reveal(), tls }, { to, from, subject, text }),
    },
  });
}

/** A budget has reached its warning or its stop. */
export function crossingEvent({ budget, limit, limitNanoUsd, spentNanoUsd, startMs, subject }: BudgetCrossing): AlertEvent {
  const { id, period, subject: kind, subjectId } = budget;
  const isStop = limit === "stop";
  const spent = formatUsd(spentNanoUsd);
  const usd = formatUsd(limitNanoUsd);
  return {
    kind: isStop ? "budget_stopped" : "budget_warned",
    subject,
    // A limit that is changed is another one.
    period: `${id} ${startMs} ${limitNanoUsd}`,
    severity: isStop ? "critical" : "warning",
    message: isStop
      ? `The budget of ${subject} (${period}) is used up: ${spent} of ${usd} US dollars. Its requests are refused.`
      : `The budget of ${subject} (${period}) has reached its warning: ${spent} US dollars, warning at ${usd}.`,
    details: {
      budget: id,
      ...(kind === "user" || kind === "key" ? { [kind]: subjectId } : {}),
      period,
      spent_usd: spent,
      [`${limit}_usd`]: usd,
    },
  };
}

/** A model without a price was used; once a day. */
export function unpricedEvent(provider: string, model: string, dayMs: number): AlertEvent {
  return {
    kind: "unpriced_model",
    subject: `${provider}/${model}`,
    period: String(dayMs),
    severity: "warning",
    message: `No price is known for ${provider}/${model}: its cost is recorded as unknown. Set one under prices; \`tokligence prices check\` lists all such models.`,
    details: { provider, model },
  };
}

/** A model does something else than in earlier weeks. */
export function modelChangedEvent(change: ModelChange): AlertEvent {
  const { provider, model, region, before, after, sinceMs, windowHours, p } = change;
  return {
    kind: "model_changed",
    subject: `${provider}/${model}${region === "" ? "" : ` (${region})`}`,
    period: `${subjectOfChange(change)} ${change.foundMs}`,
    severity: "warning",
    message: changeSentence(change),
    details: { measure: subjectOfChange(change), before, after, since: new Date(sinceMs).toISOString(), window_hours: windowHours, p },
  };
}

const hourMs = 3_600_000;

function lagEvent(lagMs: number, nowMs: number): AlertEvent {
  const seconds = Math.round(lagMs / 1000);
  return {
    kind: "ledger_lag",
    subject: "ledger",
    period: String(Math.floor(nowMs / hourMs)),
    severity: "critical",
    message: `Entries of the ledger wait for the database since ${seconds} s. They are in the journal, and nothing is lost; \`tokligence ledger status\` shows more.`,
    details: { lag_seconds: seconds },
  };
}

export interface AlertWatchDeps extends AlertsParts {
  readonly alerts: Alerts;
  readonly ledger: Pick<LedgerService, "status">;
  readonly timeZone: () => TimeZone;
  /** This process looks for what concerns the whole database. */
  readonly isPrimary: () => boolean;
}

const everyMs = 30_000;
/** Spend is looked at in every tenth turn. */
const turnsPerLook = 10;

/** Looks for what no entry reports by itself: a late ledger, and unusual spend. */
export function createAlertWatch(deps: AlertWatchDeps): PeriodicTask {
  const { alerts, ledger, settings, clock, logger, isPrimary } = deps;
  let turn = 0;
  const watch = createPeriodic({
    everyMs,
    run: async () => {
      const { lagMs } = ledger.status();
      if (lagMs >= settings().ledgerLagMs) alerts.raise(lagEvent(lagMs, clock.now()));
      if (!isPrimary() || turn++ % turnsPerLook !== 0) return;
      const unusual = await findUnusualSpend(deps);
      if (unusual !== undefined) alerts.raise(unusual);
    },
    onError: (error) => logger.warn({ error: messageOf(error) }, "spend could not be compared with that of earlier weeks"),
  });
  watch.start();
  return watch;
}
