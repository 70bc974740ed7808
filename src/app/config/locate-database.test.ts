import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { homeDir, makeFile } from "./testing.ts";
import { locateDatabase } from "./locate-database.ts";

test("the database of a file that cannot be used is found where the file, the environment or the default says", (t) => {
  const cases: [text: string, env: Record<string, string>, expected: (folder: string) => string][] = [
    ["database: { path: ./data/g.db }\ngateway: { port: many }\n", {}, (folder) => join(folder, "data", "g.db")],
    ["database:\n  path: ${PLACE}/g.db\ngateway: { port: [1\n", { PLACE: "/srv" }, () => "/srv/g.db"],
    ["gateway: { port: many }\n", {}, () => join(homeDir, ".config", "tokligence", "gateway.db")],
    ["gateway: { port: many }\ndatabase: { path: a.db }\n", { TOKLIGENCE_DATABASE_PATH: "/env/g.db" }, () => "/env/g.db"],
  ];
  for (const [text, env, expected] of cases) {
    const path = makeFile(t, text);
    const { path: found, problem } = locateDatabase({ path, env, homeDir });
    assert.equal(found, expected(dirname(path)), text);
    assert.match(String(problem), /config\.yaml:\d+: /, text);
  }
});

test("the database of a valid file comes without a problem", (t) => {
  const path = makeFile(t, "database: { path: ~/g.db }\n");
  assert.deepEqual(locateDatabase({ path, env: {}, homeDir }), { path: join(homeDir, "g.db") });
});
