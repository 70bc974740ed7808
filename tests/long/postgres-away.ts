import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { providerKeys, withMockUpstream } from "../e2e/harness.ts";
import { ask, asksRefused, asksServed, refusals, type Ask, type Keys, type Outcome } from "../faults/postgres-away.ts";
import { createHome, endBy, type Home, type RunningProcess } from "../process/processes.ts";
import { createMockUpstream, type MockUpstream } from "../testbed/mock-upstream.ts";
import type { PostgresServer } from "../testbed/postgres-server.ts";
import { sharedPostgres, withoutPostgres } from "../testbed/shared-postgres.ts";
import { waitUntil } from "../testbed/wait-until.ts";
import { writeFigures } from "./figures.ts";

/** How long the server is away each time. */
const awayMs = 12_000;
const clients = 12;
/** The gateway waits a second. This machine may be busy with other things. */
const quickMs = 3000;
const prices = `
prices:
${["gpt-mock", "claude-mock", "gemini-mock"].map((model) => `  ${model}: { input: "0", output: "1" }`).join("\n")}
`;

/** How it goes away; all but `frozen` come back by a start. */
const ways = {
  frozen: (postgres: PostgresServer) => postgres.freeze(),
  stopped: (postgres: PostgresServer) => postgres.down("fast"),
  killed: (postgres: PostgresServer) => postgres.down("immediate"),
} as const;
type Way = keyof typeof ways;

