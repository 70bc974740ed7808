import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { sendRaw } from "../e2e/raw-http.ts";
import type { JsonObject } from "../testbed/json.ts";
import type { Protocol, ScenarioToolCall } from "../testbed/scenario.ts";
import type { Bench } from "./bench.ts";
import { models, startBench } from "./bench.ts";
import { checkGrammar } from "./grammar.ts";
import { readEvents } from "./wire-events.ts";

const patch = '*** Begin ✓\n"quoted" \\ back\n*** End';
const grammar = { type: "grammar", syntax: "lark", definition: 'start: "*** Begin"' };
const run = { type: "function", name: "run", parameters: { type: "object", properties: { command: { type: "string" } } } };

let bench: Bench;
before(async () => {
  bench = await startBench();
});
after(() => bench.stop());

/** Sends a request of Responses and returns the items of the answer, and what the upstream was sent. */
async function ask(
  upstream: Protocol,
  stream: boolean,
  tools: readonly object[],
  call: ScenarioToolCall,
): Promise<readonly [readonly JsonObject[], string]> {
  bench.mock.reset();
  bench.mock.enqueue({ toolCalls: [call] });
  const headers = ["authorization", `Bearer ${bench.caller.key}`, "content-type", "application/json"];
  const body = { model: models[upstream], input: "go", tools, store: false, ...(stream ? { stream } : {}) };
  const reply = await sendRaw(bench.gateway.url, { path: "/v1/responses", headers, body: JSON.stringify(body) });
  assert.equal(reply.status, 200, reply.body.toString());
  const text = reply.body.toString();
  if (stream) checkGrammar("openai-responses", reply.body);
  const response = stream
    ? (JSON.parse(readEvents(text).at(-1)!.data) as { response: { output: JsonObject[] } }).response
    : JSON.parse(text);
  return [(response as { output: JsonObject[] }).output, bench.mock.requests[0]!.body.toString()];
}

const shown = (items: readonly JsonObject[]): readonly unknown[] =>
  items.map(({ type, name, namespace, input, arguments: args }) => [type, name, namespace, input ?? args]);

for (const stream of [false, true]) {
  const how = stream ? "streamed" : "whole";
  for (const upstream of ["anthropic-messages", "gemini-generate"] as const) {
    test(`openai-responses to ${upstream}, ${how}: a tool of free text is a function there, and its call comes back as free text`, async () => {
      const [items, sent] = await ask(upstream, stream, [{ type: "custom", name: "apply_patch", description: "Edits.", format: grammar }], {
        name: "apply_patch",
        arguments: { input: patch },
      });
      assert.deepEqual(shown(items), [["custom_tool_call", "apply_patch", undefined, patch]]);
      assert.ok(sent.includes("*** Begin"), "the grammar is sent");
      assert.ok(sent.includes('"required":["input"]'), sent);
    });
  }

  for (const upstream of ["openai-chat", "anthropic-messages", "gemini-generate"] as const) {
    test(`openai-responses to ${upstream}, ${how}: a tool of a namespace goes by one name, and its call comes back under the namespace`, async () => {
      const [items, sent] = await ask(upstream, stream, [{ type: "namespace", name: "agents", tools: [run] }], {
        name: "agents__run",
        arguments: '{"command":"ls"}',
      });
      assert.deepEqual(shown(items), [["function_call", "run", "agents", '{"command":"ls"}']]);
      assert.ok(sent.includes('"agents__run"'), sent);
    });
  }
}

test("a request that several answers are asked of is refused where there is one, in the client's words", async () => {
  const headers = ["authorization", `Bearer ${bench.caller.key}`, "content-type", "application/json"];
  const send = async (path: string, body: object): Promise<readonly [number, string]> => {
    bench.mock.reset();
    const reply = await sendRaw(bench.gateway.url, { path, headers, body: JSON.stringify(body) });
    assert.equal(bench.mock.requests.length, 0, "nothing was sent");
    return [reply.status, reply.body.toString()];
  };
  const messages = [{ role: "user", content: "hi" }];
  const [chatStatus, chatError] = await send("/v1/chat/completions", { model: models["anthropic-messages"], messages, n: 2 });
  assert.equal(chatStatus, 400);
  const { error } = JSON.parse(chatError) as { error: { param: string; message: string } };
  assert.deepEqual([error.param, error.message.startsWith('"n" cannot be served')], ["n", true]);
  const [status, text] = await send(`/v1beta/models/${models["openai-responses"]}:generateContent`, {
    contents: [{ role: "user", parts: [{ text: "hi" }] }],
    generationConfig: { candidateCount: 2 },
  });
  assert.equal(status, 400);
  assert.ok(text.includes('"param":"generationConfig.candidateCount"'), text);
});
