import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { latin1OfUtf8, SseSplitter, asBytes } from "../../core/index.ts";
import { ResponsesTap } from "./tap.ts";

const recorded = latin1OfUtf8(readFileSync(new URL("fixtures/stream.txt", import.meta.url), "utf8"));
const event = (type: string, fields = ""): string => `event: ${type}\ndata: {"type":"${type}","sequence_number":4${fields}}\n\n`;

function watch(stream: string, cuts: readonly number[] = []) {
  const tap = new ResponsesTap();
  const splitter = new SseSplitter();
  let out = "";
  let opened: number | undefined;
  let count = 0;
  let at = 0;
  for (const cut of [...cuts, stream.length, undefined]) {
    const events = cut === undefined ? splitter.end() : splitter.push(asBytes(stream.slice(at, cut)));
    at = cut ?? at;
    for (const one of events) {
      out += tap.push(one);
      count++;
      if (tap.opened) opened ??= count;
    }
  }
  const { facts, ended, finished, error } = tap;
  return { out, facts: { ...facts }, opened, ended, finished, error, completion: tap.completion() };
}

const whole = {
  out: recorded,
  facts: {
    id: "resp_74758eace4cc82fbc1c985bf",
    model: "gpt-6.1-sol",
    usage: { input: 1200, output: 60, cacheRead: 800, reasoning: 20 },
    stopReason: "completed",
    sequence: 47,
  },
  opened: 3,
  ended: true,
  finished: true,
  error: undefined,
  completion: "",
};

describe("the tap of a Responses stream", () => {
  test("passes a recorded stream on unchanged and reads its facts", () => {
    assert.deepEqual(watch(recorded), whole);
  });

  test("reads its facts also without `event:` lines", () => {
    const bare = recorded.replaceAll(/^event: .*\n/gm, "");
    assert.deepEqual(watch(bare), { ...whole, out: bare });
  });

  test("gives the same facts, with the bytes cut anywhere", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(recorded.length), { maxLength: 20 }), (cuts) => {
        assert.deepEqual(
          watch(
            recorded,
            [...cuts].sort((a, b) => a - b),
          ),
          whole,
        );
      }),
      { numRuns: 50 },
    );
  });

  test("reads id and number of a stream that ends early", () => {
    const start = recorded.slice(0, recorded.indexOf("event: response.output_text.done"));
    const { facts, ended, finished, completion } = watch(start);
    assert.deepEqual(
      [facts, ended, finished, completion],
      [{ id: "resp_74758eace4cc82fbc1c985bf", model: "gpt-6.1-sol", sequence: 7 }, false, false, ""],
    );
  });

  for (const [what, stream, opened] of [
    ["the response", event("response.created", ',"response":{"id":"r"}'), undefined],
    ["its progress", event("response.in_progress", ',"response":{"id":"r"}'), undefined],
    ["an empty message", event("response.output_item.added", ',"output_index":0,"item":{"type" : "message","id":"m"}'), undefined],
    ["an empty part", event("response.content_part.added"), undefined],
    ["an unknown event", event("vendor.limits"), undefined],
    ["reasoning", event("response.output_item.added", ',"item":{"id":"rs_1","type":"reasoning"}'), 1],
    ["a call", event("response.output_item.added", ',"item":{"id":"fc_1","type":"function_call"}'), 1],
    ["text", event("response.output_text.delta", ',"delta":"a"'), 1],
    ["a refusal", event("response.refusal.delta", ',"delta":"a"'), 1],
    ["a search", event("response.web_search_call.in_progress"), 1],
    ["the end", event("response.completed", ',"response":{}'), 1],
  ] as const) {
    test(`is ${opened === undefined ? "not " : ""}opened by ${what}`, () => {
      assert.equal(watch(stream).opened, opened);
    });
  }

  test("ends with an incomplete response, and gives its reason", () => {
    const seen = watch(
      event(
        "response.incomplete",
        ',"response":{"id":"r","status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},"usage":null}',
      ),
    );
    assert.deepEqual([seen.ended, seen.facts], [true, { id: "r", stopReason: "max_output_tokens", sequence: 4 }]);
  });

  test("ignores what follows the end, as the [DONE] of some servers", () => {
    assert.equal(watch(`${recorded}data: [DONE]\n\n`).out, recorded);
  });

  test("passes on what it cannot read", () => {
    const stream = `: ping\n\ndata: [DONE]\n\n${event("response.created", ',"response":{"id":"a","id":"b"}')}`;
    assert.deepEqual([watch(stream).out, watch(stream).facts], [stream, { sequence: 4 }]);
  });

  test("counts a cache's writes as short-lived if their lifetime is unknown", () => {
    const usage = '{"input_tokens":9,"input_tokens_details":{"cache_write_tokens":5},"output_tokens":1}';
    assert.deepEqual(watch(event("response.completed", `,"response":{"usage":${usage}}`)).facts.usage, {
      input: 9,
      output: 1,
      cacheWrite5m: 5,
    });
  });

  test("reads usage with both lifetimes of a cache", () => {
    const usage =
      '{"input_tokens":9,"input_tokens_details":{"cached_tokens":0,"cache_write_tokens":5,"cache_write_tokens_details":{"ttl_30m_tokens":2,"ttl_12h_tokens":3}},"output_tokens":1,"output_tokens_details":{"reasoning_tokens":-1}}';
    assert.deepEqual(watch(event("response.completed", `,"response":{"usage":${usage}}`)).facts.usage, {
      input: 9,
      output: 1,
      cacheRead: 0,
      cacheWrite5m: 2,
      cacheWrite1h: 3,
      units: { cache_write_30m: 2, cache_write_12h: 3 },
    });
  });

  for (const [what, stream, error] of [
    [
      "a flat error event",
      event("error", ',"code":"rate_limit_exceeded","message":"Slow","param":null'),
      { status: 429, message: "Slow", code: "rate_limit_exceeded" },
    ],
    [
      "a nested one",
      event("error", ',"error":{"type":"invalid_request_error","code":"context_length_exceeded","message":"Long","param":"input"}'),
      { status: 400, message: "Long", type: "invalid_request_error", code: "context_length_exceeded", param: "input" },
    ],
    [
      "a failed response",
      event("response.failed", ',"response":{"id":"r","status":"failed","error":{"code":"server_is_overloaded","message":"Busy"}}'),
      { status: 503, message: "Busy", code: "server_is_overloaded" },
    ],
    [
      "a failed response without an error",
      event("response.failed", ',"response":{"id":"r","error":null}'),
      { status: 500, message: "The provider ended its stream with an error without a message." },
    ],
  ] as const) {
    test(`reads ${what} as an error and passes nothing of it on`, () => {
      const before = event("response.output_text.delta", ',"delta":"a"');
      const seen = watch(before + stream + before);
      assert.deepEqual([seen.error, seen.out, seen.ended], [error, before, false]);
    });
  }
});
