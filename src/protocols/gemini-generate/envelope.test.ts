import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { applyEdits, GatewayError, latin1OfUtf8, utf8OfLatin1 } from "../../core/index.ts";
import { planEdits } from "./edits.ts";
import { readEnvelope } from "./envelope.ts";
import { callOf, fixture, generateCall, streamCall } from "./testing.ts";

const batchCall = callOf("POST /v1beta/models/{model}:batchEmbedContents", "emb ✓");
const countCall = callOf("POST /v1beta/models/{model}:countTokens", "g");

test("the path says which model and whether it streams, and the query in which form", () => {
  const body = latin1OfUtf8(fixture("gemini-cli-image.json"));
  const expected = { model: "gemini-x", spans: {}, insertAt: 1, empty: false };
  assert.deepEqual(readEnvelope(body, generateCall), { ...expected, stream: false });
  assert.deepEqual(readEnvelope(body, streamCall), { ...expected, stream: true });
  for (const [query, jsonArray] of [
    ["", true],
    ["alt=json", true],
    ["xalt=sse", true],
    ["a=b&$alt=sse", false],
    ["%24alt=SSE&b", false],
  ] as const) {
    const envelope = readEnvelope(body, { ...streamCall, query });
    assert.deepEqual(envelope, { ...expected, stream: true, ...(jsonArray ? { jsonArray } : {}) }, query);
  }
});

test("the output limit is read in camelCase and in snake_case", () => {
  assert.equal(readEnvelope('{"generationConfig":{"a":{},"maxOutputTokens":12}}', generateCall).maxOutputTokens, 12);
  assert.equal(readEnvelope('{"generation_config":{"max_output_tokens":13}}', generateCall).maxOutputTokens, 13);
  assert.equal(readEnvelope('{"generationConfig":[]}', generateCall).maxOutputTokens, undefined);
});

test("the collection models/ is not part of the name, tunedModels/ is", () => {
  const modelOf = (param: string) => readEnvelope("{}", { ...generateCall, param }).model;
  assert.deepEqual(["models/a", "tunedModels/a", "vendor/a:b"].map(modelOf), ["a", "tunedModels/a", "vendor/a:b"]);
  const get = callOf("GET /v1beta/models/{model}", "models/a");
  assert.deepEqual(readEnvelope("", get), { model: "a", stream: false, spans: {}, insertAt: 0, empty: true });
});

const faults: readonly (readonly [body: string, call: typeof generateCall, code: string, param: string | undefined])[] = [
  ["", generateCall, "invalid_json", undefined],
  ["[]", generateCall, "invalid_json", undefined],
  ["{}", { ...generateCall, param: "" }, "invalid_request", "model"],
  ["{}", { ...generateCall, param: "models/" }, "invalid_request", "model"],
  ["{}", { ...generateCall, param: "x".repeat(257) }, "invalid_request", "model"],
  ['{"model":5}', countCall, "invalid_request", "model"],
  ['{"model":"models/other"}', countCall, "invalid_request", "model"],
  ['{"generateContentRequest":{"model":"other"}}', countCall, "invalid_request", "generateContentRequest.model"],
  ['{"requests":[{"model":"emb"},{"model":"models/emb \u00e2\u009c\u0093"}]}', batchCall, "invalid_request", "requests[0].model"],
  ['{"requests":[{} {}]}', batchCall, "invalid_json", undefined],
  ['{"requests":[{},]}', batchCall, "invalid_json", undefined],
  ['{"requests":[{"model":"a","model":"b"}]}', batchCall, "ambiguous_json", "model"],
];
for (const [body, call, code, param] of faults) {
  test(`a 400 for ${body.slice(0, 60)} on ${call.param.slice(0, 10)}`, () => {
    assert.throws(
      () => readEnvelope(body, call),
      (error) => error instanceof GatewayError && error.status === 400 && error.code === code && error.param === param,
    );
  });
}

test("every place that repeats the model's name gets the new one, and every other byte is kept", () => {
  const edit = (body: string, call: typeof generateCall, model: string) => {
    const latin1 = latin1OfUtf8(body);
    return utf8OfLatin1(applyEdits(latin1, planEdits(readEnvelope(latin1, call), call, { model })));
  };
  assert.equal(
    edit('{"requests":[ {"n":1.0,"model" : "models/emb ✓"},{}, {"model":"emb \\u2713","x":{"model":"y"}}]}', batchCall, 'up"✓'),
    '{"requests":[ {"n":1.0,"model" : "models/up\\"✓"},{}, {"model":"models/up\\"✓","x":{"model":"y"}}]}',
  );
  assert.equal(
    edit('{"generate_content_request":{"contents":[],"model":"models/g"},"model":"g"}', countCall, "tunedModels/t"),
    '{"generate_content_request":{"contents":[],"model":"tunedModels/t"},"model":"tunedModels/t"}',
  );
  assert.equal(edit('{"requests":[{"model":"emb ✓"}]}', batchCall, "emb ✓"), '{"requests":[{"model":"emb ✓"}]}');
  assert.equal(edit('{"contents":[{"model":"g"}],"model":null}', countCall, "t"), '{"contents":[{"model":"g"}],"model":null}');
});

test("any batch: only the names differ after the edit", () => {
  const value = fc.oneof(
    fc.jsonValue().map((json) => JSON.stringify(json)),
    fc.constantFrom("1.0", "12345678901234567890", "-0", "1e400"),
  );
  const space = fc.constantFrom("", " ", "\r\n", "\t");
  const key = fc.string({ unit: "grapheme" }).filter((name) => name !== "model");
  const field = fc.tuple(key, value).map(([name, json]) => `${JSON.stringify(name)}:${json}`);
  const request = fc.tuple(fc.array(field, { maxLength: 3 }), fc.boolean(), fc.array(field, { maxLength: 3 }));
  fc.assert(
    fc.property(fc.array(request, { maxLength: 4 }), space, (requests, gap) => {
      const bodyWith = (name: string) => {
        const items = requests.map(
          ([before, named, after]) =>
            `{${gap}${[...before, ...(named ? [`"model"${gap}:${gap}"${name}"`] : []), ...after].join(`,${gap}`)}}`,
        );
        return latin1OfUtf8(`{"requests"${gap}:[${gap}${items.join(`${gap},`)}${gap}]}`);
      };
      const body = bodyWith("models/emb ✓");
      assert.equal(applyEdits(body, planEdits(readEnvelope(body, batchCall), batchCall, { model: "up ✓" })), bodyWith("models/up ✓"));
    }),
    { numRuns: 300 },
  );
});
