import assert from "node:assert/strict";
import { test } from "node:test";
import { KeyRenamer, renameKeys } from "./json-keys.ts";

const names = new Map([
  ["_top", "$top"],
  ["city_1", 'a "b"\\'],
]);
const text = '{ "_top" : 1.0, "x": ["_top", {"_top":{"city_1":"\\"_top\\":"}}], "\\u005ftop": "_top", "other\\n": {}}';
const renamed = '{ "$top" : 1.0, "x": ["_top", {"$top":{"a \\"b\\"\\\\":"\\"_top\\":"}}], "$top": "_top", "other\\n": {}}';

test("keys at every depth are renamed, and every other character stays", () => {
  assert.equal(renameKeys(text, names), renamed);
  assert.equal(renameKeys(text, undefined), text);
  assert.equal(renameKeys('["_top"]', names), '["_top"]');
  for (const broken of ["", "_top", '{"_to', '{"a":1,}', "}{[", '{"a" _top"']) assert.equal(renameKeys(broken, names), broken);
});

test("the same comes of any pieces, and only a key is held back", () => {
  for (let at = 0; at <= text.length; at++) {
    const renamer = new KeyRenamer(names);
    const [first, second] = [renamer.push(text.slice(0, at)), renamer.push(text.slice(at))];
    assert.equal(first + second + renamer.end(), renamed);
  }
  const renamer = new KeyRenamer(names);
  assert.deepEqual(
    ['{"a":"lo', "ng", '","_t', 'op":', "2}"].map((piece) => renamer.push(piece)),
    ['{"a":"lo', "ng", '",', '"$top":', "2}"],
  );
});
