import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { announcementsOver } from "../e2e/both-ways.ts";
import { providerKeys, startGateway, withMockUpstream, type TestGateway } from "../e2e/harness.ts";
import { createMockUpstream, type MockUpstream } from "../testbed/mock-upstream.ts";
import type { PostgresServer } from "../testbed/postgres-server.ts";
import { migratedPostgresUrl } from "../testbed/migrated-postgres.ts";
import { sharedPostgres, withoutPostgres } from "../testbed/shared-postgres.ts";
import { waitUntil } from "../testbed/wait-until.ts";
import { ask, asksRefused, asksServed, endOfBackground, refusals, type Keys, type Outcome } from "./postgres-away.ts";

const skip = withoutPostgres;
/** A request waits at most a second for the database; the rest is for a busy machine. */
const quickMs = 3000;
const prices = `
prices:
${["gpt-mock", "claude-mock", "gemini-mock"].map((model) => `  ${model}: { input: "0", output: "100000" }`).join("\n")}
`;

describe("a database that goes away", { skip }, () => {
  let postgres: PostgresServer;
  let database: string;
  let mock: MockUpstream;
  let gateway: TestGateway;
  let known: string;
  before(async () => {
    postgres = await sharedPostgres();
    const url = await migratedPostgresUrl();
    database = url.slice(url.lastIndexOf("/") + 1);
    mock = await createMockUpstream({ apiKeys: Object.values(providerKeys) });
    const config = `database: { type: postgresql, url: "${url}", pool: 4 }\n${withMockUpstream(mock.url, prices)}`;
    gateway = await startGateway({ config });
    await announcementsOver(mock, Object.keys(providerKeys).length);
    known = (await gateway.createKey("alice")).key;
  });
  after(async () => {
    await gateway.stop();
    await mock.close();
  });

  async function makeKeys(): Promise<Keys> {
    const { key: budgeted, user } = await gateway.createKey();
    const body = JSON.stringify({ user: user.id, period: "total", stop_usd: "1000" });
    const set = await fetch(`${gateway.url}/api/v1/budgets`, {
      method: "POST",
      headers: { authorization: `Bearer ${gateway.adminKey}` },
      body,
    });
    assert.equal(set.status, 200);
    await waitUntil("the key is known, and its budget is", async () => {
      const principal = gateway.gateway.accounts.authenticate(budgeted);
      if (principal instanceof Promise) await principal;
      else return principal !== undefined && gateway.gateway.budgets.of(principal) !== undefined;
    });
    return { known, fresh: (await gateway.createKey()).key, budgeted };
  }

  async function answer(all: readonly Promise<Outcome>[]): Promise<Outcome[]> {
    const outcomes = await Promise.all(all);
    for (const { name, tookMs } of outcomes) assert.ok(tookMs < quickMs, `${name}: ${Math.round(tookMs)} ms`);
    return outcomes;
  }

  for (const how of ["frozen", "stopped"] as const) {
    test(
      `while PostgreSQL is ${how} each request is served, or refused at once in its dialect; then all rows are there once`,
      { skip },
      async () => {
        const keys = await makeKeys();
        const stored = await ask(gateway.url, {
          name: "stored",
          path: "/v1/responses",
          key: known,
          body: { model: "claude-mock", input: "hi" },
        });
        const used = await ask(gateway.url, {
          name: "used",
          path: "/v1/responses",
          key: keys.budgeted,
          body: { model: "claude-mock", input: "hi" },
        });
        await gateway.gateway.ledger.flush();
        await postgres[how === "frozen" ? "freeze" : "down"]();
        let outcomes: Outcome[];
        try {
          const { id } = JSON.parse(stored.body) as { id: string };
          outcomes = await answer([...asksServed(known), ...asksRefused(keys, id)].map((one) => ask(gateway.url, one)));
          const { id: made } = JSON.parse(outcomes.find(({ name }) => name === "response in the background")!.body) as { id: string };
          assert.equal(await endOfBackground(gateway.url, known, made), "completed");
          outcomes.push(
            ...(await answer([
              ask(gateway.url, { name: "read from memory", method: "GET", path: `/v1/responses/${made}`, key: known }),
              ask(gateway.url, {
                name: "continued from memory",
                path: "/v1/responses",
                key: known,
                body: { model: "claude-mock", input: "and?", previous_response_id: made },
              }),
            ])),
          );
        } finally {
          if (how === "frozen") postgres.thaw();
          else await postgres.up();
        }
        const errors = Object.fromEntries(outcomes.filter(({ error }) => error !== undefined).map(({ name, error }) => [name, error]));
        assert.deepEqual(errors, refusals());
        await gateway.gateway.ledger.flush();
        const rows = await postgres.run(database, "select request_id, status from usage_entries");
        const statusOf = new Map(rows.map((row) => [row["request_id"], row["status"]]));
        assert.equal(statusOf.size, rows.length);
        const wrong = [stored, used, ...outcomes].filter(
          ({ name, requestId, status }) => statusOf.get(requestId) !== expectedRow(name, status),
        );
        assert.deepEqual(
          wrong.map(({ name, requestId }) => [name, statusOf.get(requestId)]),
          [],
        );
        await waitUntil("no budget holds anything", async () => {
          const [sum] = await postgres.run(
            database,
            "select count(*) as holds, (select sum(held_nano_usd) from budget_periods) as held from budget_holds",
          );
          return sum!["holds"] === "0" && sum!["held"] === "0";
        });
      },
    );
  }
});

/** A request whose key was not checked has no row, nor has a stored response that was read. */
function expectedRow(name: string, status: number): string | undefined {
  if (status !== 200) return name.endsWith("with a new key") ? undefined : "refused";
  return name === "read from memory" ? undefined : "ok";
}
