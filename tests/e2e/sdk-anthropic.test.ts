import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import Anthropic, { APIError, BadRequestError } from "@anthropic-ai/sdk";
import { betaTool } from "@anthropic-ai/sdk/helpers/beta/json-schema";
import { zodOutputFormat } from "@anthropic-ai/sdk/helpers/zod";
import * as z from "zod";
import type { BothWays, Served } from "./both-ways.ts";
import { startBothWays } from "./both-ways.ts";

const served: Served = { dialect: "anthropic-messages", provider: "anthropic" };
const base = { model: "claude-mock", max_tokens: 4000, messages: [{ role: "user" as const, content: "How is the weather? ✓ 日本" }] };
const everything = {
  reasoning: ["Let me ", "think"],
  text: ["Hel", "lo ✓ ", "🚀"],
  toolCalls: [
    { name: "weather", arguments: { city: "Zürich" }, id: "toolu_a" },
    { name: "weather", arguments: { city: "東京" }, id: "toolu_b", fragments: ['{"city":', '"東京"}'] },
  ],
  usage: { input: 100, cached: 30, cacheWrite5m: 20, cacheWrite1h: 10, output: 9, reasoning: 4 },
  delayBetweenChunksMs: 0,
};
const weather = {
  name: "weather",
  description: "",
  inputSchema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
} as const;

let ways: BothWays<Anthropic>;
before(async () => {
  ways = await startBothWays("anthropic", (url, apiKey) => new Anthropic({ apiKey, baseURL: url, maxRetries: 0 }));
});
after(() => ways.stop());

test("a JSON answer, with all that a model can say", async () => {
  const { value } = await ways.compare(served, [everything], (client) => client.messages.create(base));
  assert.deepEqual(
    value.content.map((block) => block.type),
    ["thinking", "text", "tool_use", "tool_use"],
  );
});

test("the stream's accumulator and its events", async () => {
  const { value } = await ways.compare(served, [everything, everything], async (client) => {
    const final = await client.messages.stream(base).finalMessage();
    const events = [];
    for await (const event of await client.messages.create({ ...base, stream: true })) events.push(event);
    return { final, events };
  });
  assert.equal(value.final.stop_reason, "tool_use");
  assert.equal(value.events.at(-1)?.type, "message_stop");
});

test("every stop reason", async () => {
  const stops = ["end", "length", "filter", "stop-sequence", "pause", "context-window"] as const;
  const scenarios = stops.map((stop) => ({ text: ["x"], stop }));
  const { value } = await ways.compare(served, scenarios, async (client) => {
    const reasons = [];
    for (const _ of stops) reasons.push((await client.messages.stream({ ...base, stop_sequences: ["###"] }).finalMessage()).stop_reason);
    return reasons;
  });
  assert.deepEqual(value, ["end_turn", "max_tokens", "refusal", "stop_sequence", "pause_turn", "model_context_window_exceeded"]);
});

for (const stream of [false, true]) {
  test(`the tool runner, ${stream ? "streaming" : "not streaming"}`, async () => {
    const { value, requests } = await ways.compare(served, [], async (client) => {
      const given: unknown[] = [];
      const run = (input: unknown): string => {
        given.push(input);
        return "sunny";
      };
      const runner = client.beta.messages.toolRunner({ ...base, tools: [betaTool({ ...weather, run })], stream });
      return { message: await runner.runUntilDone(), given };
    });
    assert.deepEqual(value.given, [{ city: "Zürich" }]);
    assert.equal(value.message.stop_reason, "end_turn");
    assert.equal(requests.length, 2);
  });
}

test("thinking with its signature goes back as it came", async () => {
  const { value } = await ways.compare(served, [], async (client) => {
    const params = { ...base, thinking: { type: "adaptive" as const, display: "summarized" as const } };
    const first = await client.messages.stream(params).finalMessage();
    const messages = [...base.messages, { role: "assistant" as const, content: first.content }, { role: "user" as const, content: "and?" }];
    return [first, await client.messages.stream({ ...params, messages }).finalMessage()];
  });
  assert.equal(value[0]?.content[0]?.type, "thinking");
});

test("the structured parse", async () => {
  const Trip = z.object({ city: z.string(), days: z.number() });
  const { value } = await ways.compare(served, [], async (client) => {
    const message = await client.messages.parse({ ...base, output_config: { format: zodOutputFormat(Trip) } });
    return message.parsed_output;
  });
  assert.deepEqual(value, { city: "Zürich", days: 1 });
});

test("tokens are counted by the upstream, and not billed", async () => {
  const { value } = await ways.compare(served, [{ usage: { input: 4711 } }], (client) =>
    client.messages.countTokens({ model: base.model, messages: base.messages }),
  );
  assert.equal(value.input_tokens, 4711);
});

test("a base URL that ends with /anthropic, and a Bearer token in place of a key", async () => {
  const { gateway, caller, mock } = ways;
  mock.reset();
  mock.enqueue({ text: ["hello"] }, { text: ["again"] }, { usage: { input: 12 } });
  const client = new Anthropic({ authToken: caller.key, apiKey: null, baseURL: `${gateway.url}/anthropic`, maxRetries: 0 });
  const answer = await client.messages.create(base);
  assert.deepEqual(answer.content, [{ type: "text", text: "hello", citations: null }]);
  assert.equal(await client.messages.stream(base).finalText(), "again");
  assert.equal((await client.messages.countTokens({ model: base.model, messages: base.messages })).input_tokens, 12);
  const ids = (await client.models.list()).data.map((model) => model.id);
  assert.ok(ids.includes("claude-mock"));
  assert.equal((await client.models.retrieve("claude-mock")).type, "model");
});

test("an upstream's error is the SDK's error, with the upstream's words", async () => {
  const { mock, client, gateway } = ways;
  mock.reset();
  mock.enqueue(
    { trouble: { kind: "error", error: { status: 400, message: "Too hot." } } },
    { trouble: { kind: "error", error: { status: 529, message: "Overloaded" } } },
  );
  await assert.rejects(client.messages.create(base), (error: unknown) => {
    assert.ok(error instanceof BadRequestError);
    assert.deepEqual(
      [error.type, error.apiMessage, error.requestID],
      ["invalid_request_error", "Too hot.", error.headers.get("request-id")],
    );
    return true;
  });
  await assert.rejects(client.messages.create(base), (error: unknown) => error instanceof APIError && error.status === 529);
  const rows = (await gateway.rows()).slice(-2);
  assert.deepEqual(
    rows.map((row) => [row.status, row.http_status, row.cost_nano_usd]),
    [
      ["error", 400, 0],
      ["error", 529, 0],
    ],
  );
});
