import assert from "node:assert/strict";
import { test } from "node:test";
import { startPair } from "../process/postgres-pair.ts";
import { startPgBouncer } from "../testbed/pgbouncer.ts";
import { sharedPostgres } from "../testbed/shared-postgres.ts";
import { waitUntil } from "../testbed/wait-until.ts";
import { writeFigures } from "./figures.ts";

/** Of both modes, for the figures. */
const answered: Record<string, number> = {};

for (const mode of ["session", "transaction"] as const) {
  test(`two gateways behind PgBouncer in ${mode} mode share users, keys and one ledger, also when the database is restarted under load`, async () => {
    const bouncer = await startPgBouncer(await sharedPostgres(), mode);
    try {
      const pair = await startPair(bouncer.server);
      try {
        assert.equal(pair.daemons.filter(({ api_key: key }) => key !== null).length, 1);
        const [home] = pair.homes;
        // Another user than that of the load below: requests that count in a budget are refused while the database is away.
        assert.equal((await home!.tokligence("user", "create", "alice")).code, 0);
        const made = await home!.tokligence("apikey", "create", "alice", "--json");
        assert.equal(made.code, 0, made.stderr);
        const other = JSON.parse(made.stdout) as { id: string; key: string };
        assert.equal(await pair.ask(1, { key: other.key }), 200);
        assert.equal((await home!.tokligence("budget", "set", "alice", "--stop", "1000")).code, 0);
        for (let round = 0; round < 20; round++) {
          const statuses = await Promise.all(
            Array.from({ length: 20 }, (_, i) => pair.ask(i % 2, { key: other.key, model: i % 3 === 0 ? "gpt-mock" : "loopback" })),
          );
          assert.deepEqual([...new Set(statuses)], [200]);
        }
        assert.equal((await home!.tokligence("apikey", "revoke", other.id)).code, 0);
        await waitUntil("the key is refused", async () => (await pair.ask(1, { key: other.key })) === 401, 5000);
        for (const how of ["fast", "immediate"] as const) assert.deepEqual(await pair.restartUnderLoad(how), { [200]: true });
        assert.deepEqual(await pair.entries(), pair.answered.toSorted());
        answered[mode] = pair.answered.length;
      } finally {
        await pair.clear();
      }
    } finally {
      await bouncer.close();
    }
  });
}

test("the figures of both modes are kept", () => {
  assert.deepEqual(Object.keys(answered), ["session", "transaction"]);
  writeFigures("pgbouncer", { restarts: 4, answered });
});
