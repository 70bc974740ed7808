import assert from "node:assert/strict";
import { test } from "node:test";
import { putModel } from "./put-model.ts";

function put(body: string, model: string): string {
  const bytes = Buffer.from(body);
  const parts = [bytes.subarray(0, 5), bytes.subarray(5)];
  return Buffer.concat(putModel(parts, bytes.toString("latin1"), model)).toString();
}

test("the model replaces the body's, or is put in, and no other byte changes", () => {
  assert.equal(put('{ "n": 1.0, "model" : "x", "ü": "é" }', "größe"), '{ "n": 1.0, "model" : "größe", "ü": "é" }');
  assert.equal(put('{"messages":[{"model":"inner"}]}', 'a"b'), '{"model":"a\\"b","messages":[{"model":"inner"}]}');
  assert.equal(put(" {   } ", "m"), ' {"model":"m"   } ');
  assert.equal(put('{"model":null}', "m"), '{"model":"m"}');
});

test("a body that has the model already is the same, and one that is no object is refused", () => {
  const parts = [Buffer.from('{"model":"m"}')];
  assert.equal(putModel(parts, '{"model":"m"}', "m"), parts);
  assert.throws(() => put("[1, 2]", "m"), { code: "invalid_json" });
});
