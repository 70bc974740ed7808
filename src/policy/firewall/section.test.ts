import assert from "node:assert/strict";
import { test } from "node:test";
import { ruleSetNames, ruleSets } from "./rule-sets.ts";
import { firewallSchema, readFirewall } from "./section.ts";

const rule = { direction: "request", patterns: [], classifiers: [], users: ["*"], models: ["*"] };

test("a rule has what its sets contain beside its own, each detector once; without rules no set is in use", () => {
  const parsed = firewallSchema.parse({
    rules: { all: { action: "mask", sets: ["payment", "confidential"], detect: ["ip", "card"], words: ["Aurora"] } },
  });
  assert.deepEqual(readFirewall(parsed).rules, [
    { name: "all", action: "mask", ...rule, detect: ["iban", "card", "ip"], words: ["Aurora", ...ruleSets.confidential.words] },
  ]);
  assert.deepEqual(readFirewall(firewallSchema.parse({})), { rules: [], classifiers: [] });
});

test("a rule whose list of users or models only excludes is for all others", () => {
  const {
    rules: [read],
  } = readFirewall(
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
  assert.deepEqual(problems({ action: "mask" }), [[["rules", "r"], "a rule with sets, detect, patterns, words or classifiers"]]);
});

test("a rule names classifiers that are there, and masks only by those that name places; a guard model needs its model", () => {
  const classifiers = {
    presidio: { kind: "presidio", url: "http://127.0.0.1:5002/analyze" },
    guard: { kind: "guard_model", url: "http://127.0.0.1:8000/v1/chat/completions", model: "llama-guard" },
  };
  const problems = (action: string, names: readonly string[], known: object = classifiers): unknown =>
    firewallSchema
      .safeParse({ rules: { r: { action, classifiers: names } }, classifiers: known })
      .error?.issues.map(({ path, message }) => [path.join("."), message]);
  assert.equal(problems("mask", ["presidio"]), undefined);
  assert.equal(problems("block", ["presidio", "guard"]), undefined);
  assert.deepEqual(problems("mask", ["guard", "other"]), [
    ["rules.r.classifiers.0", "for action: mask, one of kind webhook or presidio, which name places"],
    ["rules.r.classifiers.1", "one of firewall.classifiers: presidio, guard"],
  ]);
  assert.deepEqual(problems("block", ["guard"], { guard: { ...classifiers.guard, model: undefined } }), [
    ["classifiers.guard", "a guard model with model"],
  ]);
});
