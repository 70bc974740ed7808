import assert from "node:assert/strict";
import { test } from "node:test";
import { lookUpIn, openPriceList } from "./list-look-up.ts";
import { readPriceList } from "./price-list.ts";

test("a model is found in the text as in the parsed list, and names of nothing are not", () => {
  const list = readPriceList();
  const [parsed, text] = [lookUpIn(list), openPriceList()];
  let models = 0;
  for (const [vendor, names] of Object.entries(list.vendors)) {
    assert.deepEqual(text.fees(vendor), parsed.fees(vendor));
    for (const name of Object.keys(names)) {
      assert.deepEqual(text.model(vendor, name), parsed.model(vendor, name), `${vendor}/${name}`);
      models += 1;
    }
  }
  assert.ok(models > 1000, `${models}`);
  for (const [vendor, name] of [
    ["openai", "nothing"],
    ["openai", '"'],
    ["openai", "constructor"],
    ["nobody", "gpt-5"],
    ["constructor", "gpt-5"],
    ["openai", "claude-opus-4-8"],
  ] as const)
    assert.deepEqual([text.model(vendor, name), parsed.model(vendor, name)], [undefined, undefined], `${vendor}/${name}`);
  assert.equal(text.alias("mistral", "mistral-large-latest")?.length, 2);
});
