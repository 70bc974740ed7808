import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Caller, TestGateway } from "../e2e/harness.ts";
import { startGateway } from "../e2e/harness.ts";
import type { FaultServer } from "../testbed/fault-server.ts";
import { createFaultServer } from "../testbed/fault-server.ts";
import { healthyJson } from "../testbed/fault-wire.ts";
import { PROTOCOLS, type Protocol } from "../testbed/scenario.ts";
import { dialects } from "./dialects.ts";
import { ask, type Seen } from "./observe.ts";
import { play, type Body } from "./upstream-words.ts";

const key = "sk-canary-7f3a9b";

let server: FaultServer;
let gateway: TestGateway;
let caller: Caller;

before(async () => {
  server = await createFaultServer();
  const provider = (protocol: Protocol): string =>
    `  ${protocol}: { protocols: [${protocol}], api_key: ${key}, base_url: "${server.url}${protocol.startsWith("openai") ? "/v1" : ""}", models: [m-${protocol}] }\n`;
  const prices = PROTOCOLS.map((protocol) => `m-${protocol}: { input: 1, output: 2 }`).join(", ");
  gateway = await startGateway({
    config: `providers:\n${PROTOCOLS.map(provider).join("")}routing: { retries: 0 }\nprices: { ${prices} }\n`,
  });
  caller = await gateway.createKey("alice");
});
after(async () => {
  await gateway.stop();
  await server.close();
});

/** The vendor's word for an end that is an error. */
const words: Readonly<Record<Protocol, string>> = {
  "openai-chat": "insufficient_system_resource",
  "openai-responses": "abort",
  "anthropic-messages": "malformed_tool_use",
  "gemini-generate": "MALFORMED_FUNCTION_CALL",
};
const finishMessage = `Malformed function call: print(default_api.read('${key}'))`;
const geminiUsage = { promptTokenCount: 10, candidatesTokenCount: 5, totalTokenCount: 15 };

/** An answer whose end is broken; all report 10 tokens in and 5 out. `text`: something had been said before. */
function brokenAnswer(protocol: Protocol, text: string, stream: boolean): Body {
  const word = words[protocol];
  switch (protocol) {
    case "openai-chat": {
      const usage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };
      const message = { role: "assistant", content: text };
      if (!stream) return wholeOf({ id: "c", model: "m", choices: [{ index: 0, message, finish_reason: word }], usage });
      return framesOf(
        { id: "c", model: "m", choices: [{ index: 0, delta: message, finish_reason: null }] },
        { id: "c", model: "m", choices: [{ index: 0, delta: {}, finish_reason: word }] },
        { id: "c", model: "m", choices: [], usage },
        "[DONE]",
      );
    }
    case "openai-responses": {
      const usage = { input_tokens: 10, output_tokens: 5, total_tokens: 15 };
      const content = [{ type: "output_text", text, annotations: [] }];
      const output = [{ id: "msg_1", type: "message", role: "assistant", status: "incomplete", content }];
      const response = { ...healthyJson(protocol), status: "incomplete", incomplete_details: { reason: word }, output, usage };
      if (!stream) return wholeOf(response);
      const delta = { type: "response.output_text.delta", item_id: "msg_1", output_index: 0, content_index: 0, delta: text };
      return framesOf(
        { type: "response.created", response: { ...response, status: "in_progress", incomplete_details: null, output: [], usage: null } },
        ...(text === "" ? [] : [delta]),
        { type: "response.incomplete", response },
      );
    }
    case "anthropic-messages": {
      const usage = { input_tokens: 10, output_tokens: 5 };
      const message = { id: "msg_1", type: "message", role: "assistant", model: "m", content: [], stop_reason: null, usage };
      if (!stream) return wholeOf({ ...message, content: [{ type: "text", text: text || " " }], stop_reason: word });
      return framesOf(
        { type: "message_start", message: { ...message, usage: { input_tokens: 10, output_tokens: 1 } } },
        { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
        ...(text === "" ? [] : [{ type: "content_block_delta", index: 0, delta: { type: "text_delta", text } }]),
        { type: "content_block_stop", index: 0 },
        { type: "message_delta", delta: { stop_reason: word, stop_sequence: null }, usage: { output_tokens: 5 } },
        { type: "message_stop" },
      );
    }
    case "gemini-generate": {
      const end = { index: 0, finishReason: word, finishMessage };
      const said = { content: { role: "model", parts: [{ text }] } };
      if (!stream) return wholeOf({ candidates: [text === "" ? end : { ...said, ...end }], usageMetadata: geminiUsage });
      const head = text === "" ? [] : [{ candidates: [{ index: 0, ...said }], usageMetadata: { promptTokenCount: 10 } }];
      return framesOf(...head, { candidates: [end], usageMetadata: geminiUsage });
    }
  }
}

function wholeOf(body: object): Body {
  return { whole: JSON.stringify(body) };
}

function framesOf(...events: readonly (object | string)[]): Body {
  return { frames: events.map((event) => `data: ${typeof event === "string" ? event : JSON.stringify(event)}\n\n`) };
}

