import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { applyEdits, GatewayError, latin1OfUtf8, parseLatin1, asBytes } from "../../core/index.ts";
import type { Patch, RouteCall } from "../protocol.ts";
import { planEdits } from "./edits.ts";
import { readEnvelope } from "./envelope.ts";
import { routes } from "./routes.ts";

const generate: RouteCall = { route: routes[0]!, param: "", query: "" };
const embed: RouteCall = { route: routes[2]!, param: "", query: "" };

function patched(body: string, patch: Patch = {}, call = generate): string {
  const latin1 = latin1OfUtf8(body);
  const out = applyEdits(latin1, planEdits(readEnvelope(latin1, call), call, patch));
  return Buffer.from(out, "latin1").toString("utf8");
}

describe("the envelope of a Chat body", () => {
  test("has model, stream, the larger limit and include_usage", () => {
    const body = '{"model":"gpt-\\u0034","stream":true,"max_tokens":5,"max_completion_tokens":7,"stream_options":{"include_usage":true}}';
    assert.deepEqual(readEnvelope(body, generate), {
      model: "gpt-4",
      stream: true,
      maxOutputTokens: 7,
      includeUsage: true,
      spans: { model: { start: 9, end: 21 }, includeUsage: { start: 111, end: 115 } },
      insertAt: 1,
      empty: false,
    });
  });

  test("reads null as absent, and ignores an invalid limit", () => {
    const body = '{"max_completion_tokens":null,"max_tokens":-1,"stream":null,"model":"m"}';
    assert.deepEqual(readEnvelope(body, generate), {
      model: "m",
      stream: false,
      includeUsage: false,
      spans: { model: { start: 68, end: 71 } },
      insertAt: 1,
      empty: false,
    });
  });

  test("reads the older limit if it is the only one", () => {
    assert.equal(readEnvelope('{"model":"m","max_tokens":5}', generate).maxOutputTokens, 5);
  });

  test("of embeddings has only the model", () => {
    assert.deepEqual(readEnvelope('{"model":"m","stream":"x"}', embed), {
      model: "m",
      stream: false,
      spans: { model: { start: 9, end: 12 } },
      insertAt: 1,
      empty: false,
    });
  });

  for (const [what, body, code, param] of [
    ["no model", "{}", "invalid_request", "model"],
    ["a model that is null", '{"model":null}', "invalid_request", "model"],
    ["a model that is empty", '{"model":""}', "invalid_request", "model"],
    ["a model that is a number", '{"model":4}', "invalid_request", "model"],
    ["a model of 257 characters", `{"model":"${"m".repeat(257)}"}`, "invalid_request", "model"],
    ["a stream that is a text", '{"model":"m","stream":"true"}', "invalid_request", "stream"],
    ["stream options that are a list", '{"model":"m","stream":true,"stream_options":[]}', "invalid_request", "stream_options"],
    [
      "an include_usage that is a number",
      '{"model":"m","stream":true,"stream_options":{"include_usage":1}}',
      "invalid_request",
      "stream_options.include_usage",
    ],
    ["two models", '{"model":"m","model":"n"}', "ambiguous_json", "model"],
    ["half a body", '{"model":"m"', "invalid_json", undefined],
  ] as const) {
    test(`refuses ${what} and names it`, () => {
      assert.throws(
        () => readEnvelope(body, generate),
        (error: unknown) => error instanceof GatewayError && error.code === code && error.param === param,
      );
    });
  }
});

