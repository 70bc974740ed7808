import assert from "node:assert/strict";
import { test } from "node:test";
import { repairSchema } from "./repair-schema.ts";

const repaired = (schema: object): unknown => repairSchema({ type: "object", properties: { p: schema } })["properties"];

test("a keyword in a form that vendors refuse gets the valid form of the same meaning (report 403)", () => {
  const cases: readonly (readonly [object, object])[] = [
    [{ type: "" }, {}],
    [{ type: null, default: null, items: null }, { default: null }],
    [{ type: "STRING" }, { type: "string" }],
    [{ type: "dict" }, { type: "object" }],
    [{ type: "any" }, {}],
    [{ type: ["string"] }, { type: "string" }],
    [{ type: ["int", "null"] }, { type: ["integer", "null"] }],
    [{ type: ["string", "thing"] }, {}],
    [{ type: "string", required: true }, { type: "string" }],
    [
      { type: "string", enum: [1, 2] },
      { type: "string", enum: ["1", "2"] },
    ],
    [
      { type: "integer", enum: ["1", "2"] },
      { type: "integer", enum: [1, 2] },
    ],
    [
      { type: "string", enum: ["a", null] },
      { type: ["string", "null"], enum: ["a", null] },
    ],
    [{ type: "string", enum: [] }, { type: "string" }],
    [
      { type: "array", items: [{ type: "string" }], additionalItems: false },
      { type: "array", prefixItems: [{ type: "string" }], items: false },
    ],
    [{ minimum: 0, exclusiveMinimum: true }, { exclusiveMinimum: 0 }],
    [{ maximum: 9, exclusiveMaximum: false }, { maximum: 9 }],
    [
      { type: "number", minimum: "1.5", maximum: "x" },
      { type: "number", minimum: 1.5 },
    ],
    [{ type: "object", properties: null }, { type: "object" }],
    [
      { type: "object", properties: { a: true } },
      { type: "object", properties: { a: {} } },
    ],
    [{ description: 3 }, {}],
  ];
  for (const [given, right] of cases) assert.deepEqual(repaired(given), { p: right }, JSON.stringify(given));
});

test("a valid schema is not copied, and values are not looked into", () => {
  const schema = {
    type: "object",
    properties: {
      type: { type: "string", enum: ["", "b"] },
      a: { const: { type: "" }, default: { type: "" }, anyOf: [{ type: ["string", "null"] }, true] },
      n: { type: ["integer", "string"], enum: [1, "1"], exclusiveMinimum: 0 },
    },
    additionalProperties: false,
    required: ["a"],
  };
  assert.equal(repairSchema(schema), schema);
});
