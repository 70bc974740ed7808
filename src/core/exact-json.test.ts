import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { GatewayError } from "./errors.ts";
import { exactValues, parseExact } from "./exact-json.ts";
import { asBytes, latin1OfUtf8 } from "./bytes.ts";

const exact = exactValues("messages", ["input", "args"]);
const printed = (text: string): string => JSON.stringify(parseExact(latin1OfUtf8(text), exact));

test("numbers in the named objects are printed as they were written", () => {
  const input = '{"id":1234567890123456789,"x":1.0,"deep":[-0,{"y":[2.50,-1E+05]}],"tiny":0.0000001,"huge":1e999,"é":"1.0"}';
  const text = `{"messages":[{"input":${input}},{"content":[{"args":${input}}]}]}`;
  assert.equal(printed(text), text);
});

test("a number that is printed as it was written stays a number", () => {
  const value = parseExact(asBytes('{"messages":[{"input":{"n":1,"big":1234567890123456800,"half":0.5,"x":1.0}}]}'), exact);
  assert.deepEqual(value, { messages: [{ input: { n: 1, big: 1234567890123456800, half: 0.5, x: JSON.rawJSON("1.0") } }] });
});

test("finds each spelling of a number that a parser changes", () => {
  const numbers = [
    "1234567890123456789",
    "-9007199254740993",
    "0.12345678901234567",
    "1.0",
    "-2.50",
    "0.0",
    "-0",
    "-0.0",
    "1e5",
    "1.5E+3",
    "0.0000001",
  ];
  for (const number of numbers) {
    for (const input of [`{"a":${number}}`, `{"a" : [1, ${number}]}`, `{"a":[${number},"b"]}`]) {
      const text = `{"messages":[{"input":${input}}]}`;
      assert.equal(printed(text), text.replaceAll(" ", ""));
    }
  }
});

test("a body is parsed twice only if a named object contains such a number", (t) => {
  const parse = t.mock.method(JSON, "parse");
  const parses = (text: string): number => {
    parse.mock.resetCalls();
    parseExact(asBytes(text), exact);
    return parse.mock.callCount();
  };
  assert.equal(parses('{"temperature":1.0,"messages":[{"input":{"code":"a[0] = {\\"x\\": 1.0}","n":1},"x":1.0},"input"]}'), 1);
  for (const key of exact.keys) assert.equal(parses(`{"messages":[{"${key}":{"code":"","n":1.0}}]}`), 2);
});

test("a number outside the named objects is parsed as JSON.parse parses it", () => {
  const text = '{"temperature":1.0,"huge":1e999,"messages":[{"n":1.0,"input":{"x":1.0}},{"input":1.0}],"tools":[{"input":{"max":1.0}}]}';
  assert.deepEqual(parseExact(asBytes(text), exact), {
    temperature: 1,
    huge: Infinity,
    messages: [{ n: 1, input: { x: JSON.rawJSON("1.0") } }, { input: 1 }],
    tools: [{ input: { max: 1 } }],
  });
  for (const text of ['{"messages":[{"input":{"x":1.0}}]}', "[1.0]", "1.0"])
    assert.deepEqual(parseExact(asBytes(text), undefined), JSON.parse(text));
});

test("names and numbers inside strings are text", () => {
  const said = JSON.stringify('{"input":{"x":1.0},"y": 2.50}, \\');
  const text = `{"messages":[{"input":{"code":${said}}},{"content":${said}},{"input" : {"x" : 3.0}}]}`;
  assert.equal(printed(text), text.replaceAll(" : ", ":"));
});

test("strings that begin with a null character stay strings", () => {
  const text = String.raw`{"messages":[{"input":{"x":1.0,"a":"\u00000","\u00000":[2.0]}}]}`;
  assert.equal(printed(text), text);
});

test("repeated keys and __proto__ are what JSON.parse makes of them", () => {
  assert.equal(printed('{"messages":[{"input":{"x":1.0},"input":{"x":2.0,"x":3.0}}]}'), '{"messages":[{"input":{"x":3.0}}]}');
  assert.equal(printed('{"messages":[{"input":{"x":1.0}}],"messages":[{"input":{"x":1}}]}'), '{"messages":[{"input":{"x":1}}]}');
  const text = '{"messages":[{"__proto__":{"input":{"__proto__":1.0}}}]}';
  assert.equal(printed(text), text);
});

test("any number comes out as it is written", () => {
  const digits = (maxLength: number) => fc.array(fc.nat(9), { minLength: 1, maxLength }).map((list) => list.join(""));
  const sign = fc.constantFrom("", "-");
  const whole = digits(24).map((text) => text.replace(/^0+(?=\d)/, ""));
  const fraction = fc.oneof(
    fc.constant(""),
    digits(24).map((text) => `.${text}`),
    digits(3).map((text) => `.00000${text}`),
  );
  const exponent = fc.oneof(
    { weight: 3, arbitrary: fc.constant("") },
    fc.tuple(fc.constantFrom("e", "E+", "e-"), digits(3)).map((parts) => parts.join("")),
  );
  const number = fc.tuple(sign, whole, fraction, exponent).map((parts) => parts.join(""));
  fc.assert(
    fc.property(fc.array(number, { minLength: 1, maxLength: 3 }), (numbers) => {
      const text = `{"messages":[{"input":{"a":${numbers[0]},"b":[${numbers.join(",")}]}}]}`;
      assert.equal(printed(text), text);
    }),
    { numRuns: 2000 },
  );
});

test("text that is not JSON is refused", () => {
  assert.throws(
    () => parseExact(asBytes('{"messages":[{"input":{"x":1.0}}]'), exact),
    (error) => error instanceof GatewayError && error.code === "invalid_json",
  );
});