describe("PostgreSQL goes away under load", { skip: withoutPostgres }, () => {
  let postgres: PostgresServer;
  let mock: MockUpstream;
  let home: Home;
  let daemon: RunningProcess;
  let admin: string;
  let known: string;
  let database: string;
  /** All requests but those that leave no row. */
  const asked: Outcome[] = [];

  before(async () => {
    postgres = await sharedPostgres();
    mock = await createMockUpstream({ apiKeys: Object.values(providerKeys), validate: false });
    database = await postgres.createDatabase();
    home = await createHome();
    await home.writeConfig(`database: { type: postgresql, url: "${postgres.url(database)}" }\n${withMockUpstream(mock.url, prices)}`);
    daemon = await home.start();
    admin = daemon.api_key!;
    known = (await makeKey("alice")).key;
  });
  after(async () => {
    await home.clear();
    await mock.close();
  });

  async function api(path: string, body: object): Promise<Record<string, unknown>> {
    const reply = await fetch(`${daemon.url}/api/v1${path}`, {
      method: "POST",
      headers: { authorization: `Bearer ${admin}` },
      body: JSON.stringify(body),
    });
    assert.ok(reply.ok, `${path}: ${reply.status}`);
    return (await reply.json()) as Record<string, unknown>;
  }

  async function makeKey(username: string): Promise<{ key: string; user: string }> {
    const user = String((await api("/users", { username }))["id"]);
    return { key: String((await api("/keys", { user }))["key"]), user };
  }

  async function send(one: Ask): Promise<Outcome> {
    const outcome = await ask(daemon.url, one);
    asked.push(outcome);
    return outcome;
  }

  async function makeKeys(way: string): Promise<Keys> {
    const { key: budgeted, user } = await makeKey(`bob-${way}`);
    await api("/budgets", { user, period: "total", stop_usd: "1000" });
    const one: Ask = { name: "used", path: "/v1/chat/completions", key: budgeted, body: asksServed("")[1]!.body! };
    // A key is in memory once it was used with no change of any user or key meanwhile.
    for (let use = 0; use < 5; use++) {
      assert.equal((await send(one)).status, 200);
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    return { known, fresh: (await makeKey(`carol-${way}`)).key, budgeted };
  }

  /** The requests, again and again, for as long as `goesOn`. */
  async function load(asks: readonly Ask[], goesOn: () => boolean): Promise<Outcome[]> {
    const outcomes: Outcome[] = [];
    const work = async (client: number): Promise<void> => {
      for (let i = client; goesOn(); i++) outcomes.push(await send(asks[i % asks.length]!));
    };
    await Promise.all(Array.from({ length: clients }, (_, client) => work(client)));
    return outcomes;
  }

  /** Every outcome has one row, which says the same; no budget holds anything. */
  async function checkRows(): Promise<void> {
    const expected = asked.filter(({ name, status }) => (status !== 200 ? !name.endsWith("with a new key") : true));
    const read = (): Promise<Record<string, unknown>[]> => postgres.run(database, "select request_id, status from usage_entries");
    await waitUntil("all rows are there", async () => (await read()).length >= expected.length, 30_000);
    const rows = await read();
    const statusOf = new Map(rows.map((row) => [row["request_id"], row["status"]]));
    assert.deepEqual([statusOf.size, rows.length], [expected.length, expected.length]);
    const wrong = expected.filter(({ requestId, status }) => statusOf.get(requestId) !== (status === 200 ? "ok" : "refused"));
    assert.deepEqual(
      wrong.map(({ name, requestId, status }) => [name, status, statusOf.get(requestId)]),
      [],
    );
    const usage = await fetch(`${daemon.url}/api/v1/usage`, { headers: { authorization: `Bearer ${admin}` } });
    assert.equal(((await usage.json()) as { totals: { requests: number } }).totals.requests, rows.length);
    await waitUntil(
      "no budget holds anything",
      async () => {
        const [held] = await postgres.run(
          database,
          "select count(*) as holds, (select sum(held_nano_usd) from budget_periods) as held from budget_holds",
        );
        return held!["holds"] === "0" && held!["held"] === "0";
      },
      30_000,
    );
  }

  async function comeBack(way: Way): Promise<void> {
    if (way === "frozen") postgres.thaw();
    else await postgres.up();
  }

  for (const way of Object.keys(ways) as Way[]) {
    test(`${way}: requests are served or refused within a second, and each has its row once`, async () => {
      const keys = await makeKeys(way);
      const stored = await send({ name: "stored", path: "/v1/responses", key: known, body: { model: "claude-mock", input: "hi" } });
      const { id } = JSON.parse(stored.body) as { id: string };
      await waitUntil("the response is in the database", async () => {
        return (await postgres.run(database, `select id from stored_responses where id = '${id}'`)).length === 1;
      });
      const asks = [...asksServed(known), ...asksRefused(keys, id)];
      await ways[way](postgres);
      let outcomes: Outcome[];
      try {
        const endMs = performance.now() + awayMs;
        outcomes = await load(asks, () => performance.now() < endMs);
      } finally {
        await comeBack(way);
      }
      const expected = refusals();
      const wrong = outcomes.filter(({ name, error }) => error !== expected[name]).map(({ name, status, error }) => [name, status, error]);
      assert.deepEqual(wrong, []);
      const slowest = outcomes.reduce((one, other) => (other.tookMs > one.tookMs ? other : one));
      assert.ok(slowest.tookMs < quickMs, `${slowest.name}: ${Math.round(slowest.tookMs)} ms`);
      await waitUntil(
        "requests with a budget are served again",
        async () => (await send(asks.find(({ key }) => key === keys.budgeted)!)).status === 200,
      );
      await checkRows();
      const served = outcomes.filter(({ status }) => status === 200).length;
      const figures = {
        away_ms: awayMs,
        served,
        refused: outcomes.length - served,
        slowest_ms: Math.round(slowest.tookMs),
        slowest: slowest.name,
      };
      writeFigures("postgres-away", { [way]: figures });
    });
  }

  for (const way of ["frozen", "killed"] as const) {
    test(`${way}: the gateway ends in bounded time, and the next start writes what it left`, async () => {
      await send(asksServed(known)[0]!);
      await ways[way](postgres);
      let endedMs = 0;
      try {
        let isOver = false;
        const requests = load(asksServed(known), () => !isOver);
        await new Promise((resolve) => setTimeout(resolve, 1000));
        isOver = true;
        for (const { name, status } of await requests) assert.equal(status, 200, name);
        const startMs = performance.now();
        const { code } = await endBy(daemon, "SIGTERM");
        endedMs = Math.round(performance.now() - startMs);
        assert.equal(code, 0);
        assert.ok(endedMs < 20_000, `${endedMs} ms`);
      } finally {
        await comeBack(way);
      }
      daemon = await home.start();
      await checkRows();
      writeFigures("postgres-away", { [`stop_while_${way}_ms`]: endedMs });
    });
  }
});
