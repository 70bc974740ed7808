import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "../../core/index.ts";
import { compact, createFieldReaders, mapFields, restOf, type WireObject } from "./fields.ts";

/** A JSON body that has a field named `__proto__`. */
const client = JSON.parse('{"__proto__":{"a":1},"b":2}') as WireObject;

test("a client's key __proto__ stays an ordinary key", () => {
  assert.deepEqual(Object.entries(restOf(client, new Set(["b"]))!), [["__proto__", { a: 1 }]]);
  assert.deepEqual(Object.entries(compact({ ...client, c: undefined })), [
    ["__proto__", { a: 1 }],
    ["b", 2],
  ]);
  const changed = mapFields(client, (value, key) => (key === "__proto__" ? 3 : value));
  assert.deepEqual(Object.entries(changed), [
    ["__proto__", 3],
    ["b", 2],
  ]);
  assert.deepEqual(Object.entries(client)[0], ["__proto__", { a: 1 }]);
});

test("null values are kept, undefined ones are absent", () => {
  assert.deepEqual(Object.keys(compact({ a: null, b: undefined, c: 0, d: "" })), ["a", "c", "d"]);
});

test("without unknown fields the rest is undefined, and an object without a change is returned itself", () => {
  assert.equal(restOf({ b: 2 }, new Set(["b"])), undefined);
  assert.equal(
    mapFields(client, (value) => value),
    client,
  );
});

test("a field is named in the dialect's words, and read in its spellings", () => {
  const { optionalNumber, optionalObject, optionalStrings, requiredString } = createFieldReaders({
    message: (path, expected) => `${path} wants ${expected}`,
    element: (path, index) => `${path}#${index}`,
    spellKeys: (object) => ({ ...object, spelt: true }),
    readNumber: (value) => (value === "seven" ? 7 : value),
  });
  const refusal = (read: () => unknown): unknown => {
    try {
      return read();
    } catch (error) {
      assert.ok(error instanceof GatewayError);
      return [error.code, error.param, error.message];
    }
  };
  assert.deepEqual(
    refusal(() => requiredString({}, "a", "x.y")),
    ["invalid_request", "x.y.a", "x.y.a wants a string"],
  );
  assert.deepEqual(
    refusal(() => optionalStrings({ a: ["b", 1] }, "a", "")),
    ["invalid_request", "a#1", "a#1 wants a string"],
  );
  assert.deepEqual(
    refusal(() => optionalNumber({ a: Infinity }, "a", "")),
    ["invalid_request", "a", "a wants a number"],
  );
  assert.equal(optionalNumber({ a: "seven" }, "a", ""), 7);
  assert.equal(optionalNumber({ a: null }, "a", ""), undefined);
  assert.deepEqual(optionalObject({ a: { b: 1 } }, "a", ""), { b: 1, spelt: true });
});
