import assert from "node:assert/strict";
import { test } from "node:test";
import type { WireObject } from "../shared/fields.ts";
import { fitSchema } from "./fit-schema.ts";

test("what Gemini would refuse has a form of the same meaning", () => {
  const cases: readonly (readonly [object, object])[] = [
    [{ type: "array" }, { type: "array", items: {} }],
    [
      { type: "string", enum: ["", "a"], description: "d" },
      { type: "string", enum: ["a"], description: 'd (may be "")' },
    ],
    [{ type: ["array", "null"] }, { type: ["array", "null"], items: {} }],
    [
      { type: "array", prefixItems: [{}] },
      { type: "array", prefixItems: [{}] },
    ],
    [{ type: "string", items: {} }, { type: "string" }],
    [
      { type: ["string", "array"], items: { type: "string" }, description: "d" },
      { description: "d", anyOf: [{ type: "string" }, { type: "array", items: { type: "string" } }] },
    ],
    [{ type: ["string", "null"] }, { type: ["string", "null"] }],
    [{ enum: ["a"] }, { type: "string", enum: ["a"] }],
    [{ const: 1 }, { type: "number", enum: [1] }],
    [
      { type: ["string", "null"], enum: ["a", null] },
      { type: ["string", "null"], enum: ["a"] },
    ],
    [{ enum: ["a", null] }, { type: ["string", "null"], enum: ["a"] }],
    [
      { type: "integer", exclusiveMinimum: 0, exclusiveMaximum: 10 },
      { type: "integer", minimum: 1, maximum: 9 },
    ],
    [
      { type: "object", required: ["a"] },
      { type: "object", required: ["a"], properties: { a: {} } },
    ],
  ];
  for (const [given, right] of cases) assert.deepEqual(fitSchema({ properties: { p: given } }), { properties: { p: right } });
});

test("a reference that leads back to its schema is in no required property", () => {
  const node = (required: readonly string[]): object => ({
    type: "object",
    properties: { name: { type: "string" }, next: { anyOf: [{ $ref: "#/$defs/Node" }, { type: "null" }] }, leaf: { $ref: "#/$defs/Leaf" } },
    required,
  });
  const schema = (required: readonly string[]): Record<string, unknown> => ({
    type: "object",
    properties: { tree: { $ref: "#/$defs/Node" } },
    required: ["tree"],
    $defs: { Node: node(required), Leaf: { type: "string" } },
  });
  assert.deepEqual(fitSchema(schema(["name", "next", "leaf"])), schema(["name", "leaf"]));
});

test("a cycle may lead over several definitions; a reference into a cycle, or along a chain, stays required", () => {
  const to = (name: string): WireObject => ({ type: "object", properties: { a: { $ref: `#/$defs/${name}` } }, required: ["a"] });
  const chain = Array.from({ length: 900 }, (_, i): [string, WireObject] => [`C${i}`, to(`C${i + 1}`)]);
  const schema = {
    $ref: "#/$defs/In",
    $defs: { In: to("A"), A: to("B"), B: to("C"), C: to("A"), Out: to("Unknown"), ...Object.fromEntries(chain) },
  };
  const { $defs } = fitSchema(schema) as { $defs: Record<string, WireObject> };
  const loosened = Object.entries($defs).filter(([, { required }]) => (required as string[]).length === 0);
  assert.deepEqual(
    loosened.map(([name]) => name),
    ["A", "B", "C"],
  );
});
