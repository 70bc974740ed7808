import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { sendRaw } from "../e2e/raw-http.ts";
import type { Protocol, Scenario } from "../testbed/scenario.ts";
import { askResponses, type AnsweredItems } from "./ask-responses.ts";
import { models, startBench, type Bench } from "./bench.ts";

let bench: Bench;
before(async () => {
  bench = await startBench();
});
after(() => bench.stop());

const ask = (upstream: Protocol, stream: boolean, scenario: Scenario, body: object): Promise<AnsweredItems> =>
  askResponses(bench, { upstream, stream, scenario, body });

const foreign = ["openai-chat", "anthropic-messages", "gemini-generate"] as const;
const parameters = { type: "object", properties: { query: { type: "string" } }, required: ["query"], additionalProperties: false };
const search = { type: "tool_search", execution: "client", description: "Searches over deferred tools.", parameters };
const user = (text: string): object => ({ type: "message", role: "user", content: [{ type: "input_text", text }] });

for (const upstream of foreign) {
  for (const stream of [false, true]) {
    const how = `openai-responses to ${upstream}, ${stream ? "streamed" : "whole"}`;

    test(`${how}: the client's search of tools is a function there, its call a tool_search_call, and what it finds can be called (report 707)`, async () => {
      const args = { query: "calendar events" };
      const first = await ask(
        upstream,
        stream,
        { toolCalls: [{ name: "tool_search", arguments: args }] },
        { input: [user("hi")], tools: [search] },
      );
      assert.ok(first.sent.includes('"tool_search"') && first.sent.includes("Searches over deferred tools."), first.sent);
      const [call] = first.items;
      const { id, call_id: callId, ...rest } = call!;
      assert.ok(typeof id === "string" && id.startsWith("tsc_"), JSON.stringify(id));
      assert.deepEqual(rest, { type: "tool_search_call", status: "completed", execution: "client", arguments: args });
      assert.deepEqual(first.output, first.items);

      const lookup = { type: "function", name: "list", description: "Lists events.", strict: false, defer_loading: true, parameters };
      const tools = [{ type: "namespace", name: "mcp__calendar", description: "The calendar.", tools: [lookup] }];
      const found = { type: "tool_search_output", call_id: callId, status: "completed", execution: "client", tools };
      const called = { toolCalls: [{ name: "mcp__calendar__list", arguments: { query: "today" } }] };
      const second = await ask(upstream, stream, called, { input: [user("hi"), call, found], tools: [search] });
      assert.ok(second.sent.includes("Lists events.") && second.sent.includes("can be called now"), second.sent);
      assert.ok(!second.sent.includes("defer_loading") && !second.sent.includes("tool_search_output"), second.sent);
      assert.deepEqual(
        second.items.map(({ type, namespace, name, arguments: text }) => [type, namespace, name, text]),
        [["function_call", "mcp__calendar", "list", '{"query":"today"}']],
      );
    });

    test(`${how}: a compaction is one sealed item, whose summary any model gets back (report 322)`, async () => {
      const told = "The user wants a ✓ in README.md.";
      const input = [user("Put a ✓ into README.md."), { type: "compaction_trigger" }];
      const run = { type: "function", name: "run", parameters: { type: "object", properties: {} } };
      const compacted = await ask(upstream, stream, { reasoning: ["hm"], text: [told] }, { input, tools: [run] });
      assert.ok(compacted.sent.includes("Answer with the summary alone"), compacted.sent);
      assert.deepEqual(compacted.output, compacted.items);
      assert.deepEqual(
        compacted.items.map(({ type }) => type),
        ["compaction"],
      );
      const [item] = compacted.items;
      assert.ok(JSON.stringify(item).includes(`"id":"cmp_`), JSON.stringify(item));
      assert.ok(!JSON.stringify(item).includes("README"), "the summary is sealed");
      for (const next of [...foreign, "openai-responses"] as const) {
        const { sent } = await ask(next, false, { text: ["ok"] }, { input: [user("Put a ✓ into README.md."), item, user("Go on.")] });
        assert.ok(sent.includes(`Summary of the conversation before this point:\\n\\n${told}`), `${next}: ${sent}`);
        assert.ok(!sent.includes("encrypted_content"), sent);
      }
    });
  }

  test(`openai-responses to ${upstream}: a compaction without a summary is an error`, async () => {
    bench.mock.reset();
    bench.mock.enqueue({ text: [" "] });
    const headers = ["authorization", `Bearer ${bench.caller.key}`, "content-type", "application/json"];
    const body = JSON.stringify({ model: models[upstream], store: false, input: [user("hi"), { type: "compaction_trigger" }] });
    const reply = await sendRaw(bench.gateway.url, { path: "/v1/responses", headers, body });
    assert.equal(reply.status, 502, reply.body.toString());
    assert.ok(reply.body.toString().includes("without one"));
  });
}
