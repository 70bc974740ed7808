import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { JsonSchema } from "../../ir/index.ts";
import type { WireObject } from "../shared/fields.ts";
import { Losses } from "../shared/losses.ts";
import { fitsStrict, fitsStrictFormat, lowerFunction, lowerParameters } from "./function-schema.ts";

describe("the schema of a function", () => {
  test("gets the type that OpenAI requires at the top, and keeps everything else", () => {
    assert.deepEqual(lowerParameters({ properties: { a: {} } }), { schema: { type: "object", properties: { a: {} } }, rule: undefined });
    assert.deepEqual(lowerParameters(true), { schema: { type: "object", properties: {} }, rule: undefined });
    assert.deepEqual(lowerParameters({ type: "object" }).schema, { type: "object", properties: {} });
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

  test("is strict with what OpenAI refuses there in another form", () => {
    const losses = new Losses();
    const lowered = lowerFunction(
      {
        strict: true,
        parameters: {
          type: "object",
          properties: {
            a: { type: "string", default: "x", minLength: 1 },
            b: { oneOf: [{ type: "string" }, { type: "null" }] },
            c: { allOf: [{ type: "string" }, { pattern: "^c" }] },
          },
          required: ["a", "b", "c"],
          additionalProperties: false,
        },
      },
      losses,
    );
    assert.deepEqual(lowered, {
      parameters: {
        type: "object",
        properties: {
          a: { type: "string", minLength: 1, description: '(default: "x")' },
          b: { anyOf: [{ type: "string" }, { type: "null" }] },
          c: { type: "string", pattern: "^c" },
        },
        required: ["a", "b", "c"],
        additionalProperties: false,
      },
      description: undefined,
      strict: true,
    });
    assert.deepEqual(
      losses.list.map(({ param, action }) => `${action} ${param}`),
      ["emulated tools[].parameters"],
    );
  });

  test("is not strict beyond the vendor's limits of size", () => {
    const closed = (properties: WireObject): WireObject => ({
      type: "object",
      properties,
      required: Object.keys(properties),
      additionalProperties: false,
    });
    const many = (count: number, letters = 1): WireObject =>
      Object.fromEntries(Array.from({ length: count }, (_, at) => [`${at}`.padEnd(letters, "x"), { type: "string" }]));
    const nested = (levels: number): WireObject => (levels === 1 ? closed({}) : closed({ a: nested(levels - 1) }));
    const words = (count: number, letters: number): WireObject =>
      closed({ a: { type: "string", enum: Object.keys(many(count, letters)) } });
    const isStrict = (parameters: WireObject): boolean | undefined => lowerFunction({ strict: true, parameters }, new Losses()).strict;
    for (const fits of [closed(many(5000)), nested(10), closed(many(1200, 100)), words(1000, 15), words(250, 100)])
      assert.equal(isStrict(fits), true);
    for (const exceeds of [closed(many(5001)), nested(11), closed(many(1201, 100)), words(1001, 4), words(251, 60)]) {
      assert.equal(isStrict(exceeds), false);
      assert.equal(fitsStrictFormat(exceeds), false);
    }
  });

  test("meets the terms for strict only if every object in it does", () => {
    const closed = { type: "object", properties: { a: { type: "string" } }, required: ["a"], additionalProperties: false };
    assert.equal(fitsStrict(closed), true);
    assert.equal(fitsStrict({ ...closed, required: [] }), false);
    assert.equal(fitsStrict({ ...closed, properties: { a: { type: "object" } } }), false);
    assert.equal(fitsStrict({ ...closed, properties: { a: { type: "array", items: { ...closed, additionalProperties: true } } } }), false);
    assert.equal(fitsStrict({ ...closed, $defs: { x: closed }, properties: { a: { enum: [{ type: "object" }] } } }), true);
  });

  test("the schema of an answer may be strict only if nothing in it is refused", () => {
    const closed = { type: "object", properties: { not: { type: "string" } }, required: ["not"], additionalProperties: false };
    const of = (value: unknown): WireObject => ({ ...closed, properties: { not: value } });
    for (const fits of [
      closed,
      of({ anyOf: [closed, { type: "null" }] }),
      of({ type: "array", items: closed }),
      of({ type: "string", enum: ["default"], const: { not: 1 } }),
      { ...closed, $schema: "https://json-schema.org/draft/2020-12/schema", $defs: { a: closed } },
      of({ $ref: "#" }),
    ])
      assert.equal(fitsStrictFormat(fits), true, JSON.stringify(fits));
    const refused: readonly JsonSchema[] = [
      true,
      { type: "array", items: closed },
      { anyOf: [closed] },
      { ...closed, anyOf: [closed] },
      { ...closed, required: [] },
      of({ type: "string", default: "a" }),
      of({ oneOf: [{ type: "string" }] }),
      of({ type: "array", items: { allOf: [closed] } }),
      { ...closed, $defs: { a: { not: {} } } },
      { ...closed, required: ["not", "more"] },
      { ...closed, enum: [{ not: "a" }] },
      of({}),
      of(true),
      of({ enum: ["a"] }),
      of({ type: ["object", "null"] }),
      of({ type: "array" }),
      of({ type: "array", items: {} }),
      of({ type: "array", items: [closed] }),
      of({ $ref: "#/$defs/a", description: "a" }),
      of({ $ref: "https://example.com/a" }),
      of({ type: "integer", minimum: 0 }),
      of({ type: "string", format: "date" }),
      of({ type: "array", items: { type: "string" }, uniqueItems: true }),
    ];
    for (const schema of refused) assert.equal(fitsStrictFormat(schema), false, JSON.stringify(schema));
  });
});
