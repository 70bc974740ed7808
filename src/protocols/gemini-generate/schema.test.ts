import assert from "node:assert/strict";
import { test } from "node:test";
import { lowerTypes, schemaOfOpenApi } from "./schema.ts";

test("the vendor's schema becomes JSON Schema", () => {
  const schema = {
    type: "OBJECT",
    nullable: true,
    propertyOrdering: ["b", "type"],
    properties: {
      type: { type: "STRING", format: "enum", enum: ["OBJECT", "x"], nullable: true, example: "x" },
      b: { type: "ARRAY", min_items: "1", maxItems: "3", items: { type: "INTEGER", format: "int32" } },
      c: { any_of: [{ type: "STRING" }, { type: "NULL" }], nullable: true, default: { type: "STRING" } },
      d: { type: "TYPE_UNSPECIFIED", description: "STRING" },
    },
    required: ["b"],
  };
  assert.equal(
    JSON.stringify(schemaOfOpenApi(schema)),
    JSON.stringify({
      type: ["object", "null"],
      properties: {
        b: { type: "array", minItems: 1, maxItems: 3, items: { type: "integer", format: "int32" } },
        type: { type: ["string", "null"], enum: ["OBJECT", "x", null], examples: ["x"] },
        c: { anyOf: [{ type: "string" }, { type: "null" }, { type: "null" }], default: { type: "STRING" } },
        d: { description: "STRING" },
      },
      required: ["b"],
    }),
  );
});

test("a JSON Schema is unchanged except for the case of types", () => {
  const schema = {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    type: ["OBJECT", "null"],
    properties: { type: { type: "STRING", const: "STRING" }, nullable: { type: "boolean" } },
    $defs: { a: { oneOf: [{ type: "NUMBER" }, true] } },
    additionalProperties: { not: { type: "ARRAY" } },
    min_items: "3",
    default: { type: "OBJECT" },
  };
  assert.deepEqual(lowerTypes(schema), {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    type: ["object", "null"],
    properties: { type: { type: "string", const: "STRING" }, nullable: { type: "boolean" } },
    $defs: { a: { oneOf: [{ type: "number" }, true] } },
    additionalProperties: { not: { type: "array" } },
    min_items: "3",
    default: { type: "OBJECT" },
  });
  assert.equal(lowerTypes(true), true);
});
