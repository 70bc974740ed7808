import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { longRunFiles, longRunNames } from "../../scripts/long-runs.ts";
import { mergeFigures } from "./figures.ts";

test("figures of a run are put among the others, in the order of their names; what else is known of it stays", () => {
  const known = JSON.stringify({ kill: { date: "2026-01-01", locked_ms: 5 }, fuzz: { cases: 7 } });
  assert.deepEqual(mergeFigures(known, "kill", { date: "2026-02-02", kills: 20 }).split("\n"), [
    "{",
    '  "fuzz": {',
    '    "cases": 7',
    "  },",
    '  "kill": {',
    '    "date": "2026-02-02",',
    '    "locked_ms": 5,',
    '    "kills": 20',
    "  }",
    "}",
    "",
  ]);
  assert.equal(mergeFigures("{}", "a", { b: 1 }), '{\n  "a": {\n    "b": 1\n  }\n}\n');
});

test("a long run is called by its short name; an unknown one is answered with the names", () => {
  const names = longRunNames();
  assert.deepEqual(longRunFiles(["kill"]), ["tests/long/kill.ts"]);
  assert.deepEqual(
    longRunFiles([]),
    names.map((name) => `tests/long/${name}.ts`),
  );
  assert.throws(() => longRunFiles(["kil", "kill"]), { message: `There is no long run "kil". There are: ${names.join(", ")}.` });
});

test("CONTRIBUTING.md lists every long run, and docs/reliability.json has no figures of another", () => {
  const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
  const listed = [...read("CONTRIBUTING.md").matchAll(/^\| `([a-z-]+)` \|/gm)].map((match) => match[1]!);
  assert.deepEqual(listed, longRunNames());
  const measured = Object.keys(JSON.parse(read("docs/reliability.json")) as object);
  assert.deepEqual(
    measured.filter((name) => !listed.includes(name)),
    [],
  );
});
