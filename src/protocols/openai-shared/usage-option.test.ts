import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { applyEdits, scanDocument, asBytes } from "../../core/index.ts";
import { planEdits } from "../openai-chat/edits.ts";
import { readEnvelope } from "../openai-chat/envelope.ts";
import { planEdits as planResponsesEdits } from "../openai-responses/edits.ts";
import { readEnvelope as readResponsesEnvelope } from "../openai-responses/envelope.ts";
import type { RouteCall } from "../protocol.ts";
import { addCost } from "./usage-option.ts";

const call: RouteCall = { route: { method: "POST", path: "/v1/chat/completions", operation: "generate" }, param: "", query: "" };

function sent(body: string, patch = {}): string {
  return applyEdits(body, planEdits(readEnvelope(body, call), call, patch));
}

test("the option is removed from any place of the body, and all other bytes are kept", () => {
  for (const [body, upstream] of [
    ['{"model":"m","usage":{"include":true}}', '{"model":"m"}'],
    ['{"usage":{"include":true},"model":"m"}', '{"model":"m"}'],
    ['{ "usage" : { "include" : false } , "model": "m" }', '{  "model": "m" }'],
    ['{"model":"m", "usage": {"include": true}, "n": 1.0 }', '{"model":"m", "n": 1.0 }'],
    ['{"model":"m","stream":true,"usage":{"include":true}}', '{"stream_options":{"include_usage":true},"model":"m","stream":true}'],
    ['{"usage":{"include":true},"stream":true,"model":"m"}', '{"stream_options":{"include_usage":true},"stream":true,"model":"m"}'],
    [
      '{"stream_options":{"include_usage":true},"usage":{"include":true},"stream":true,"model":"m"}',
      '{"stream_options":{"include_usage":true},"stream":true,"model":"m"}',
    ],
    // Not such an option: the upstream decides about it.
    ['{"model":"m","usage":true}', '{"model":"m","usage":true}'],
    ['{"model":"m","usage":{"include":1}}', '{"model":"m","usage":{"include":1}}'],
    ['{"model":"m","usage":{}}', '{"model":"m","usage":{}}'],
  ] as const) {
    assert.equal(sent(body), upstream);
  }
  assert.equal(sent('{"usage":{"include":true},"model":"m"}', { model: "upstream" }), '{"model":"upstream"}');
  const responses = '{"usage":{"include":true},"model":"m","input":"x"}';
  assert.equal(
    applyEdits(responses, planResponsesEdits(readResponsesEnvelope(responses, call), call, { model: "n" })),
    '{"model":"n","input":"x"}',
  );
});

test("asking for the cost asks for the usage", () => {
  const read = (body: string): unknown => {
    const { includeCost, includeUsage } = readEnvelope(body, call);
    return { includeCost, includeUsage };
  };
  assert.deepStrictEqual(read('{"model":"m","stream":true,"usage":{"include":true}}'), { includeCost: true, includeUsage: true });
  assert.deepStrictEqual(read('{"model":"m","stream":true,"usage":{"include":false}}'), { includeCost: undefined, includeUsage: false });
});

test("for any text around the option, the body without it is the same JSON without `usage`", () => {
  const key = fc
    .string()
    .filter((name) => !["model", "usage", "stream", "stream_options", "max_tokens", "max_completion_tokens"].includes(name));
  fc.assert(
    fc.property(
      fc.array(fc.tuple(key, fc.jsonValue()), { maxLength: 5 }),
      fc.nat(6),
      fc.constantFrom("", " ", "\n\t"),
      (members, at, space) => {
        const rest = new Map([["model", "m"], ...members] as const);
        const texts = [...rest].map(([name, value]) => `${JSON.stringify(name)}${space}:${space}${JSON.stringify(value)}`);
        texts.splice(at % (texts.length + 1), 0, `"usage"${space}:${space}{"include":true}`);
        const body = Buffer.from(`{${space}${texts.join(`${space},${space}`)}${space}}`).toString("latin1");
        const upstream = Buffer.from(sent(body), "latin1").toString();
        assert.deepStrictEqual(JSON.parse(upstream), JSON.parse(`{${texts.filter((text) => !text.startsWith('"usage"')).join(",")}}`));
      },
    ),
  );
});

test("the cost is in the usage of an answer, and of an event with a response", () => {
  for (const [json, priced] of [
    ['{"id":"a","usage":{"prompt_tokens":1}}', '{"id":"a","usage":{"cost":0.25,"prompt_tokens":1}}'],
    ['{"usage": { } ,"n":1.0}', '{"usage": {"cost":0.25 } ,"n":1.0}'],
    ['{"usage":{"cost":9,"x":1}}', '{"usage":{"cost":0.25,"x":1}}'],
    [
      '{"type":"response.completed","response":{"id":"r","usage":{"input_tokens":1}}}',
      '{"type":"response.completed","response":{"id":"r","usage":{"cost":0.25,"input_tokens":1}}}',
    ],
    ['{"choices":[],"usage":null}', '{"choices":[],"usage":null}'],
    ['{"choices":[{"usage":{"a":1}}]}', '{"choices":[{"usage":{"a":1}}]}'],
    ['{"response":{"usage":null}}', '{"response":{"usage":null}}'],
    ["[DONE]", "[DONE]"],
    ['{"usage":{"a":1},"usage":{}}', '{"usage":{"a":1},"usage":{}}'],
  ] as const) {
    assert.equal(addCost(asBytes(json), "0.25"), priced);
  }
  assert.equal(addCost(asBytes('{"usage":{"a":1}}'), null), '{"usage":{"cost":null,"a":1}}');
  const usage = scanDocument(addCost(asBytes('{"usage":{"a":1}}'), "0.000000001"), ["usage"]).spans[0];
  assert.notEqual(usage, undefined);
});
