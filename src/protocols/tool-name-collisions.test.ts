import assert from "node:assert/strict";
import { test } from "node:test";
import { protocolIds, type ChatRequest, type FunctionTool, type ProtocolId, type ServerTool, type Tool } from "../ir/index.ts";
import { bodyOf, toolCall } from "./testing.ts";
import { protocols, type Rendered } from "./index.ts";

const user = { role: "user", content: [{ type: "text", text: "hi" }] } as const;
const functionOf = (name: string, more: Partial<FunctionTool> = {}): FunctionTool => ({ type: "function", name, ...more });
const searches: Readonly<Record<string, ServerTool>> = {
  anthropic: {
    type: "server",
    name: "web_search",
    protocol: "anthropic-messages",
    wire: { type: "web_search_20250305", name: "web_search" },
  },
  openai: { type: "server", name: "web_search", protocol: "openai-responses", wire: { type: "web_search" } },
};

function render(id: ProtocolId, fields: Partial<ChatRequest>): Rendered<string> {
  const request = { model: "m", stream: false, messages: [user], ...fields };
  return protocols.get(id)!.upstream.renderRequest(request, { model: "claude-sonnet-4-5", stream: false, quirks: {} });
}

/** The names of the functions, and the types of the vendor's own tools. */
function namesIn(rendered: Rendered<string>): readonly string[] {
  const { tools = [] } = bodyOf(rendered) as { tools?: readonly WireTool[] };
  return tools.flatMap((tool) => {
    if (tool.functionDeclarations !== undefined) return tool.functionDeclarations.map(({ name }) => name);
    return [tool.name ?? tool.function?.name ?? tool.type ?? Object.keys(tool)[0] ?? ""];
  });
}

interface WireTool {
  readonly type?: string;
  readonly name?: string;
  readonly function?: { readonly name: string };
  readonly functionDeclarations?: readonly { readonly name: string }[];
}

test("a function beside the vendor's own tool of that name has another name everywhere, and its calls come back under its own (report 312)", () => {
  for (const [from, search] of Object.entries(searches)) {
    for (const id of protocolIds) {
      const rendered = render(id, {
        tools: [search, functionOf("web_search")],
        messages: [user, { role: "assistant", content: [toolCall("c1", "web_search", "{}")] }, user],
        toolChoice: { type: "named", name: "web_search" },
      });
      const names = namesIn(rendered);
      assert.equal(new Set(names).size, names.length, `${from} → ${id}: ${names.join()}`);
      const wire = names.findLast((name) => name.startsWith("web_search"))!;
      assert.equal(rendered.toolNames?.get(wire)?.name ?? wire, "web_search");
      const choice = JSON.stringify(bodyOf(rendered)["tool_choice"] ?? bodyOf(rendered)["toolConfig"]);
      assert.ok(choice.includes(`"${wire}"`), `${id}: ${choice}`);
      assert.ok(rendered.value.split(`"${wire}"`).length >= 4, `${id}: declared, called and chosen`);
    }
  }
});

test("a choice of the vendor's own tool is not one of the function with its name", () => {
  const { tool_choice: choice } = bodyOf(
    render("openai-responses", {
      tools: [functionOf("web_search"), searches["openai"]!],
      toolChoice: { type: "named", name: "web_search", isServer: true },
    }),
  );
  assert.deepEqual(choice, { type: "web_search" });
});

test("names that differ only in what a wire forbids, and names without a letter that it accepts, stay different", () => {
  const names = [
    "a.b",
    "a_b",
    "a b",
    "a/b",
    "",
    "检索",
    "索引",
    "1st",
    "Read",
    "read",
    "x".repeat(70),
    `${"x".repeat(70)}y`,
    "x".repeat(200),
  ];
  for (const id of protocolIds) {
    const rendered = render(id, { tools: names.map((name) => functionOf(name)) });
    const wire = namesIn(rendered);
    assert.equal(new Set(wire).size, names.length, id);
    assert.deepEqual(
      wire.map((name) => rendered.toolNames?.get(name)?.name ?? name),
      names,
    );
    const accepted = id === "gemini-generate" ? /^[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}$/ : /^[a-zA-Z0-9_-]{1,128}$/;
    for (const name of wire) assert.match(name, accepted, id);
  }
});

