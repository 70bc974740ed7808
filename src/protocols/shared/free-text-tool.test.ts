import assert from "node:assert/strict";
import { test } from "node:test";
import { unwrapInput, wrapInput } from "./free-text-tool.ts";

test("the free text of a call is found under whatever key the model gave it (report 711)", () => {
  const patch = "*** Begin Patch\n*** End Patch\n";
  assert.equal(unwrapInput(wrapInput(patch)), patch);
  for (const args of [{ patch }, { input: patch, note: "fixes it" }, patch]) assert.equal(unwrapInput(JSON.stringify(args)), patch);
  for (const args of [patch, "{", "", "{}", '{"patch":1}', '{"a":"x","b":"y"}', '["x"]', '{"input":{"patch":"x"}}'])
    assert.equal(unwrapInput(args), args);
});
