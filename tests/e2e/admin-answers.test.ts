import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createAdminClient, adminContracts, type AdminClient } from "../../src/server/index.ts";
import { assertAnswer } from "./assert-answer.ts";
import { startGateway, type TestGateway } from "./harness.ts";

let gateway: TestGateway;
let call: AdminClient;

async function send(method: string, target: string, body?: unknown): Promise<unknown> {
  const reply = await fetch(`${gateway.url}${target}`, {
    method,
    headers: { authorization: `Bearer ${gateway.adminKey}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await reply.text();
  assert.ok(reply.ok, `${method} ${target}: ${text}`);
  return JSON.parse(text);
}

before(async () => {
  gateway = await startGateway({ config: "ledger: { bodies: { enabled: true } }\n" });
  call = createAdminClient(send);
});
after(() => gateway.stop());

test("what every operation answers is what its contract says", async () => {
  const answers: [string, unknown][] = [];
  const note = <T>(name: string, answer: T): T => {
    answers.push([name, answer]);
    return answer;
  };
  const user = note("users.create", await call("users.create", { body: { username: "carol", email: "c@example.com" } }));
  const key = note(
    "keys.create",
    await call("keys.create", { body: { user: "carol", name: "laptop", models: ["loopback*"], expires: "1h" } }),
  );
  note("budgets.set", await call("budgets.set", { body: { user: "carol", period: "day", stop_usd: "5" } }));
  const own = note("me.keys.create", await call("me.keys.create", { body: {} }));
  const asked = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${key.key}`, "x-tokligence-tags": "team:a" },
    body: JSON.stringify({ model: "loopback", messages: [{ role: "user", content: "hi" }] }),
  });
  assert.equal(asked.status, 200);
  const requestId = asked.headers.get("x-request-id")!;
  await gateway.rows();
  note("users.list", await call("users.list"));
  note("users.get", await call("users.get", { param: user.id }));
  note("users.update", await call("users.update", { param: "carol", body: { email: null } }));
  note("users.disable", await call("users.disable", { param: "carol" }));
  note("users.enable", await call("users.enable", { param: user.id }));
  note("keys.list", await call("keys.list"));
  note("me.get", await call("me.get"));
  note("me.keys.list", await call("me.keys.list"));
  const budgets = note("budgets.list", await call("budgets.list", { query: { user: "carol" } }));
  note("me.budgets.list", await call("me.budgets.list"));
  note("usage.report", await call("usage.report", { query: { group_by: "user,model,day" } }));
  const { entries } = note("usage.entries", await call("usage.entries"));
  assert.deepEqual(
    entries.map((entry) => entry.request_id),
    [requestId],
  );
  note("me.usage.report", await call("me.usage.report"));
  note("me.usage.entries", await call("me.usage.entries"));
  note("usage.bodies", await call("usage.bodies", { param: requestId }));
  note("models.list", await call("models.list"));
  note("routes.list", await call("routes.list"));
  note("routes.explain", await call("routes.explain", { query: { model: "loopback" } }));
  note("config.get", await call("config.get"));
  note("ledger.status", await call("ledger.status"));
  note("prices.sources", await call("prices.sources"));
  note("prices.show", await call("prices.show", { query: { model: "loopback" } }));
  note("prices.check", await call("prices.check"));
  note("ledger.reprice", await call("ledger.reprice", { body: { from: "1d", dry_run: true } }));
  note("alerts.test", await call("alerts.test"));
  note("status.get", await call("status.get"));
  note("health.get", await call("health.get"));
  note("limits.set", await call("limits.set", { body: { subject: key.id, requests_per_minute: 600 } }));
  note("limits.list", await call("limits.list"));
  note("me.limits.list", await call("me.limits.list"));
  note("limits.remove", await call("limits.remove", { query: { subject: key.id } }));
  note("budgets.remove", await call("budgets.remove", { param: budgets.data[0]!.id }));
  note("keys.update", await call("keys.update", { param: key.id, body: { market: "off" } }));
  note("keys.disable", await call("keys.disable", { param: key.id }));
  note("keys.enable", await call("keys.enable", { param: key.id }));
  note("keys.rotate", await call("keys.rotate", { param: key.id, body: { overlap: "1h" } }));
  note("performance.list", await call("performance.list"));
  note("me.keys.revoke", await call("me.keys.revoke", { param: own.id }));
  note("keys.revoke", await call("keys.revoke", { param: key.id }));
  note("users.erase", await call("users.erase", { param: user.id }));
  note("secrets.rotate", await call("secrets.rotate", { body: {} }));
  note("audit.list", await call("audit.list"));
  note("audit.verify", await call("audit.verify"));
  await noteEntries(answers);
  for (const [name, answer] of answers) assertAnswer(name, answer);
  // A reload needs a file; the stop and the restart are of the control socket; those of market and exchange need other gateways (market-friends.test.ts, market-exchange.test.ts); those of sessions need a browser's cookie (sessions.test.ts); a history needs rows that were counted.
  const isNoted = (name: string): boolean => answers.some(([noted]) => noted === name);
  const left = Object.keys(adminContracts).filter((name) => !isNoted(name) && !/^(?:market|exchange)\.|^(?:me\.)?sessions?\./.test(name));
  assert.deepEqual(left, ["config.reload", "daemon.restart", "daemon.stop", "audit.prove", "audit.export", "performance.history"]);
});

/** Calls operations that show one entry of a list, as `users.get` does, with the first entry of that list, so that a new one needs no line above. */
async function noteEntries(answers: [string, unknown][]): Promise<void> {
  const noted = new Map(answers);
  for (const [name, { method, path }] of Object.entries(adminContracts)) {
    const list = noted.get(name.replace(/\.get$/, ".list")) as { readonly data?: readonly { readonly id: string }[] } | undefined;
    const first = list?.data?.[0];
    if (first === undefined || noted.has(name) || !path.endsWith("/{id}") || method !== "GET") continue;
    answers.push([name, await send(method, path.replace("{id}", first.id))]);
  }
}
