import assert from "node:assert/strict";
import { test } from "node:test";
import { mergeBranches, withRule } from "./merge-branches.ts";

const text = { type: "string" };

test("branches become one object: values of all, required what all require, and the rule says what belongs together (report 404)", () => {
  const schema = {
    description: "Notes.",
    oneOf: [
      { type: "object", properties: { command: { const: "create", description: "Makes one." }, text }, required: ["command", "text"] },
      {
        type: "object",
        title: "Delete",
        properties: { command: { const: "delete" }, id: { type: "integer" } },
        required: ["command", "id"],
      },
      { type: "null" },
    ],
  };
  assert.deepEqual(mergeBranches(schema), {
    schema: {
      type: "object",
      description: "Notes.",
      properties: { command: { type: "string", enum: ["create", "delete"], description: "Makes one." }, text, id: { type: "integer" } },
      required: ["command"],
    },
    rule: {
      oneOf: [
        { properties: { command: { const: "create", description: "Makes one." } }, required: ["command", "text"] },
        { title: "Delete", properties: { command: { const: "delete" } }, required: ["command", "id"] },
      ],
    },
  });
});

test("a property that has other schemas in other branches fits one of them", () => {
  const { schema, rule } = mergeBranches({
    anyOf: [
      { properties: { v: text, same: text }, additionalProperties: false },
      { properties: { v: { type: "number" }, same: text }, additionalProperties: false },
    ],
  });
  assert.deepEqual(schema, {
    type: "object",
    properties: { v: { anyOf: [text, { type: "number" }] }, same: text },
    additionalProperties: false,
  });
  assert.deepEqual(rule, {
    anyOf: [
      { properties: { v: text }, additionalProperties: false },
      { properties: { v: { type: "number" } }, additionalProperties: false },
    ],
  });
});

test("what all must fit is merged without a rule: allOf, one branch alone, a reference at the top", () => {
  const part = { type: "object", properties: { b: text }, required: ["b"], additionalProperties: false };
  const whole = { type: "object", properties: { a: text, b: text }, required: ["a", "b"], additionalProperties: false };
  const base = { type: "object", properties: { a: text }, required: ["a"] };
  assert.deepEqual(mergeBranches({ ...base, allOf: [part, true, base] }), { schema: whole, rule: undefined });
  assert.deepEqual(mergeBranches({ ...base, anyOf: [part, { type: "null" }] }), { schema: whole, rule: undefined });
  const $defs = { "P/1": part };
  assert.deepEqual(mergeBranches({ $ref: "#/$defs/P~11", $defs }), { schema: { ...part, $defs }, rule: undefined });
});

test("what contradicts itself, leads back to itself or is refused stays as a rule", () => {
  const one = { if: { required: ["a"] }, else: { required: ["b"] } };
  const other = { if: { required: ["c"] } };
  assert.deepEqual(
    mergeBranches({
      allOf: [
        { ...one, minProperties: 1 },
        { ...other, minProperties: 2 },
      ],
    }),
    {
      schema: { type: "object", ...one, minProperties: 1 },
      rule: { ...other, minProperties: 2 },
    },
  );
  const loop = { $ref: "#/$defs/L", $defs: { L: { allOf: [{ $ref: "#/$defs/L" }] } } };
  assert.deepEqual(mergeBranches(loop), { schema: { type: "object", $defs: loop.$defs }, rule: { $ref: "#/$defs/L" } });
  assert.deepEqual(mergeBranches({ type: "object", not: { required: ["a"] }, enum: [{}] }, ["enum", "not"]), {
    schema: { type: "object" },
    rule: { enum: [{}], not: { required: ["a"] } },
  });
  const apart = mergeBranches({ properties: { a: { minLength: 1 } }, allOf: [{ properties: { a: { minLength: 2 } } }] });
  assert.deepEqual(apart.schema["properties"], { a: { allOf: [{ minLength: 1 }, { minLength: 2 }] } });
});

test("references that multiply are followed up to a limit", () => {
  const $defs = Object.fromEntries(
    Array.from({ length: 12 }, (_, at) => [`D${at}`, { allOf: Array.from({ length: 50 }, () => ({ $ref: `#/$defs/D${at + 1}` })) }]),
  );
  const { schema, rule } = mergeBranches({ $ref: "#/$defs/D0", $defs, additionalProperties: false });
  assert.deepEqual([schema["additionalProperties"], rule === undefined], [undefined, false]);
});

test("a plain object is not copied, and its tool's description stays", () => {
  const plain = { type: "object", properties: { a: { anyOf: [{}] } } };
  const merged = mergeBranches(plain);
  assert.deepEqual([merged.schema === plain, merged.rule], [true, undefined]);
  assert.equal(withRule("D.", undefined), "D.");
  assert.equal(withRule("D.", { not: {} }), 'D.\nThe arguments must also fit this JSON Schema: {"not":{}}');
});
