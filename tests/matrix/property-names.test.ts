import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { sendRaw } from "../e2e/raw-http.ts";
import { asObject, asObjects, asString, type JsonObject } from "../testbed/json.ts";
import type { Protocol } from "../testbed/scenario.ts";
import { models, startBench, type Bench } from "./bench.ts";
import { readSent } from "./read-sent.ts";
import { readEvents } from "./wire-events.ts";

let bench: Bench;
before(async () => {
  bench = await startBench();
});
after(() => bench.stop());

const keys = ["$top", "filter[id]", "都市", "k".repeat(70), "plain"];
const parameters = {
  type: "object",
  properties: {
    ...Object.fromEntries(keys.map((key) => [key, { type: "integer" }])),
    nested: { type: "object", properties: { "a b": { type: "string" } }, required: ["a b"], additionalProperties: false },
  },
  required: ["$top", "plain"],
  additionalProperties: false,
};
const args = `{"$top": 1.0,"filter[id]":2,"都市":3,"${"k".repeat(70)}":4,"plain":5,"nested":{"a b":"$top"}}`;

interface Dialect {
  readonly path: (model: string, stream: boolean) => string;
  readonly body: (model: string, stream: boolean) => object;
  /** The text of the arguments in an answer. */
  readonly argumentsOf: (text: string, stream: boolean) => string;
}

const dialects: Partial<Readonly<Record<Protocol, Dialect>>> = {
  "openai-chat": {
    path: () => "/v1/chat/completions",
    body: (model, stream) => ({
      model,
      stream,
      messages: [
        { role: "user", content: "go" },
        { role: "assistant", content: null, tool_calls: [{ id: "call_1", type: "function", function: { name: "find", arguments: args } }] },
        { role: "tool", tool_call_id: "call_1", content: "none" },
      ],
      tools: [{ type: "function", function: { name: "find", parameters } }],
    }),
    argumentsOf: (text, stream) =>
      (stream ? readEvents(text).filter(({ data }) => data !== "[DONE]") : [{ data: text }])
        .flatMap(({ data }) => asObjects(asObject(JSON.parse(data))["choices"]))
        .flatMap((choice) => asObjects(asObject(choice["delta"] ?? choice["message"])["tool_calls"]))
        .map((call) => asString(asObject(call["function"])["arguments"]))
        .join(""),
  },
  "openai-responses": {
    path: () => "/v1/responses",
    body: (model, stream) => ({
      model,
      stream,
      store: false,
      input: [
        { role: "user", content: "go" },
        { type: "function_call", call_id: "call_1", name: "find", arguments: args },
        { type: "function_call_output", call_id: "call_1", output: "none" },
      ],
      tools: [{ type: "function", name: "find", parameters }],
    }),
    argumentsOf: (text, stream) => {
      const events = stream ? readEvents(text).map(({ data }) => JSON.parse(data) as JsonObject) : [];
      const response = stream ? asObject(events.at(-1)!["response"]) : (JSON.parse(text) as JsonObject);
      const whole = asObjects(response["output"]).map((item) => asString(item["arguments"]));
      const deltas = events.filter(({ type }) => type === "response.function_call_arguments.delta").map(({ delta }) => asString(delta));
      if (stream) assert.equal(deltas.join(""), whole.join(""));
      return whole.join("");
    },
  },
  "anthropic-messages": {
    path: () => "/v1/messages",
    body: (model, stream) => ({
      model,
      stream,
      max_tokens: 64,
      messages: [
        { role: "user", content: "go" },
        { role: "assistant", content: [{ type: "tool_use", id: "toolu_1", name: "find", input: JSON.parse(args) as object }] },
        { role: "user", content: [{ type: "tool_result", tool_use_id: "toolu_1", content: "none" }] },
      ],
      tools: [{ name: "find", input_schema: parameters }],
    }),
    argumentsOf: (text, stream) =>
      stream
        ? readEvents(text)
            .map(({ data }) => asString(asObject(asObject(JSON.parse(data))["delta"])["partial_json"]))
            .join("")
        : JSON.stringify(asObjects(asObject(JSON.parse(text))["content"])[0]!["input"]),
  },
};

const cells: readonly (readonly [Protocol, Protocol])[] = [
  ["openai-chat", "anthropic-messages"],
  ["openai-responses", "anthropic-messages"],
  ["openai-chat", "gemini-generate"],
  ["openai-responses", "gemini-generate"],
  ["anthropic-messages", "gemini-generate"],
];
const accepted: Partial<Readonly<Record<Protocol, RegExp>>> = {
  "anthropic-messages": /^[a-zA-Z0-9_.-]{1,64}$/,
  "gemini-generate": /^[a-zA-Z_][a-zA-Z0-9_]{0,63}$/,
};

for (const [client, upstream] of cells) {
  for (const stream of [false, true]) {
    test(`${client} to ${upstream}, ${stream ? "streamed" : "whole"}: properties go by names that the vendor accepts, and come back by their own`, async () => {
      const { path, body, argumentsOf } = dialects[client]!;
      const ask = async (wireArguments: string): Promise<readonly [string, JsonObject, readonly string[]]> => {
        bench.mock.reset();
        bench.mock.enqueue({ toolCalls: [{ name: "find", arguments: wireArguments }] });
        const headers = ["authorization", `Bearer ${bench.caller.key}`, "content-type", "application/json"];
        const text = JSON.stringify(body(models[upstream], stream));
        const reply = await sendRaw(bench.gateway.url, { path: path(models[upstream], stream), headers, body: text });
        assert.equal(reply.status, 200, reply.body.toString());
        const request = bench.mock.requests[0]!;
        const sent = JSON.parse(request.body.toString()) as JsonObject;
        return [argumentsOf(reply.body.toString(), stream), sent, readSent(upstream, request).tools[0]!.properties];
      };
      const [, sent, names] = await ask("{}");
      assert.equal(names.length, keys.length + 1);
      for (const name of names) assert.match(name, accepted[upstream]!);
      assert.deepEqual(names.slice(4), ["plain", "nested"]);
      const wire = `{"${names[0]}": 1.0,"${names[1]}":2,"${names[2]}":3,"${names[3]}":4,"plain":5,"nested":{"a_b":"$top"}}`;
      const history = JSON.stringify(sent[upstream === "gemini-generate" ? "contents" : "messages"]);
      for (const name of names.slice(0, 4)) assert.ok(history.includes(`"${name}":`), history);
      for (const key of keys.slice(0, 4)) assert.ok(!history.includes(`"${key}":`), history);
      const [received] = await ask(wire);
      assert.deepEqual(JSON.parse(received), JSON.parse(args));
      assert.deepEqual(asObject(findSchema(sent))["required"], [names[0], "plain"]);
    });
  }
}

/** The schema of the one tool. */
function findSchema(sent: JsonObject): JsonObject {
  const tool = asObjects(sent["tools"])[0]!;
  return asObject(tool["input_schema"] ?? asObject(asObjects(tool["functionDeclarations"])[0])["parametersJsonSchema"]);
}
