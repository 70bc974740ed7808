import assert from "node:assert/strict";
import { test } from "node:test";
import { latin1OfUtf8, utf8OfLatin1 } from "../../core/index.ts";
import { contextCaching } from "./context-cache.ts";

const name = "cachedContents/abc-1";
const read = (text: string) => contextCaching.read(latin1OfUtf8(text));
const turn = (text: string): string => `{"role":"user","parts":[{"text":"${text}"}]}`;

function refer(text: string, turns: number): string {
  return utf8OfLatin1(contextCaching.refer(read(text)!, turns, name));
}

test("a request that refers to a cache has neither what that keeps nor its first turns; all other bytes stay, wherever the members are", () => {
  const [one, two, three] = [turn("one"), turn("zwei ü"), turn("three")];
  const config = '"generationConfig": { "temperature": 1.0 }';
  const cases: readonly (readonly [string, number, string])[] = [
    [`{"contents":[${one},${two},${three}]}`, 2, `{"contents":[${three}],"cachedContent":"${name}"}`],
    [`{"systemInstruction":{"parts":[]},"contents":[${one}, ${two}]}`, 0, `{"contents":[${one}, ${two}],"cachedContent":"${name}"}`],
    [
      `{ "tools": [{"functionDeclarations":[]}], "toolConfig": {}, ${config}, "contents": [ ${one}, ${two} ], "system_instruction": {"parts":[{"text":"tools"}]} }`,
      1,
      `{  ${config}, "contents": [ ${two} ],  "cachedContent":"${name}"}`,
    ],
    [`{"contents":[${one},${two}],"tools":[],"tool_config":{}}`, 1, `{"contents":[${two}],"cachedContent":"${name}"}`],
    [
      `{"tools":[],${config},"contents":[${one},${two}],"toolConfig":{"tools":"tools"},"labels":{}}`,
      1,
      `{${config},"contents":[${two}],"labels":{},"cachedContent":"${name}"}`,
    ],
  ];
  for (const [text, turns, expected] of cases) {
    const body = refer(text, turns);
    assert.deepEqual(JSON.parse(body), JSON.parse(expected));
    assert.equal(body.replaceAll(/(?<=[{,]) +| +(?=})/g, ""), expected.replaceAll(/(?<=[{,]) +| +(?=})/g, ""));
  }
});

test("a cache is made of the same bytes, under the vendor's names, for the model's resource", () => {
  const prompt = read(`{"contents":[${turn("ü")}, ${turn("two")}],"tool_config":{"a":1.0},"system_instruction":{"parts":[]},"tools":[1]}`)!;
  const { method, path, body } = contextCaching.create(prompt, { model: "gemini-x", turns: 1, ttlSeconds: 300 });
  assert.deepEqual(
    [method, path, utf8OfLatin1(body)],
    [
      "POST",
      "/v1beta/cachedContents",
      `{"model":"models/gemini-x","displayName":"tokligence","ttl":"300s","systemInstruction":{"parts":[]},"tools":[1],"toolConfig":{"a":1.0},"contents":[${turn("ü")}]}`,
    ],
  );
  const fixed = contextCaching.create(prompt, { model: "tunedModels/x", turns: 0, ttlSeconds: 60 });
  assert.deepEqual(Object.keys(JSON.parse(fixed.body) as object), [
    "model",
    "displayName",
    "ttl",
    "systemInstruction",
    "tools",
    "toolConfig",
  ]);
  assert.deepEqual(contextCaching.extend(name, 300), { method: "PATCH", path: `/v1beta/${name}?updateMask=ttl`, body: '{"ttl":"300s"}' });
});

test("a body with a cache or a class of service of its own, without turns, or with a part in both spellings is left alone", () => {
  const contents = `"contents":[${turn("one")}]`;
  for (const rest of ['"cachedContent":"x"', '"cached_content":"x"', '"serviceTier":"flex"', '"tool_config":{},"toolConfig":{}'])
    assert.equal(read(`{${contents},${rest}}`), undefined, rest);
  for (const text of ["{}", '{"contents":[]}', '{"contents":"text"}']) assert.equal(read(text), undefined, text);
});

test("what the vendor answers is read, and nothing else becomes a part of a path", () => {
  assert.deepEqual(contextCaching.parse(`{"name":"${name}","usageMetadata":{"totalTokenCount":5000}}`), { name, tokens: 5000 });
  assert.deepEqual(contextCaching.parse(`{"name":"${name}","usageMetadata":{"totalTokenCount":-1}}`), { name, tokens: undefined });
  for (const text of ['{"name":"cachedContents/../models"}', '{"name":"x"}', "{}", "[]", "no"])
    assert.equal(contextCaching.parse(text), undefined, text);
  const about = (message: string): boolean => contextCaching.isAboutCache(message);
  assert.deepEqual(
    ["CachedContent not found (or permission denied)", "Cached content is too small.", "The caller does not have permission"].map(about),
    [true, true, false],
  );
  const least = (message: string): number | undefined => contextCaching.leastTokens(message);
  assert.deepEqual(
    [least("Cached content is too small. total_token_count=416, min_total_token_count=4096"), least("no")],
    [4096, undefined],
  );
  assert.deepEqual(["gemini-2.5-pro", "gemini-3.8-flash", "gemini-flash-latest"].map(contextCaching.minTokens), [2048, 4096, 4096]);
});
