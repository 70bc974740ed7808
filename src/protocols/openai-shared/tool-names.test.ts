import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import type { Tool } from "../../ir/index.ts";
import { fitsStrict, lowerParameters } from "./function-schema.ts";
import { ToolNamer } from "./tool-names.ts";

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
          const options = { namespaces: false, customAsFunction: true };
          const namer = new ToolNamer(tools, options);
          const again = new ToolNamer(tools, options);
          const wires = tools.map((one) => {
            assert.notEqual(one.type, "server");
            if (one.type === "server") return "";
            const wire = namer.nameOf(one.name, one.namespace, one.type);
            assert.match(wire, /^[a-zA-Z0-9_-]{1,64}$/);
            assert.equal(again.nameOf(one.name, one.namespace, one.type), wire);
            const back = namer.map?.get(wire) ?? { name: wire, kind: "function" };
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
});

describe("the schema of a function", () => {
  test("gets the type that OpenAI demands at the top, and keeps everything else", () => {
    assert.deepEqual(lowerParameters({ properties: { a: {} } }), { schema: { type: "object", properties: { a: {} } }, note: "" });
    assert.deepEqual(lowerParameters(true), { schema: { type: "object", properties: {} }, note: "" });
    const whole = { type: "object", properties: { a: { anyOf: [{ type: "null" }] } }, additionalProperties: false };
    assert.equal(lowerParameters(whole).schema["additionalProperties"], false);
    assert.deepEqual(lowerParameters(whole).schema, whole);
  });

  test("gets items in every array, and no array is looked for in an example", () => {
    const bare = { type: "array" };
    const schema = {
      type: "object",
      properties: { type: bare, b: { anyOf: [bare, { type: "null" }] }, c: { type: "array", items: bare }, d: { enum: [bare] } },
    };
    const whole = { type: "array", items: {} };
    assert.deepEqual(lowerParameters(schema).schema, {
      type: "object",
      properties: { type: whole, b: { anyOf: [whole, { type: "null" }] }, c: { type: "array", items: whole }, d: { enum: [bare] } },
    });
  });

  test("meets the terms for strict only where every object in it does", () => {
    const closed = { type: "object", properties: { a: { type: "string" } }, required: ["a"], additionalProperties: false };
    assert.equal(fitsStrict(closed), true);
    assert.equal(fitsStrict({ ...closed, required: [] }), false);
    assert.equal(fitsStrict({ ...closed, properties: { a: { type: "object" } } }), false);
    assert.equal(fitsStrict({ ...closed, properties: { a: { type: "array", items: { ...closed, additionalProperties: true } } } }), false);
    assert.equal(fitsStrict({ ...closed, $defs: { x: closed }, properties: { a: { enum: [{ type: "object" }] } } }), true);
  });
});
