import assert from "node:assert/strict";
import { test } from "node:test";
import { ServerQuirks } from "./quirks.ts";

test("a model has its server's quirks, overridden by every row that fits its name", () => {
  const quirks = new ServerQuirks({
    noDeveloperRole: true,
    efforts: ["low"],
    byModel: [
      { models: "*qwen*", quirks: { efforts: ["low", "xhigh"], fixedSampling: true } },
      { models: "*qwen2*", quirks: { efforts: undefined } },
    ],
  });
  const namesOf = (model: string): readonly unknown[] => {
    const { noDeveloperRole, efforts, fixedSampling } = quirks.of(model);
    return [noDeveloperRole, efforts, fixedSampling];
  };
  for (const _ of [1, 2]) {
    assert.deepEqual(namesOf("llama"), [true, ["low"], undefined]);
    assert.deepEqual(namesOf("Qwen3.8-Max"), [true, ["low", "xhigh"], true]);
    assert.deepEqual(namesOf("org/qwen2-7b"), [true, undefined, true]);
  }
  assert.equal(quirks.of("llama"), quirks.of("llama"), "found once while requests are for the same model");
});

test("quirks for translated requests alone are none of the server's own protocol", () => {
  const quirks = new ServerQuirks({ strictTurns: true, noDeveloperRole: true, translatedOnly: ["strictTurns"] });
  assert.deepEqual(quirks.ownOf("m"), { noDeveloperRole: true });
  assert.equal(quirks.of("m").strictTurns, true);
});
