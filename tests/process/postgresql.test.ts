import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { sharedPostgres, withoutPostgres } from "../testbed/shared-postgres.ts";
import { startPair, type GatewayPair } from "./postgres-pair.ts";
import { endBy } from "./processes.ts";
import { waitUntil } from "../testbed/wait-until.ts";

/** Two daemons with homes of their own on one database, for this file. */
const skip = withoutPostgres;
let pair: GatewayPair;
before(async () => {
  if (skip === false) pair = await startPair(await sharedPostgres());
});
after(() => pair?.clear());

test("two that start at once on an empty database make one admin, whose key both take", { skip }, async () => {
  assert.equal(pair.daemons.filter(({ api_key: apiKey }) => apiKey !== null).length, 1);
  assert.deepEqual([await pair.ask(0), await pair.ask(1)], [200, 200]);
});

test("the configuration is shown without the password, and health shows the database", { skip }, async () => {
  const { postgres, database, homes } = pair;
  const { database: shown } = (await pair.get(0, "/api/v1/config")) as { database: unknown };
  assert.deepEqual(shown, {
    type: "postgresql",
    path: homes[0]!.database,
    url: `postgres://${postgres.username}:[secret]@127.0.0.1:${postgres.port}/${database}`,
    pool: 4,
    tls: false,
  });
  const { dependencies } = (await pair.get(0, "/health")) as { dependencies: { name: string; state: string }[] };
  assert.equal(dependencies.find(({ name }) => name === "database")?.state, "up");
});

test("a key made at one works at the other, and is refused there within a second of being revoked", { skip }, async () => {
  const [home] = pair.homes;
  const made = await home!.tokligence("apikey", "create", "admin", "--json");
  assert.equal(made.code, 0, made.stderr);
  const other = JSON.parse(made.stdout) as { id: string; key: string };
  assert.equal(await pair.ask(1, { key: other.key }), 200);
  assert.equal((await home!.tokligence("apikey", "revoke", other.id)).code, 0);
  await waitUntil("the key is refused", async () => (await pair.ask(1, { key: other.key })) === 401, 1000);
});

test(
  "the database is restarted under load, in order and as in a crash: no client sees it, and no entry is lost or there twice",
  { skip },
  async () => {
    for (const how of ["fast", "immediate"] as const) assert.deepEqual(await pair.restartUnderLoad(how), { [200]: true });
    assert.deepEqual(await pair.entries(), pair.answered.toSorted());
  },
);

test("no log has the password", { skip }, async () => {
  const { postgres, database, homes } = pair;
  for (const home of homes) {
    const log = await home.log();
    assert.match(log, new RegExp(`"database":"${database} on 127\\.0\\.0\\.1:${postgres.port}"`));
    for (const text of [postgres.password, encodeURIComponent(postgres.password)]) assert.ok(!log.includes(text));
  }
});

test("what both serve is in one ledger, each request once, and a command without a daemon reads it too", { skip }, async () => {
  const statuses = await Promise.all(
    Array.from({ length: 40 }, (_, i) => pair.ask(i % 2, { model: i % 3 === 0 ? "gpt-mock" : "loopback" })),
  );
  assert.deepEqual([...new Set(statuses)], [200]);
  const ended = await endBy(pair.daemons[1]!, "SIGTERM");
  assert.deepEqual([ended.code, ended.stderr], [0, ""]);
  const entries = await pair.entries();
  assert.deepEqual(entries, pair.answered.toSorted());
  const usage = await pair.homes[1]!.tokligence("usage", "--json");
  assert.equal(usage.code, 0, usage.stderr);
  assert.equal((JSON.parse(usage.stdout) as { totals: { requests: number } }).totals.requests, entries.length);
});
