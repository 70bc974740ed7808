import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { learnShape, matchShape } from "./chunk-shape.ts";

const first = '{"id":"c","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}],"usage":null,"obfuscation":"xy"}';
const shape = learnShape(first)!;

describe("the shape of a chunk", () => {
  test("is the text around its delta", () => {
    assert.deepEqual(shape, {
      head: '{"id":"c","choices":[{"index":0,"delta":',
      tail: ',"finish_reason":null}],"usage":null',
      cutTail: ',"finish_reason":null}]',
    });
    assert.equal(learnShape('{"usage":null,"choices":[{"delta":{}}]}')?.cutTail, undefined);
    assert.equal(learnShape('{"choices":[{"delta" : {}}]}'), undefined);
    assert.equal(learnShape('{"choices":[]}'), undefined);
  });

  for (const delta of ["{}", '{"content":"a"}', '{"content":"}]\\"}"}', '{"tool_calls":[{"function":{"arguments":"{}"}}]}']) {
    test(`is that of another chunk with the delta ${delta}`, () => {
      const end = shape.head.length + delta.length;
      assert.equal(
        matchShape(
          shape,
          first.replace('{"content":"a"}', () => delta),
        ),
        end,
      );
      assert.equal(matchShape(shape, first.replace('{"content":"a"}', () => delta).replace(',"obfuscation":"xy"', "")), end);
    });
  }

  for (const [what, other] of [
    ["another id", first.replace('"c"', '"d"')],
    ["another reason", first.replace('"finish_reason":null', '"finish_reason":"ab"')],
    ["usage of the same length", first.replace('"usage":null', '"usage":1234')],
    ["another field after it", first.replace("}]", '}],"x":1')],
    ["another field at the end", first.replace('"xy"}', '"xy","error":{}}')],
    ["an escape at the end", first.replace('"xy"', '"x\\"y"')],
    ["a delta that is null", first.replace('{"content":"a"}', "null")],
    ["half a delta", first.replace('"a"}', '"a"')],
    ["no end", first.slice(0, -1)],
  ] as const) {
    test(`is not that of a chunk with ${what}`, () => {
      assert.notEqual(other, first);
      assert.equal(matchShape(shape, other), -1);
    });
  }
});