/** What each client of another dialect, or of the same one if its dialect has no such word, has seen, and the rows. */
async function meetAll(stream: boolean, text: string): Promise<{ readonly seen: readonly string[]; readonly rows: readonly string[] }> {
  const seen: string[] = [];
  const known = (await gateway.rows()).length;
  for (const dialect of dialects) {
    for (const upstream of PROTOCOLS) {
      if (upstream === "gemini-generate" && dialect.id === upstream) continue;
      server.use(play(brokenAnswer(upstream, text, stream), {}));
      const answer = await ask(gateway, caller.key, dialect, stream, "hi", `m-${upstream}`);
      assert.ok(!answer.body.includes(key), `${dialect.id} to ${upstream}`);
      seen.push(`${dialect.id} ${upstream}: ${summaryOf(answer)}`);
    }
  }
  const rows = (await gateway.rows()).slice(known);
  return {
    seen,
    rows: rows.map(
      (row) => `${row.status} ${row.http_status} ${row.error_code} ${row.usage_source} ${row.input_tokens} ${row.output_tokens}`,
    ),
  };
}

function summaryOf({ how, status, error, body }: Seen): string {
  const said = body.includes("Hello") ? "Hello, then " : "";
  return `${said}${how} ${status} ${error?.message}`;
}

function expected(what: string): string[] {
  return dialects.flatMap((dialect) =>
    PROTOCOLS.filter((upstream) => upstream !== "gemini-generate" || dialect.id !== upstream).map((upstream) => {
      const detail = upstream === "gemini-generate" ? ": Malformed function call: print(default_api.read('[secret]'))" : ".";
      return `${dialect.id} ${upstream}: ${what} The provider ended its answer with ${words[upstream]}${detail}`;
    }),
  );
}

test("an answer whose end is broken is a 502 with the vendor's words; its row has what was used (reports 501 and 807)", async () => {
  for (const [stream, text] of [
    [false, "Hello"],
    [false, ""],
    [true, ""],
  ] as const) {
    const { seen, rows } = await meetAll(stream, text);
    assert.deepEqual(seen, expected("error 502"));
    assert.deepEqual(
      rows,
      seen.map(() => "error 502 upstream_error reported 10 5"),
    );
  }
});

test("a stream whose end is broken ends with an error of the client's dialect, and its row is paid", async () => {
  const { seen, rows } = await meetAll(true, "Hello");
  assert.deepEqual(seen, expected("Hello, then broken 200"));
  assert.deepEqual(
    rows,
    seen.map(() => "interrupted 200 upstream_error reported 10 5"),
  );
});

test("an end without a known reason, of an answer in which nothing was said, is an error for clients of other dialects", async () => {
  const usageMetadata = { promptTokenCount: 10, candidatesTokenCount: 0, totalTokenCount: 10 };
  const usage = { prompt_tokens: 10, completion_tokens: 0, total_tokens: 10 };
  const chat = (delta: object, finish: string | null): object => ({
    id: "c",
    model: "m",
    choices: [{ index: 0, ...delta, finish_reason: finish }],
  });
  const answers: readonly (readonly [Protocol, string, boolean, Body])[] = [
    ["gemini-generate", "OTHER", false, wholeOf({ candidates: [{ index: 0, finishReason: "OTHER" }], usageMetadata })],
    ["gemini-generate", "OTHER", true, framesOf({ candidates: [{ index: 0, finishReason: "OTHER" }], usageMetadata })],
    ["openai-chat", "weird", false, wholeOf({ ...chat({ message: { role: "assistant", content: "" } }, "weird"), usage })],
    [
      "openai-chat",
      "weird",
      true,
      framesOf(chat({ delta: { role: "assistant", content: "" } }, null), { ...chat({ delta: {} }, "weird"), usage }, "[DONE]"),
    ],
  ];
  for (const [upstream, word, stream, body] of answers) {
    for (const dialect of dialects.filter(({ id }) => id !== upstream)) {
      server.use(play(body, {}));
      const seen = await ask(gateway, caller.key, dialect, stream, "hi", `m-${upstream}`);
      assert.equal(summaryOf(seen), `error 502 The provider ended its answer with ${word}.`, `${dialect.id} ${stream}`);
    }
  }
  // With something said, the client has an answer.
  server.use(
    play(
      wholeOf({ candidates: [{ index: 0, finishReason: "OTHER", content: { role: "model", parts: [{ text: "Hello" }] } }], usageMetadata }),
      {},
    ),
  );
  const said = await ask(
    gateway,
    caller.key,
    dialects.find(({ id }) => id === "openai-chat")!,
    false,
    "hi",
    "m-gemini-generate",
  );
  assert.equal(said.how, "whole");
});

test("a Gemini client has a word for it: it gets the answer as it came, without secrets, and the row has the error", async () => {
  const dialect = dialects.find(({ id }) => id === "gemini-generate")!;
  const known = (await gateway.rows()).length;
  for (const stream of [false, true]) {
    server.use(play(brokenAnswer("gemini-generate", "Hello", stream), {}));
    const { body, how } = await ask(gateway, caller.key, dialect, stream, "hi", "m-gemini-generate");
    assert.equal(how, "whole");
    const text = body.toString();
    assert.ok(text.includes('"finishReason":"MALFORMED_FUNCTION_CALL"') && text.includes("Hello") && !text.includes(key), text);
  }
  const rows = (await gateway.rows()).slice(known);
  assert.deepEqual(
    rows.map((row) => `${row.status} ${row.http_status} ${row.error_code} ${row.input_tokens} ${row.output_tokens} ${row.cost_nano_usd}`),
    ["error 200 upstream_error 10 5 20000", "interrupted 200 upstream_error 10 5 20000"],
  );
});
