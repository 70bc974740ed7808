import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import { Secret, silentLogger, type Logger } from "../core/index.ts";
import { createSqliteStore, type Store } from "../store/index.ts";
import { createAlerts, type Alerts, type AlertSender } from "./alerts.ts";
import type { AlertEvent } from "./alert-event.ts";
import type { AlertsSection, WebhookSettings } from "./section.ts";
import { writeWebhook } from "./webhook-message.ts";

const nowMs = Date.UTC(2026, 10, 28, 12);
const clock = { now: () => nowMs, monotonic: () => nowMs };
const event: AlertEvent = {
  kind: "budget_stopped",
  subject: "tag:team:search",
  period: "bgt_1 0",
  severity: "critical",
  message: "The budget of tag:team:search <is> used up.",
  details: { spent_usd: "20", note: null },
};
const hook = (name: string, more: Partial<WebhookSettings> = {}): WebhookSettings => ({
  name,
  url: new Secret(`https://hooks.example/${name}`),
  format: "json",
  secret: undefined,
  events: undefined,
  ...more,
});
const email = {
  to: ["a@example.org"],
  from: "g@example.org",
  host: "smtp",
  port: 25,
  username: undefined,
  password: undefined,
  tls: "off",
} as const;
const settings = (more: Partial<AlertsSection>): AlertsSection => ({
  webhooks: [],
  email: undefined,
  spendFactor: 3,
  spendLeastUsd: 10,
  ledgerLagMs: 60_000,
  ...more,
});

interface World {
  readonly alerts: Alerts;
  readonly sent: string[];
  readonly waits: number[];
  readonly log: string[];
}

/** @param statuses of the webhooks' answers, one after the other; then 200. */
function worldOf(store: Store, section: AlertsSection, statuses: (number | Error)[] = []): World {
  const [sent, waits, log]: [string[], number[], string[]] = [[], [], []];
  const note = (level: string) => (fields: object, message: string) => void log.push(`${level} ${message} ${JSON.stringify(fields)}`);
  const logger: Logger = { ...silentLogger, warn: note("warn"), error: note("error") };
  const sender: AlertSender = {
    post(name, url) {
      const status = statuses.shift() ?? 200;
      sent.push(`${name} ${url} ${String(status)}`);
      return status instanceof Error ? Promise.reject(status) : Promise.resolve(status);
    },
    mail: (_settings, subject) => Promise.resolve(void sent.push(subject)),
  };
  const alerts = createAlerts({
    store,
    settings: () => section,
    sender,
    clock,
    logger,
    schedule: (ms, run) => {
      waits.push(ms);
      setImmediate(run);
      return () => undefined;
    },
  });
  return { alerts, sent, waits, log };
}

async function withStore(body: (store: Store) => Promise<void>): Promise<void> {
  const store = await createSqliteStore({ path: ":memory:", clock });
  try {
    await body(store);
  } finally {
    await store.close();
  }
}

test("an event is logged and sent once, by one of all processes, to the channels that want it", () =>
  withStore(async (store) => {
    const section = settings({ webhooks: [hook("all"), hook("prices", { events: ["unpriced_model"] })], email });
    const [one, two] = [worldOf(store, section), worldOf(store, section)];
    for (const { alerts } of [one, two, one]) {
      alerts.raise(event);
      alerts.raise(event);
    }
    await Promise.all([one.alerts.flush(), two.alerts.flush()]);
    const all = [...one.sent, ...two.sent].toSorted();
    assert.deepEqual(all, ["[tokligence] budget stopped: tag:team:search", "alerts.webhooks.all https://hooks.example/all 200"]);
    assert.deepEqual(
      [...one.log, ...two.log],
      [
        'warn The budget of tag:team:search <is> used up. {"alert":"budget_stopped","subject":"tag:team:search","severity":"critical","spent_usd":"20","note":null}',
      ],
    );
    one.alerts.raise({ ...event, period: "bgt_1 1" });
    await one.alerts.flush();
    assert.equal(one.sent.length + two.sent.length, 4);
  }));

test("a message is sent again after longer and longer waits, unless the webhook refuses it, and the log never has its URL", () =>
  withStore(async (store) => {
    const section = settings({ webhooks: [hook("ops")] });
    const flaky = worldOf(store, section, [503, new Error("connection refused"), 429]);
    flaky.alerts.raise(event);
    await flaky.alerts.flush();
    assert.deepEqual(
      [flaky.sent.map((line) => line.split(" ").at(-1)), flaky.waits],
      [
        ["503", "refused", "429", "200"],
        [1000, 5000, 30_000],
      ],
    );
    const gone = worldOf(store, section, [404]);
    gone.alerts.raise({ ...event, period: "x" });
    await gone.alerts.flush();
    assert.deepEqual([gone.sent.length, gone.waits], [1, []]);
    const down = worldOf(
      store,
      section,
      Array.from({ length: 9 }, () => 500),
    );
    down.alerts.raise({ ...event, period: "y" });
    await down.alerts.flush();
    assert.deepEqual([down.sent.length, down.waits.length], [6, 5]);
    const failed = [...gone.log, ...down.log].filter((line) => line.startsWith("error"));
    assert.deepEqual(failed, [
      'error an alert could not be sent {"alert":"budget_stopped","channel":"webhook ops","error":"the webhook answered 404"}',
      'error an alert could not be sent {"alert":"budget_stopped","channel":"webhook ops","error":"the webhook answered 500"}',
    ]);
  }));

test("a test message goes to every channel at once, and says what failed", () =>
  withStore(async (store) => {
    const { alerts } = worldOf(store, settings({ webhooks: [hook("a", { events: ["ledger_lag"] }), hook("b")], email }), [200, 410]);
    assert.deepEqual(await alerts.test(), [
      { channel: "webhook a", delivered: true, error: null },
      { channel: "webhook b", delivered: false, error: "the webhook answered 410" },
      { channel: "email", delivered: true, error: null },
    ]);
    assert.deepEqual(await worldOf(store, settings({})).alerts.test(), []);
  }));

test("a webhook's body is signed with its time; Slack and Discord get their own shapes", () => {
  const secret = new Secret("0123456789abcdef");
  const { headers, body } = writeWebhook(event, hook("x", { secret }), nowMs);
  const { details, message, severity, subject } = event;
  assert.deepEqual(JSON.parse(body), { event: event.kind, severity, subject, message, time: "2026-11-28T12:00:00.000Z", details });
  const signature = createHmac("sha256", "0123456789abcdef")
    .update(`${nowMs / 1000}.${body}`)
    .digest("hex");
  assert.deepEqual(headers, {
    "content-type": "application/json",
    "x-tokligence-event": "budget_stopped",
    "x-tokligence-timestamp": String(nowMs / 1000),
    "x-tokligence-signature": `sha256=${signature}`,
  });
  assert.equal(
    writeWebhook(event, hook("x", { format: "slack" }), nowMs).body,
    '{"text":"The budget of tag:team:search &lt;is&gt; used up.\\nspent_usd: 20"}',
  );
  assert.deepEqual(JSON.parse(writeWebhook({ ...event, message: "x".repeat(3000) }, hook("x", { format: "discord" }), nowMs).body), {
    content: "x".repeat(2000),
    allowed_mentions: { parse: [] },
  });
});
