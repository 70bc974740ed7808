import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { latin1OfUtf8, SseSplitter, asBytes } from "../../core/index.ts";
import { ChatTap } from "./tap.ts";

const recorded = latin1OfUtf8(readFileSync(new URL("fixtures/stream.txt", import.meta.url), "utf8"));

const head = '{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"gpt-mock","choices":';
const chunk = (choices: string, more = ""): string => `data: ${head}${choices}${more}}\n\n`;
const piece = (delta: string, reason = "null", index = 0): string =>
  `[{"index":${index},"delta":${delta},"logprobs":null,"finish_reason":${reason}}]`;

/** The facts of a whole stream, with what was passed on; `opened` is the number of the event that opened it. */
function watch(stream: string, hideUsage = false, cuts: readonly number[] = []) {
  const tap = new ChatTap({ hideUsage });
  const splitter = new SseSplitter();
  let out = "";
  let opened: number | undefined;
  let count = 0;
  let at = 0;
  const take = (events: ReturnType<SseSplitter["push"]>): void => {
    for (const event of events) {
      out += tap.push(event);
      count++;
      if (tap.opened) opened ??= count;
    }
  };
  for (const cut of [...cuts, stream.length]) {
    take(splitter.push(asBytes(stream.slice(at, cut))));
    at = cut;
  }
  take(splitter.end());
  const { facts, ended, finished, error } = tap;
  return { out, facts: { ...facts }, opened, ended, finished, error, completion: tap.completion() };
}

