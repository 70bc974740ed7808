import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { sendRaw } from "../e2e/raw-http.ts";
import type { PostgresServer } from "../testbed/postgres-server.ts";
import { sharedPostgres, withoutPostgres } from "../testbed/shared-postgres.ts";
import type { Home } from "./processes.ts";
import { createHome, endBy } from "./processes.ts";

interface Status {
  readonly type: string;
  readonly database: string;
  readonly schema_version: number;
  readonly newest_version: number;
  readonly pending: readonly { readonly version: number; readonly name: string }[];
  readonly rows: Readonly<Record<string, number>> | null;
}

let home: Home;
before(async () => {
  home = await createHome();
});
after(() => home.clear());

async function run(...args: readonly string[]): Promise<unknown> {
  const { code, stdout, stderr } = await home.tokligence("db", ...args, "--json");
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as unknown;
}

async function refused(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await home.tokligence("db", ...args);
  assert.deepEqual([code, stdout], [1, ""]);
  return stderr;
}

async function ask(port: number, key: string): Promise<number> {
  const { status } = await sendRaw(`http://127.0.0.1:${port}`, {
    path: "/v1/chat/completions",
    headers: ["authorization", `Bearer ${key}`, "content-type", "application/json", "connection", "close"],
    body: JSON.stringify({ model: "loopback", messages: [{ role: "user", content: "hi" }] }),
  });
  return status;
}

test("db status reports a missing database without creating it; db migrate creates it", async () => {
  await home.writeConfig("gateway: {}\n");
  const before = (await run("status")) as Status;
  const { newest_version: newest } = before;
  assert.deepEqual(
    [
      before.type,
      before.database,
      before.schema_version,
      before.pending.map(({ version }) => version),
      before.rows,
      existsSync(home.database),
    ],
    ["sqlite", home.database, 0, Array.from({ length: newest }, (_, i) => i + 1), null, false],
  );
  assert.deepEqual(await run("migrate"), { database: home.database, from_version: 0, to_version: newest });
  const { stdout } = await home.tokligence("db", "status");
  assert.equal(
    stdout,
    `type                sqlite\ndatabase            ${home.database}\nschema version      ${newest}\nusers               0\napi keys            0\nusage entries       0\n`,
  );
});

describe("db copy", { skip: withoutPostgres }, () => {
  let postgres: PostgresServer;
  let database: string;
  before(async () => {
    postgres = await sharedPostgres();
    database = await postgres.createDatabase();
  });

  test("moves a gateway: refused while it runs, then its keys work on PostgreSQL and its usage goes on", async () => {
    const first = await home.start();
    assert.deepEqual([await ask(first.port, first.api_key!), await ask(first.port, first.api_key!)], [200, 200]);
    const url = postgres.url(database);
    assert.match(await refused("copy", "--to", url), /The gateway is running on this database\. Stop it first: tokligence-daemon stop/);
    assert.equal((await endBy(first, "SIGTERM")).code, 0);
    const report = (await run("copy", "--to", url)) as { from: string; to: string; rows: Record<string, number> };
    assert.deepEqual(
      [report.from, report.to, report.rows["users"], report.rows["api_keys"], report.rows["usage_entries"]],
      [home.database, `${database} on 127.0.0.1:${postgres.port}`, 1, 1, 2],
    );

    await home.writeConfig(`database: { type: postgresql, url: "${url}" }\n`);
    const second = await home.start();
    assert.equal(second.api_key, null);
    assert.equal(await ask(second.port, first.api_key!), 200);
    assert.equal((await endBy(second, "SIGTERM")).code, 0);
    const status = (await run("status")) as Status;
    assert.deepEqual(
      [status.type, status.database, status.pending, status.rows],
      ["postgresql", `${database} on 127.0.0.1:${postgres.port}`, [], { users: 1, api_keys: 1, usage_entries: 3 }],
    );
  });

  test("a gateway does not start on a copy that was broken off, and says what to do", async () => {
    await postgres.run(database, "insert into revisions (name, value) values ('copy', 1)");
    await assert.rejects(
      home.start(),
      /A copy into the database \S+ on \S+ was broken off\. Repeat it, with the configuration of the old database/,
    );
    await postgres.run(database, "delete from revisions where name = 'copy'");
  });

  test("what is wrong with the target is one line that says what to do, without the password", async () => {
    await home.writeConfig("database: { path: another.db }\n");
    await run("migrate");
    const wrong = postgres.url(database).replace(/:[^:@]+@/, ":hunter2@");
    const stderr = await refused("copy", "--to", wrong);
    assert.match(stderr, /refuses the user tester: (the password is wrong|no password is set)/);
    assert.deepEqual([stderr.includes("hunter2"), stderr.trimEnd().split("\n").length], [false, 1]);
  });
});
