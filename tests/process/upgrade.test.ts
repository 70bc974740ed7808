import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, test } from "node:test";
import { createGateway } from "../../src/app/index.ts";
import { waitUntil } from "../testbed/wait-until.ts";

/** What an older commit has written; `scripts/make-upgrade-fixture.ts` makes it. */
const written = (name: string): string => readFileSync(new URL(`upgrade/${name}`, import.meta.url), "utf8");
const facts = JSON.parse(written("facts.json")) as { readonly key: string; readonly users: readonly string[]; readonly requests: number };

const folder = mkdtempSync(join(tmpdir(), "tokligence-upgrade-"));
after(() => rmSync(folder, { recursive: true }));
const config = join(folder, "config.yaml");
const database = join(folder, "gateway.db");
writeFileSync(config, written("config.yaml").replace("gateway.db", database));

/** Runs SQL on the database, while no gateway has it. */
function change(sql: string): void {
  const opened = new DatabaseSync(database);
  opened.exec(sql);
  opened.close();
}

test("the database and the configuration of an older version serve: users, keys, usage and aliases are there", async () => {
  change(written("database.sql"));
  const gateway = await createGateway({ config, env: {} });
  try {
    assert.equal(gateway.apiKey, undefined, "there is an admin already");
    assert.deepEqual((await gateway.admin.listUsers()).map(({ username }) => username).toSorted(), facts.users);
    const requests = async (): Promise<number> => (await gateway.admin.getUsage({ userId: "alice" })).totals.requests;
    assert.equal(await requests(), facts.requests);
    const body = JSON.stringify({ model: "fast", messages: [{ role: "user", content: "Hello" }] });
    const headers = { authorization: `Bearer ${facts.key}` };
    const answer = await gateway.fetch(new Request("http://gateway.test/v1/chat/completions", { method: "POST", headers, body }));
    assert.deepEqual([answer.status, answer.headers.get("x-tokligence-model")], [200, "loopback"]);
    await answer.arrayBuffer();
    await waitUntil("the new request is in the old ledger", async () => (await requests()) === facts.requests + 1);
  } finally {
    await gateway.close();
  }
});

test("a database of a newer version is refused with what to do, and stays as it is", async () => {
  change("insert into schema_migrations (version, name, applied_ms) values (999, 'of the future', 0)");
  const before = readFileSync(database);
  await assert.rejects(
    createGateway({ config, env: {} }),
    /has schema version 999, and this program knows versions up to \d+\. Install the newer program again, or restore a backup/,
  );
  assert.deepEqual(readFileSync(database), before);
});