test("a tool that is declared twice is sent once; two different ones of one name are refused", () => {
  const schema = { type: "object", properties: {} };
  for (const id of protocolIds) {
    const twice = render(id, { tools: [functionOf("a", { parameters: schema }), functionOf("a", { parameters: schema })] });
    assert.deepEqual(namesIn(twice), ["a"]);
    assert.throws(
      () => render(id, { tools: [functionOf("a"), functionOf("a", { description: "Other." })] }),
      /two tools have the name "a"/,
    );
  }
});

test("the gateway's own stand-ins keep clear of the client's tools", () => {
  const form = { type: "json-schema", schema: { type: "object" } } as const;
  const request = { model: "m", stream: false, messages: [user], tools: [functionOf("answer_in_json")], responseFormat: form };
  const answer = protocols
    .get("anthropic-messages")!
    .upstream.renderRequest(request, { model: "claude-3-5-haiku-latest", stream: false, quirks: {} });
  assert.deepEqual(namesIn(answer), ["answer_in_json", "answer_in_json_2"]);
  assert.equal(answer.toolNames?.get("answer_in_json_2")?.kind, "answer");
  const search: Tool = {
    type: "server",
    name: "tool_search",
    protocol: "openai-responses",
    wire: { type: "tool_search", execution: "client", parameters: { type: "object" } },
  };
  const responses = protocols.get("openai-responses")!;
  const client: ChatRequest = { model: "m", stream: false, messages: [user], tools: [functionOf("tool_search"), search] };
  const foreign = responses.toForeign!(client, { openSummary: () => undefined });
  assert.deepEqual(
    foreign.tools?.map(({ name }) => name),
    ["tool_search", "tool_search_2"],
  );
  const output = (name: string): unknown => {
    const content = [toolCall("c1", name, '{"query":"q"}')];
    const response = { id: "r", model: "m", createdAt: 1, content, stopReason: "tool-calls", usage: {} } as const;
    const context = { model: "m", includeUsage: true, jsonArray: false, request: client };
    return (JSON.parse(responses.renderResponse(response, context)) as { output: { type: string }[] }).output[0]!.type;
  };
  assert.deepEqual([output("tool_search"), output("tool_search_2")], ["function_call", "tool_search_call"]);
});

test("calls in the history without tools are declared for Claude, and cannot be called", () => {
  const messages = [
    user,
    { role: "assistant", content: [toolCall("c1", "read.file", "{}"), toolCall("c2", "read.file", "{}"), toolCall("c3", "run", "{}")] },
    {
      role: "user",
      content: ["c1", "c2", "c3"].map((callId) => ({ type: "tool-result", callId, content: [{ type: "text", text: "x" }] }) as const),
    },
  ] as const;
  for (const tools of [undefined, []]) {
    const rendered = render("anthropic-messages", { messages, ...(tools === undefined ? {} : { tools }) });
    const { tools: sent, tool_choice: choice } = bodyOf(rendered);
    const standIn = { description: "A tool of earlier turns, which is not available any more.", input_schema: { type: "object" } };
    assert.deepEqual(sent, [
      { name: "read_file", ...standIn },
      { name: "run", ...standIn },
    ]);
    assert.deepEqual(choice, { type: "none" });
    assert.ok(rendered.losses.some(({ param, action }) => param === "tools[]" && action === "emulated"));
  }
  for (const id of protocolIds.filter((each) => each !== "anthropic-messages"))
    assert.equal(bodyOf(render(id, { messages }))["tools"], undefined);
});
