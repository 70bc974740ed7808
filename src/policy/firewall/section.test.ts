import assert from "node:assert/strict";
import { test } from "node:test";
import { ruleSetNames, ruleSets } from "./rule-sets.ts";
import { firewallSchema, readFirewall } from "./section.ts";

const rule = { direction: "request", patterns: [], users: ["*"], models: ["*"] };

test("a rule has what its sets contain beside its own, each detector once; without rules no set is in use", () => {
  const parsed = firewallSchema.parse({
    rules: { all: { action: "mask", sets: ["payment", "confidential"], detect: ["ip", "card"], words: ["Aurora"] } },
  });
  assert.deepEqual(readFirewall(parsed), [
    { name: "all", action: "mask", ...rule, detect: ["iban", "card", "ip"], words: ["Aurora", ...ruleSets.confidential.words] },
  ]);
  assert.deepEqual(readFirewall(firewallSchema.parse({})), []);
});

test("a rule whose list of users or models only excludes is for all others", () => {
  const [read] = readFirewall(
    firewallSchema.parse({ rules: { r: { action: "mask", detect: ["ip"], users: ["!root"], models: ["!local/*", "!m"] } } }),
  );
  assert.deepEqual(
    [read?.users, read?.models],
    [
      ["*", "!root"],
      ["*", "!local/*", "!m"],
    ],
  );
});

test("an unknown set, and a rule that finds nothing, are refused", () => {
  const problems = (value: unknown): unknown =>
    firewallSchema.safeParse({ rules: { r: value } }).error?.issues.map(({ path, message }) => [path, message]);
  assert.deepEqual(problems({ action: "mask", sets: ["payment", "all"] }), [
    [["rules", "r", "sets", 1], `one of ${ruleSetNames.join(", ")}`],
  ]);
  assert.deepEqual(problems({ action: "mask" }), [[["rules", "r"], "a rule with sets, detect, patterns or words"]]);
});
