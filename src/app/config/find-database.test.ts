import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { findDatabase } from "./find-database.ts";
import { locateDatabase } from "./locate-database.ts";
import { homeDir, makeFile } from "./testing.ts";

const standard = join(homeDir, ".config", "tokligence", "gateway.db");

test("the database is where the whole configuration puts it, or it takes the whole configuration to say", (t) => {
  const cases: [text: string, env: Record<string, string>, expected: ((folder: string) => string) | undefined][] = [
    ["gateway: { port: 1 }\n", {}, () => standard],
    ["", {}, () => standard],
    ["database: { type: sqlite }\n", {}, () => standard],
    ["database: { path: ./data/g.db }\n", {}, (folder) => join(folder, "data", "g.db")],
    ["database: { path: /srv/g.db }\n", {}, () => "/srv/g.db"],
    ["database: { path: '${PLACE:-/srv}/g.db' }\n", { PLACE: "/var" }, () => "/var/g.db"],
    ["database: { path: a.db }\n", { TOKLIGENCE_DATABASE_PATH: "/env/g.db" }, () => "/env/g.db"],
    ["database: { path: '${MISSING}/g.db' }\n", {}, undefined],
    ["database: { path: ~/g.db }\n", {}, undefined],
    ["database: { path: 5 }\n", {}, undefined],
    ["database: g.db\n", {}, undefined],
    ["database: { path: /srv/g.db\n", {}, undefined],
  ];
  for (const [text, env, expected] of cases) {
    const path = makeFile(t, text);
    const found = findDatabase({ path, env, homeDir });
    assert.equal(found, expected?.(dirname(path)), text);
    if (found !== undefined) assert.equal(locateDatabase({ path, env, homeDir }).path, found, text);
  }
  const nowhere = join(homeDir, "none.yaml");
  assert.deepEqual([findDatabase({ env: {}, homeDir }), findDatabase({ path: nowhere, env: {}, homeDir })], [standard, undefined]);
  assert.equal(findDatabase({ env: {}, homeDir: "" }), undefined);
});
