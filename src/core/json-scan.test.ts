import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { GatewayError } from "./errors.ts";
import { applyEdits, parseSpan, readBoolean, readNumber, readString, scanDocument, scanObject } from "./json-scan.ts";
import { asBytes, latin1OfUtf8, utf8OfLatin1 } from "./bytes.ts";

const codeOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (error instanceof GatewayError) return error.code;
    throw error;
  }
  return "no error";
};

test("finds the spans of top-level keys and nothing deeper", () => {
  const text = ' { "model" : "gpt-x", "messages":[{"model":"inner","stream":true}], "n":1.0,"stream" :false }\n';
  const scanned = scanDocument(text, ["model", "stream", "absent", "n"]);
  assert.equal(readString(text, scanned.spans[0]), "gpt-x");
  assert.equal(readBoolean(text, scanned.spans[1]), false);
  assert.equal(scanned.spans[2], undefined);
  assert.equal(text.slice(scanned.spans[3]!.start, scanned.spans[3]!.end), "1.0");
  assert.equal(readNumber(text, scanned.spans[3]), 1);
  assert.equal(scanned.open, 1);
  assert.equal(scanDocument("{}", []).empty, true);
});

test("reads strings with escapes and with UTF-8 bytes", () => {
  const text = latin1OfUtf8('{"model":"a\\"b\\u00e9","name":"grüße 😀"}');
  const { spans } = scanDocument(text, ["model", "name"]);
  assert.equal(readString(text, spans[0]), 'a"bé');
  assert.equal(readString(text, spans[1]), "grüße 😀");
});

test("refuses a wanted key that is repeated or spelt with escapes", () => {
  assert.equal(
    codeOf(() => scanDocument('{"model":"a","model":"b"}', ["model"])),
    "ambiguous_json",
  );
  assert.equal(
    codeOf(() => scanDocument('{"mod\\u0065l":"a"}', ["model"])),
    "ambiguous_json",
  );
  assert.equal(
    codeOf(() => scanDocument('{"other":1,"other":2,"x\\u0065":3}', ["model"])),
    "no error",
  );
});

test("refuses text that is not one JSON object", () => {
  const bad = [
    "",
    " ",
    "[]",
    "null",
    "{",
    '{"a"',
    '{"a":',
    '{"a":1',
    '{"a":1,}',
    '{"a":1}x',
    '{"a":01}',
    '{"a":+1}',
    '{"a":nul}',
    "{a:1}",
    '{"a":"',
    '{"a":"\\"}',
    '{"a":[1}}',
    '{"a":{"b":1]}',
    '{"a" 1}',
    '{"a":}',
    "<html>",
  ];
  for (const text of bad)
    assert.equal(
      codeOf(() => scanDocument(text, ["a"])),
      "invalid_json",
      text,
    );
});

test("refuses an object of more than 500,000 members", () => {
  const members = (count: number): string => `{${'"x":1,'.repeat(count - 1)}"y":2}`;
  assert.equal(readNumber(members(500_000), scanDocument(members(500_000), ["y"]).spans[0]), 2);
  assert.equal(
    codeOf(() => scanDocument(members(500_001), ["y"])),
    "body_too_complex",
  );
});

test("refuses nesting beyond its limit without a crash", () => {
  const deep = `{"a":${"[".repeat(100_000)}${"]".repeat(100_000)}}`;
  assert.equal(
    codeOf(() => scanDocument(deep, ["model"])),
    "invalid_json",
  );
});

test("for any JSON object, each span parses to the value of its key", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.nat(3), (object, indent) => {
      const keys = Object.keys(object);
      const text = latin1OfUtf8(JSON.stringify(object, null, indent));
      // Keys that JSON spells with escapes are refused on purpose.
      const plain = keys.filter((key) => JSON.stringify(key) === `"${key}"`).map(latin1OfUtf8);
      const { spans } = scanDocument(text, plain);
      plain.forEach((key, i) => assert.deepEqual(parseSpan(text, spans[i]!), JSON.parse(JSON.stringify(object[utf8OfLatin1(key)]))));
    }),
  );
});

test("the scanner accepts every object that JSON.parse accepts", () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      const value: unknown = JSON.parse(text);
      const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
      assert.equal(
        codeOf(() => scanDocument(latin1OfUtf8(text), [])),
        isObject ? "no error" : "invalid_json",
      );
    }),
  );
});

test("scans an object inside a document", () => {
  const text = '{"a":{"b":2}}';
  const { spans } = scanDocument(text, ["a"]);
  const inner = scanObject(text, spans[0]!.start, ["b"]);
  assert.equal(readNumber(text, inner.spans[0]), 2);
  assert.equal(inner.end, spans[0]!.end);
});

test("edits change only their spans", () => {
  assert.equal(
    applyEdits("abcdef", [
      { start: 1, end: 2, text: asBytes("XX") },
      { start: 4, end: 4, text: asBytes("-") },
    ]),
    "aXXcd-ef",
  );
  assert.equal(applyEdits("abc", []), "abc");
});
