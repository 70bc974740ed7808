import assert from "node:assert/strict";
import { test } from "node:test";
import type { ProtocolId } from "../../ir/index.ts";
import { applyEdits } from "../../core/index.ts";
import { isUnbounded, protocols, setOutputLimit, type Envelope } from "../index.ts";

function envelopeOf(id: ProtocolId, body: object | string): Envelope {
  const protocol = protocols.get(id)!;
  const route = protocol.routes.find(({ operation }) => operation === "generate")!;
  const text = typeof body === "string" ? body : JSON.stringify({ ...(id === "gemini-generate" ? {} : { model: "m" }), ...body });
  return protocol.readEnvelope(text, { route, param: id === "gemini-generate" ? "m" : "", query: "" });
}

const limitOf = (id: ProtocolId, body: object | string): number | undefined => {
  const { maxOutputTokens, otherLimit } = envelopeOf(id, body);
  return maxOutputTokens ?? otherLimit;
};
const choicesOf = (id: ProtocolId, body: object): number | undefined => envelopeOf(id, body).choices;

const dialects: readonly ProtocolId[] = ["openai-chat", "openai-responses", "anthropic-messages", "gemini-generate"];
const spellings = ["max_tokens", "max_completion_tokens", "max_output_tokens", "maxOutputTokens", "max_new_tokens"];
const counts = ["n", "best_of", "candidateCount", "candidate_count"];

for (const id of dialects) {
  test(`${id}: of two different output limits the larger counts, with any names, in any order and place`, () => {
    for (const one of spellings) {
      for (const other of spellings.filter((name) => name !== one)) {
        assert.equal(limitOf(id, { [one]: 1, [other]: 100_000 }), 100_000, `${one}, ${other}`);
        assert.equal(limitOf(id, { [one]: 100_000, [other]: 0 }), 100_000, `${one}, ${other}: 0`);
      }
      for (const config of ["generationConfig", "generation_config"]) {
        assert.equal(limitOf(id, { [one]: 1, [config]: { [one]: 7 } }), 7, `${one} in ${config}`);
      }
      assert.equal(limitOf(id, { generationConfig: { [one]: 8 }, generation_config: { [one]: 9 } }), 9);
    }
  });

  test(`${id}: of several numbers of answers the largest counts`, () => {
    for (const one of counts) {
      for (const other of counts.filter((name) => name !== one)) assert.equal(choicesOf(id, { [one]: 2, [other]: 5 }), 5);
      assert.equal(choicesOf(id, { [one]: 2, generationConfig: { [one]: 1 }, generation_config: { [one]: 3 } }), 3);
      assert.equal(choicesOf(id, { [one]: 1 }), undefined);
    }
  });

  test(`${id}: 0, null and values that are not numbers are no limit; the text of a number is, as some servers read it`, () => {
    for (const value of [0, -1, null, "", "x", {}, [], true, "0"]) assert.equal(limitOf(id, { max_tokens: value }), undefined);
    assert.equal(limitOf(id, { max_tokens: "4000" }), 4000);
    assert.equal(limitOf(id, { max_tokens: 10.5 }), 11);
    assert.equal(limitOf(id, '{"model":"m","max_tokens":1e400}'), Number.MAX_SAFE_INTEGER);
  });
}

test("an output limit that occurs twice is refused, as servers differ in which one they read", () => {
  for (const body of ['{"model":"m","max_tokens":1,"max_tokens":2}', '{"model":"m","max_tokens":1,"max\\u005ftokens":2}']) {
    assert.throws(() => limitOf("openai-chat", body), { code: "ambiguous_json" });
  }
});

test("a body is unbounded if no name of a limit has a value", () => {
  for (const body of [
    "{}",
    '{"max_tokens":null,"n":3}',
    '{"generationConfig":{"topK":1,"max_output_tokens":null},"generation_config":null}',
  ]) {
    assert.equal(isUnbounded(body), true, body);
  }
  for (const body of [
    '{"max_tokens":0}',
    '{"max_output_tokens":"x"}',
    '{"generation_config":{"maxOutputTokens":1}}',
    '{"generationConfig":[]}',
  ]) {
    assert.equal(isUnbounded(body), false, body);
  }
});

test("a limit is inserted into an unbounded body in its protocol's place, or replaces null", () => {
  const set = (place: string, body: string): string => applyEdits(body, [setOutputLimit(body, place, 20)]);
  const config = "generationConfig.maxOutputTokens";
  assert.deepEqual(
    [
      set("max_tokens", '{ "model":"m"}'),
      set("max_tokens", '{"model":"m","max_tokens": null}'),
      set(config, "{}"),
      set(config, '{"contents":[]}'),
      set(config, '{"contents":[],"generationConfig":{}}'),
      set(config, '{"generation_config":{"topK":1}}'),
      set(config, '{"generationConfig":null,"generation_config":{"max_output_tokens":null}}'),
      set(config, '{"generationConfig":null}'),
    ],
    [
      '{"max_tokens":20, "model":"m"}',
      '{"model":"m","max_tokens": 20}',
      '{"generationConfig":{"maxOutputTokens":20}}',
      '{"generationConfig":{"maxOutputTokens":20},"contents":[]}',
      '{"contents":[],"generationConfig":{"maxOutputTokens":20}}',
      '{"generation_config":{"maxOutputTokens":20,"topK":1}}',
      '{"generationConfig":null,"generation_config":{"max_output_tokens":20}}',
      '{"generationConfig":{"maxOutputTokens":20}}',
    ],
  );
});

test("a limit under a name of another dialect does not count, as the provider may ignore it", () => {
  const read = (id: ProtocolId, body: object): unknown[] => [envelopeOf(id, body).maxOutputTokens, envelopeOf(id, body).otherLimit];
  assert.deepEqual(read("openai-responses", { max_tokens: 5, max_completion_tokens: 7 }), [undefined, 7]);
  assert.deepEqual(read("openai-responses", { max_tokens: 9, max_output_tokens: 7 }), [9, undefined]);
  assert.deepEqual(read("openai-chat", { max_output_tokens: 7, max_tokens: 0 }), [undefined, 7]);
  assert.deepEqual(read("anthropic-messages", { max_completion_tokens: 7 }), [undefined, 7]);
  assert.deepEqual(read("gemini-generate", { maxOutputTokens: 7, generationConfig: { max_tokens: 3 } }), [undefined, 7]);
  assert.deepEqual(read("gemini-generate", { maxOutputTokens: 7, generation_config: { max_output_tokens: 3 } }), [7, undefined]);
});
