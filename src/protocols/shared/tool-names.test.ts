import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import type { Tool } from "../../ir/index.ts";
import { namedTool, ToolNamer, wordCharacters } from "./tool-names.ts";

const name = fc.oneof(
  fc.stringMatching(/^[a-z_.]{1,4}$/),
  fc.string({ maxLength: 90 }).filter((text) => text.isWellFormed()),
);
const tool: fc.Arbitrary<Tool> = fc
  .record({ name, namespace: fc.option(name, { nil: undefined }), type: fc.constantFrom("function" as const, "custom" as const) })
  .map(({ namespace, ...rest }) => (namespace === undefined ? rest : { ...rest, namespace }));

describe("names of tools on a wire", () => {
  test("every name fits, no two tools share one, the map turns each back, and the same tools get the same names", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(tool, { selector: (one) => JSON.stringify([one.name, one.type === "server" ? "" : (one.namespace ?? null)]) }),
        (tools) => {
          const namer = new ToolNamer(tools, { forbidden: wordCharacters });
          const again = new ToolNamer(tools, { forbidden: wordCharacters });
          const wires = tools.map((one) => {
            assert.notEqual(one.type, "server");
            if (one.type === "server") return "";
            const wire = namer.wireName(namedTool(one));
            assert.match(wire, /^[a-zA-Z0-9_-]{1,64}$/);
            assert.equal(again.wireName(namedTool(one)), wire);
            const back = namer.toolNames?.get(wire) ?? { name: wire, kind: "function" };
            assert.deepEqual(back, {
              name: one.name,
              ...(one.namespace === undefined ? {} : { namespace: one.namespace }),
              kind: one.type,
            });
            return wire;
          });
          assert.equal(new Set(wires).size, tools.length);
        },
      ),
    );
  });

  test("a wire that knows namespaces and free text keeps both, and each name may occur once in every namespace", () => {
    const tools: Tool[] = [
      { type: "function", name: "run" },
      { type: "custom", name: "run", namespace: "shell" },
    ];
    const namer = new ToolNamer(tools, { forbidden: wordCharacters, namespaces: true, freeText: true });
    assert.deepEqual(
      [namer.wireName({ ...tools[1]!, name: "run", namespace: "shell", kind: "custom" }), namer.toolNames],
      ["run", undefined],
    );
  });

  test("a name begins as the wire requires, and a flat name that another tool already has is changed", () => {
    const tools: Tool[] = [
      { type: "function", name: "b", namespace: "a" },
      { type: "function", name: "a__b" },
    ];
    const namer = new ToolNamer(tools, { forbidden: wordCharacters, begins: /^[a-z]/ });
    assert.equal(namer.wireName({ name: "a__b", kind: "function" }), "a__b");
    assert.match(namer.wireName({ name: "b", namespace: "a", kind: "function" }), /^a__b_[0-9a-f]{8}$/);
    assert.match(namer.wireName({ name: "7zip", kind: "function" }), /^_7zip$/);
  });
});