describe("the tap of a Chat stream", () => {
  const facts = {
    id: "chatcmpl-15d3fb3d657a7e909852f544",
    model: "gpt-mock",
    usage: { input: 1200, output: 60, cacheRead: 800, reasoning: 20 },
    stopReason: "tool_calls",
  };

  test("passes a recorded stream on unchanged and reads its facts", () => {
    assert.deepEqual(watch(recorded), {
      out: recorded,
      facts,
      opened: 2,
      ended: true,
      finished: true,
      error: undefined,
      completion: "",
    });
  });

  test("hides the usage chunk and every null in its place, and nothing else", () => {
    const expected = recorded
      .split("\n\n")
      .filter((event) => !event.includes('"choices":[],'))
      .join("\n\n")
      .replaceAll(',"usage":null', "");
    assert.deepEqual(watch(recorded, true), {
      out: expected,
      facts,
      opened: 2,
      ended: true,
      finished: true,
      error: undefined,
      completion: "",
    });
  });

  test("gives the same facts, with the bytes cut anywhere", () => {
    const whole = watch(recorded, true);
    fc.assert(
      fc.property(fc.array(fc.nat(recorded.length), { maxLength: 20 }), (cuts) => {
        const sorted = [...cuts].sort((a, b) => a - b);
        assert.deepEqual(watch(recorded, true, sorted), whole);
      }),
      { numRuns: 50 },
    );
  });

  test("a chunk that ends a choice is read each time, also if an equal one was read before", () => {
    const ending = (id: string, reason: string): string =>
      `data: {"id":"${id}","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"${reason}"}]}\n\n`;
    const tap = new ChatTap({ hideUsage: false });
    const splitter = new SseSplitter();
    for (const event of splitter.push(asBytes(ending("c", "stop") + ending("d", "length") + ending("c", "stop")))) tap.push(event);
    assert.equal(tap.facts.stopReason, "stop");
  });

  test("gives the facts that a parse of every chunk gives", () => {
    const text = fc.oneof(
      fc.string(),
      fc.constantFrom("}", '"},"finish_reason":"stop"', '],"usage":{"prompt_tokens":9}', "\\", "ü", '{"error":{}}'),
    );
    const delta = fc.oneof(
      text.map((content) => ({ content })),
      text.map((value) => ({ tool_calls: [{ index: 0, function: { arguments: value } }] })),
      fc.constant({}),
    );
    const usage = fc.oneof(
      { weight: 5, arbitrary: fc.constant(null) },
      fc.constantFrom({ prompt_tokens: 4, completion_tokens: 2 }, undefined),
    );
    const chunks = fc.record({
      id: fc.oneof({ weight: 9, arbitrary: fc.constant("c") }, fc.constant("d")),
      model: fc.constant("m"),
      choices: fc.oneof(
        fc
          .record({
            index: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, fc.constant(1)),
            delta,
            finish_reason: fc.oneof({ weight: 9, arbitrary: fc.constant(null) }, fc.constantFrom("stop", "length", "")),
          })
          .map((choice) => [choice]),
        fc.constant([]),
      ),
      usage,
      obfuscation: fc.option(fc.stringMatching(/^[a-z]{0,6}$/), { nil: undefined }),
    });
    fc.assert(
      fc.property(fc.array(chunks, { maxLength: 12 }), fc.boolean(), (list, hideUsage) => {
        const stream = latin1OfUtf8(list.map((one) => `data: ${JSON.stringify(one)}\n\n`).join(""));
        const reasons = new Map<number, string>();
        const seen = new Set<number>();
        let counted: object | undefined;
        let last: string | undefined;
        for (const { choices, usage: reported } of list) {
          for (const { index, finish_reason: reason } of choices) {
            seen.add(index);
            if (reason !== null && reason !== "") reasons.set(index, (last = reason));
          }
          if (reported !== null && reported !== undefined) counted = { input: 4, output: 2 };
        }
        const shown = list
          .filter(({ choices, usage: reported }) => !hideUsage || choices.length > 0 || reported === null || reported === undefined)
          .map((one) => JSON.stringify(hideUsage && one.usage === null ? { ...one, usage: undefined } : one));
        const result = watch(stream, hideUsage);
        assert.equal(result.out, latin1OfUtf8(shown.map((one) => `data: ${one}\n\n`).join("")));
        assert.deepEqual(
          [result.facts.usage, result.facts.stopReason, result.finished],
          [counted, last, seen.size > 0 && reasons.size === seen.size],
        );
      }),
      { numRuns: 300 },
    );
  });

  for (const [what, delta, opens] of [
    ["a role", '{"role":"assistant","content":"","refusal":null}', false],
    ["nothing", "{}", false],
    ["no calls", '{"content":null,"tool_calls":[]}', false],
    ["text", '{"content":"a"}', true],
    ["reasoning_content", '{"reasoning_content":"a"}', true],
    ["reasoning", '{"content":"","reasoning":"a"}', true],
    ["a refusal", '{"refusal":"no"}', true],
    ["a tool call", '{"tool_calls":[{"index":0,"id":"c","type":"function","function":{"name":"f","arguments":""}}]}', true],
    ["audio", '{"audio":{"id":"a"}}', true],
  ] as const) {
    test(`is ${opens ? "" : "not "}opened by ${what}`, () => {
      assert.equal(watch(chunk(piece(delta))).opened, opens ? 1 : undefined);
    });
  }

  test("is opened by the end of an empty answer", () => {
    assert.equal(watch(chunk(piece("{}", '"stop"'))).opened, 1);
  });

  test("adds a missing end, but only after a finish reason", () => {
    const text = chunk(piece('{"content":"a"}'));
    assert.deepEqual(watch(text).completion, "");
    assert.equal(watch(text).finished, false);
    const finished = watch(text + chunk(piece("{}", '"length"')));
    assert.deepEqual(
      [finished.finished, finished.ended, finished.facts.stopReason, finished.completion],
      [true, false, "length", "data: [DONE]\n\n"],
    );
  });

  test("waits for every choice", () => {
    const both = chunk(piece('{"content":"a"}')) + chunk(piece('{"content":"b"}', "null", 1)) + chunk(piece("{}", '"stop"'));
    assert.equal(watch(both).finished, false);
    assert.equal(watch(both + chunk(piece("{}", '"stop"', 1))).finished, true);
  });

  test("waits for a choice that appeared second and with only content", () => {
    const crossed = chunk(piece('{"content":"b"}', "null", 1)) + chunk(piece('{"content":"a"}')) + chunk(piece("{}", '"stop"', 1));
    assert.equal(watch(crossed).finished, false);
  });

  test("reads usage and errors that come with a piece of content", () => {
    const before = chunk(piece('{"content":"a"}'));
    const counted = chunk(piece('{"content":"b"}'), ',"usage":{"prompt_tokens":2,"completion_tokens":1}');
    assert.deepEqual(watch(before + counted).facts.usage, { input: 2, output: 1 });
    const broken = chunk(piece('{"content":""}'), ',"error":{"message":"Gone","code":502}');
    assert.deepEqual(watch(before + broken).error, { status: 502, message: "Gone", code: "502" });
  });

  test("reads a finish reason in the second choice of one chunk", () => {
    const two = `[{"index":0,"delta":{"content":"a"},"finish_reason":null},{"index":1,"delta":{},"finish_reason":"stop"}]`;
    assert.equal(watch(chunk(piece('{"content":"a"}')) + chunk(two)).facts.stopReason, "stop");
  });

  test("ignores what follows the end", () => {
    const after = watch(`${chunk(piece("{}", '"stop"'))}data: [DONE]\n\n${chunk(piece('{"content":"late"}'))}`);
    assert.equal(after.out, `${chunk(piece("{}", '"stop"'))}data: [DONE]\n\n`);
  });

  test("passes comments and events that are not JSON, and reads nothing from them", () => {
    const stream = `: OPENROUTER PROCESSING\n\ndata: hello\n\n${chunk(piece('{"content":"a"}'))}`;
    assert.deepEqual(watch(stream).out, stream);
    assert.equal(watch(stream).opened, 3);
  });

  for (const [what, usage, expected] of [
    [
      "OpenAI",
      '{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12,"prompt_tokens_details":{"cached_tokens":4,"cache_write_tokens":2}}',
      { input: 9, output: 3, cacheRead: 4, cacheWrite5m: 2 },
    ],
    [
      "DeepSeek",
      '{"prompt_tokens":9,"completion_tokens":3,"prompt_cache_hit_tokens":5,"prompt_cache_miss_tokens":4}',
      { input: 9, output: 3, cacheRead: 5 },
    ],
    [
      "xAI, whose completion leaves reasoning out",
      '{"prompt_tokens":9,"completion_tokens":3,"total_tokens":32,"completion_tokens_details":{"reasoning_tokens":20}}',
      { input: 9, output: 23, reasoning: 20 },
    ],
    ["a server that counts wrong", '{"prompt_tokens":-1,"completion_tokens":1e308,"total_tokens":"3"}', undefined],
    ["a server that counts half", '{"prompt_tokens":"9","completion_tokens":3}', { output: 3 }],
  ] as const) {
    test(`reads the usage of ${what}`, () => {
      assert.deepEqual(watch(chunk(piece('{"content":"a"}')) + chunk("[]", `,"usage":${usage}`)).facts.usage, expected);
    });
  }

  test("reads Groq's and Moonshot's usage where they put it", () => {
    const usage = '{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12}';
    const opened = chunk(piece('{"content":"a"}'));
    assert.deepEqual(watch(opened + chunk(piece("{}", '"stop"'), `,"x_groq":{"id":"r","usage":${usage}}`)).facts.usage, {
      input: 9,
      output: 3,
    });
    assert.deepEqual(watch(opened + chunk(`[{"index":0,"delta":{},"finish_reason":"stop","usage":${usage}}]`)).facts.usage, {
      input: 9,
      output: 3,
    });
  });

  test("keeps a chunk without choices and without usage, and a usage that came with a choice", () => {
    const filter = 'data: {"id":"","model":"","choices":[],"prompt_filter_results":[]}\n\n';
    const last = chunk(piece("{}", '"stop"'), ',"usage":{"prompt_tokens":1,"completion_tokens":1}');
    assert.equal(watch(filter + last, true).out, filter + last);
  });

  test("removes only the null at the top level, in any spelling", () => {
    const before = chunk(piece('{"content":"a"}'));
    for (const [given, expected] of [
      [
        '{"usage":null,"choices":[{"index":0,"delta":{"content":"b"},"usage":null}]}',
        '{"choices":[{"index":0,"delta":{"content":"b"},"usage":null}]}',
      ],
      ['{ "choices" : [] , "usage" : null , "x": {"usage":null}}', '{ "choices" : []  , "x": {"usage":null}}'],
      [
        '{"choices":[{"index":0,"delta":{"content":"\\"usage\\":null"}}],"usage":null,"o":"z"}',
        '{"choices":[{"index":0,"delta":{"content":"\\"usage\\":null"}}],"o":"z"}',
      ],
      ['{"choices":[{"index":0,"usage":null}]}', '{"choices":[{"index":0,"usage":null}]}'],
      ['{"usage":null}', "{}"],
    ] as const) {
      assert.equal(watch(`${before}data: ${given}\n\n`, true).out, `${before}data: ${expected}\n\n`);
    }
  });

  test("removes no null within a choice, however often it comes", () => {
    const inner = chunk('[{"index":0,"delta":{"content":"a"},"usage":null}]', ',"x":1');
    assert.equal(watch(inner + inner + inner, true).out, inner + inner + inner);
  });

  test("removes the null in any framing, and reads an error in the shape of content as an error", () => {
    const usual = chunk(piece('{"content":"a"}'), ',"usage":null');
    const bare = usual.replace("data: ", "data:");
    const cut = usual.replace(',"usage":null', "");
    assert.equal(watch(usual + bare + usual, true).out, cut + cut.replace("data: ", "data:") + cut);
    const lines = usual.replace('"delta":{', '"delta":{\ndata: ');
    assert.equal(watch(usual + lines, true).out, cut + lines.replace(',"usage":null', ""));
    assert.equal(watch(`${usual}event: error\n${usual}`).error?.status, 500);
  });

  test("removes the null from events in unusual framing", () => {
    assert.equal(watch('id: 1\r\ndata:{"usage":null,"a":1}\r\n\r\n', true).out, 'id: 1\r\ndata:{"a":1}\r\n\r\n');
    assert.equal(watch('data: {"usage":null,\ndata: "a":1}\n\n', true).out, 'data: {\ndata: "a":1}\n\n');
  });

  for (const [what, event, error] of [
    [
      "an error object",
      'data: {"error":{"message":"Rate limit","type":"requests","param":null,"code":"rate_limit_exceeded"}}',
      { status: 429, message: "Rate limit", type: "requests", code: "rate_limit_exceeded" },
    ],
    [
      "a number as code",
      'data: {"error":{"message":"Provider disconnected","code":502}}',
      { status: 502, message: "Provider disconnected", code: "502" },
    ],
    ["a text", 'data: {"error":"boom"}', { status: 500, message: "boom" }],
    [
      "an overloaded server",
      'data: {"error":{"message":"Busy","code":"server_is_overloaded"}}',
      { status: 503, message: "Busy", code: "server_is_overloaded" },
    ],
    [
      "an invalid request",
      'data: {"error":{"message":"Bad","type":"invalid_request_error"}}',
      { status: 400, message: "Bad", type: "invalid_request_error" },
    ],
    ["an event of that name", 'event: error\ndata: {"message":"Bad","code":"x"}', { status: 500, message: "Bad", code: "x" }],
    [
      "an event that is no JSON",
      "event: error\ndata: oops",
      { status: 500, message: "The provider ended its stream with an error without a message." },
    ],
  ] as const) {
    test(`reads ${what} as an error and passes nothing of it on`, () => {
      const before = chunk(piece('{"content":"ü"}'));
      const seen = watch(`${before}${event}\n\n${before}data: [DONE]\n\n`);
      assert.deepEqual([seen.error, seen.out, seen.ended], [error, before, false]);
    });
  }

  test("does not read a null error, or an error in the text of the answer, as an error", () => {
    const stream = chunk(piece('{"content":"\\"error\\":{}"}'), ',"error":null');
    const seen = watch(stream + stream);
    assert.deepEqual([seen.error, seen.out], [undefined, stream + stream]);
  });
});