describe("the edits of a Chat body", () => {
  for (const [what, body, expected] of [
    ["absent options", '{"model":"m","stream":true}', '{"stream_options":{"include_usage":true},"model":"m","stream":true}'],
    [
      "options that are null",
      '{"model":"m","stream":true,"stream_options": null }',
      '{"model":"m","stream":true,"stream_options": {"include_usage":true} }',
    ],
    [
      "empty options",
      '{"model":"m","stream":true,"stream_options":{ }}',
      '{"model":"m","stream":true,"stream_options":{"include_usage":true }}',
    ],
    [
      "other options",
      '{"stream_options":{ "include_obfuscation":false},"model":"m","stream":true}',
      '{"stream_options":{"include_usage":true, "include_obfuscation":false},"model":"m","stream":true}',
    ],
    [
      "false",
      '{"model":"m","stream":true,"stream_options":{"include_usage":false}}',
      '{"model":"m","stream":true,"stream_options":{"include_usage":true}}',
    ],
    [
      "null",
      '{"model":"m","stream":true,"stream_options":{"include_usage" : null}}',
      '{"model":"m","stream":true,"stream_options":{"include_usage" : true}}',
    ],
    [
      "true",
      '{"model":"m","stream":true,"stream_options":{"include_usage":true}}',
      '{"model":"m","stream":true,"stream_options":{"include_usage":true}}',
    ],
    ["no stream", '{"model":"m","stream_options":{"include_usage":false}}', '{"model":"m","stream_options":{"include_usage":false}}'],
  ] as const) {
    test(`ask for usage where the body has ${what}`, () => {
      assert.equal(patched(body), expected);
    });
  }

  test("write the upstream's name in the body's encoding", () => {
    assert.equal(patched('{"a":"ü","model" : "mödel","b":1.0}', { model: 'new "ö"' }), '{"a":"ü","model" : "new \\"ö\\"","b":1.0}');
    assert.equal(patched('{"model":"m"}', { model: "m" }), '{"model":"m"}');
    assert.equal(patched('{"model":"m"}', { model: "n" }, embed), '{"model":"n"}');
  });

  test("change nothing else in any JSON around them", () => {
    const space = fc.stringMatching(/^[ \n\r\t]{0,3}$/);
    const value = fc.oneof(
      fc.json({ noUnicodeString: false }),
      fc.constantFrom("1.0", "123456789012345678901234567890", "-0", "1e400", '"\\ud800"', '"\\u0041"', "[ ]", '{"model":{"stream":"}"}}'),
    );
    const other = fc.tuple(fc.stringMatching(/^[a-l]{1,4}$/), value).map(([key, text]) => [`x${key}`, text] as const);
    const options = fc.constantFrom(
      undefined,
      "null",
      "{}",
      '{ "x" : [1.0] }',
      '{"include_usage":false,"x":1.0}',
      '{"x":"{","include_usage" :null}',
      '{"include_usage":true}',
    );
    fc.assert(
      fc.property(
        fc.uniqueArray(other, { selector: ([key]) => key, maxLength: 5 }),
        options,
        fc.boolean(),
        fc.string({ minLength: 1 }),
        space,
        fc.nat(),
        (others, optionsText, stream, model, gap, turn) => {
          const members = [
            ["model", '"alias-ü"'] as const,
            ["stream", String(stream)] as const,
            ...(optionsText === undefined ? [] : [["stream_options", optionsText] as const]),
            ...others,
          ];
          const shift = turn % members.length;
          const turned = [...members.slice(shift), ...members.slice(0, shift)];
          const body = `{${gap}${turned.map(([key, text]) => `"${key}"${gap}:${gap}${text}${gap}`).join(`,${gap}`)}}`;
          const out = patched(body, { model });

          const before = JSON.parse(body) as Record<string, unknown>;
          const expected: Record<string, unknown> = { ...before, model };
          if (stream) expected["stream_options"] = { ...(before["stream_options"] as object | null), include_usage: true };
          assert.deepEqual(JSON.parse(out), expected);

          const received = latin1OfUtf8(body);
          const sent = latin1OfUtf8(out);
          const edits = planEdits(readEnvelope(received, generate), generate, { model });
          let at = 0;
          let sentAt = 0;
          for (const edit of [...edits, { start: received.length, end: received.length, text: "" }]) {
            const kept = received.slice(at, edit.start);
            assert.equal(sent.slice(sentAt, sentAt + kept.length + edit.text.length), kept + edit.text);
            at = edit.end;
            sentAt += kept.length + edit.text.length;
          }
          assert.equal(sentAt, sent.length);
          assert.ok(edits.length <= 2);
        },
      ),
    );
  });

  test("do not change a body with a byte order mark", () => {
    assert.equal(
      patched('\ufeff{"model":"m","stream":true}', { model: "n" }),
      '\ufeff{"stream_options":{"include_usage":true},"model":"n","stream":true}',
    );
    assert.deepEqual(parseLatin1(asBytes('{"model":"n"}')), { model: "n" });
  });
});
