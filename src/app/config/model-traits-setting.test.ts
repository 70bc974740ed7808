import assert from "node:assert/strict";
import { test } from "node:test";
import { homeDir, makeFile } from "./testing.ts";
import { traitTables } from "../../protocols/index.ts";
import { loadSettings } from "./load.ts";
import { inCamelCase, traitNames } from "../../upstream/index.ts";

test("the traits of models are set in the file, and shown as they were written", (t) => {
  const rows = { "prod-*": { like: "gpt-4.1" }, "azure/b": { takes_sampling: true, efforts: ["low"] } };
  const path = makeFile(t, `model_traits: ${JSON.stringify(rows)}\n`);
  const settings = loadSettings({ path, env: {}, homeDir }).settings;
  assert.deepEqual(settings.modelTraits, [
    { models: "prod-*", like: "gpt-4.1", traits: {} },
    { models: "azure/b", traits: { takesSampling: true, efforts: ["low"] } },
  ]);
  assert.deepEqual((settings.shown as { model_traits: unknown }).model_traits, rows);
});

test("an unknown trait is an error that names the known ones, and every trait of a protocol can be set", (t) => {
  const path = makeFile(t, "model_traits: { m: { takes_anything: true } }\n");
  assert.throws(() => loadSettings({ path, env: {}, homeDir }), /model_traits[\s\S]*thinking, takes_budget/);
  const known = [...new Set(traitTables.flatMap(({ newest }) => Object.keys(newest.traits)))].toSorted();
  assert.deepEqual(traitNames.map(inCamelCase).toSorted(), known);
});
