import assert from "node:assert/strict";
import { test } from "node:test";
import { table } from "./output.ts";

const id = "key_0190a1b2-0000-7000-8000-000000000001";
const header = ["USER", "KEY", { title: "CREATED", optional: true } as const, "REQUESTS"];
const rows = [
  ["alice", "a key with a long name (tok_ab12…)", "2026-01-31 17:04", 1200],
  ["bob\u001b[2J", null, "2026-02-01 08:00", 3],
];

test("a table is as wide as its cells; in a terminal it is shortened, then optional columns are left out", () => {
  assert.equal(
    table(header, rows, Infinity),
    [
      "USER     KEY                                 CREATED           REQUESTS",
      "alice    a key with a long name (tok_ab12…)  2026-01-31 17:04      1200",
      "bob?[2J  -                                   2026-02-01 08:00         3",
    ].join("\n"),
  );
  const widths = (width: number): number[] =>
    table(header, rows, width)
      .split("\n")
      .map((line) => line.length);
  for (const width of [60, 50, 40, 34]) assert.ok(Math.max(...widths(width)) <= width, `${width}`);
  assert.match(table(header, rows, 60).split("\n")[1]!, /^alice +a key with a long name… +2026-01-31 17:04 +1200$/);
  assert.match(table(header, rows, 30), /^USER +KEY +REQUESTS\n/);
});

test("optional columns go before texts become unreadable; times stay whole", () => {
  const targets = table(
    ["TIME", "TARGET", { title: "LANE", optional: true }],
    [["2026-01-31 17:04", "anthropic/claude-sonnet-4-5", "translated"]],
    40,
  );
  assert.equal(targets, "TIME              TARGET\n2026-01-31 17:04  anthropic/claude-sonn…");
});

test("ids stay whole, as people copy them", () => {
  assert.ok(table(["ID", "NAME"], [[id, "a very long name that must give way"]], 50).includes(`${id}  a very …`));
});
