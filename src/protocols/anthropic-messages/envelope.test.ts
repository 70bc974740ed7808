import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { applyEdits, GatewayError, latin1OfUtf8, parseLatin1, utf8OfLatin1 } from "../../core/index.ts";
import { planEdits } from "./edits.ts";
import { readEnvelope } from "./envelope.ts";
import { callOf, fixture, generateCall } from "./testing.ts";

test("a recorded body: model, stream, limit, and their places in the text", () => {
  const body = latin1OfUtf8(fixture("node-sdk-tool-loop.json"));
  const { spans, insertAt, ...rest } = readEnvelope(body, generateCall);
  assert.deepEqual(rest, { model: "claude-sonnet-4-5", stream: true, maxOutputTokens: 8000, empty: false });
  assert.equal(body.slice(spans["model"]?.start, spans["model"]?.end), '"claude-sonnet-4-5"');
  assert.equal(body.slice(spans["stream"]?.start, spans["stream"]?.end), "true");
  assert.equal(insertAt, 1);
});

test("a GET has no body, and its model is in the path", () => {
  const call = callOf("GET /anthropic/v1/models/{model}", "a/b");
  assert.deepEqual(readEnvelope("", call), { model: "a/b", stream: false, spans: {}, insertAt: 0, empty: true });
});

const faults: readonly (readonly [body: string, code: string, param: string | undefined])[] = [
  ["", "invalid_json", undefined],
  ["[]", "invalid_json", undefined],
  ['{"model":"m"', "invalid_json", undefined],
  ["{}", "invalid_request", "model"],
  ['{"model":5}', "invalid_request", "model"],
  ['{"model":null}', "invalid_request", "model"],
  ['{"model":""}', "invalid_request", "model"],
  [`{"model":"${"x".repeat(257)}"}`, "invalid_request", "model"],
  ['{"model":"m","stream":"true"}', "invalid_request", "stream"],
  ['{"model":"m","stream":1}', "invalid_request", "stream"],
  ['{"model":"m","model":"n"}', "ambiguous_json", "model"],
  ['{"mod\\u0065l":"m"}', "ambiguous_json", "model"],
];
for (const [body, code, param] of faults) {
  test(`a 400 for ${body.slice(0, 40)}`, () => {
    assert.throws(
      () => readEnvelope(body, generateCall),
      (error) => error instanceof GatewayError && error.status === 400 && error.code === code && error.param === param,
    );
  });
}

test("a model name of 256 characters is valid, and stream may be null", () => {
  const envelope = readEnvelope(`{"stream":null,"model":"${"x".repeat(256)}"}`, generateCall);
  assert.deepEqual([envelope.model.length, envelope.stream], [256, false]);
});

test("the model's name is replaced, and every other byte is kept", () => {
  const body = latin1OfUtf8('{ "n":1.0, "big":12345678901234567890,\r\n"model" : "ali\\u0061s ✓" , "t":"✓ \\u2713" }');
  const envelope = readEnvelope(body, generateCall);
  assert.equal(envelope.model, "alias ✓");
  const patched = applyEdits(body, planEdits(envelope, generateCall, { model: 'up"✓' }));
  assert.equal(utf8OfLatin1(patched), '{ "n":1.0, "big":12345678901234567890,\r\n"model" : "up\\"✓" , "t":"✓ \\u2713" }');
});

test("nothing is edited if the upstream has the same name", () => {
  const envelope = readEnvelope('{"model":"m"}', generateCall);
  assert.deepEqual([planEdits(envelope, generateCall, {}), planEdits(envelope, generateCall, { model: "m" })], [[], []]);
});

test("any body: only the model differs after the edit", () => {
  const space = fc.constantFrom("", " ", "\n\t", "\r\n");
  const number = fc.constantFrom("1.0", "12345678901234567890", "-0", "1e400", "0.10");
  const value = fc.oneof(
    fc.jsonValue().map((json) => JSON.stringify(json)),
    number,
  );
  const key = fc.string({ unit: "grapheme" }).filter((name) => !["model", "stream", "max_tokens"].includes(name));
  const field = fc.tuple(key, space, value, space).map(([name, before, json, after]) => `${JSON.stringify(name)}${before}:${json}${after}`);
  const name = fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 }).filter((text) => text.isWellFormed());
  fc.assert(
    fc.property(fc.array(field), fc.array(field), space, name, name, (before, after, gap, model, upstream) => {
      const bodyWith = (json: string) => `{${gap}${[...before, `"model"${gap}:${gap}${json}`, ...after].join(`,${gap}`)}}${gap}`;
      const body = latin1OfUtf8(bodyWith(JSON.stringify(model)));
      const envelope = readEnvelope(body, generateCall);
      assert.equal(envelope.model, model);
      const patched = applyEdits(body, planEdits(envelope, generateCall, { model: upstream }));
      const expected = model === upstream ? body : latin1OfUtf8(bodyWith(JSON.stringify(upstream)));
      assert.equal(patched, expected);
      assert.equal((parseLatin1(patched) as { model: string }).model, upstream);
    }),
    { numRuns: 300 },
  );
});
