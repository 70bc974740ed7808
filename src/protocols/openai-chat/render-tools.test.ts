import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ChatRequest } from "../../ir/index.ts";
import { request, target, type Wire, assistant, callOf, resultOf, user } from "../openai-shared/testing.ts";
import type { RenderTarget } from "../translation.ts";
import { renderRequest } from "./render-request.ts";

const bodyOf = (fields: Partial<ChatRequest>, to: Partial<RenderTarget> = {}): Wire =>
  JSON.parse(renderRequest(request(fields), target(to)).value) as Wire;
const lossesOf = (fields: Partial<ChatRequest>, to: Partial<RenderTarget> = {}): readonly string[] =>
  renderRequest(request(fields), target(to)).losses.map(({ param, action }) => `${param} ${action}`);

describe("tools for a Chat upstream", () => {
  const patch = {
    type: "custom" as const,
    name: "apply_patch",
    description: "Edits.",
    grammar: { syntax: "lark", definition: "start: x" },
  };
  const spawn = { type: "function" as const, namespace: "agents", name: "spawn", parameters: { type: "object", properties: {} } };

  test("a namespace goes into the name, a name that is too long is cut, and the map has the original names", () => {
    const long = { ...spawn, name: "n".repeat(60) };
    const { value, toolNames } = renderRequest(
      request({ tools: [patch, spawn, long], toolChoice: { type: "named", name: "spawn" } }),
      target(),
    );
    const body = JSON.parse(value) as { tools: Wire[]; tool_choice: unknown };
    assert.deepEqual(body.tools.slice(0, 2), [
      { type: "custom", custom: { name: "apply_patch", description: "Edits.", format: { type: "grammar", grammar: patch.grammar } } },
      { type: "function", function: { name: "agents__spawn", parameters: spawn.parameters } },
    ]);
    assert.deepEqual(body.tool_choice, { type: "function", function: { name: "agents__spawn" } });
    const cut = (body.tools[2]!["function"] as { name: string }).name;
    assert.match(cut, /^agents__n{47}_[0-9a-f]{8}$/);
    assert.deepEqual(
      [...(toolNames ?? [])],
      [
        ["agents__spawn", { name: "spawn", namespace: "agents", kind: "function" }],
        [cut, { name: long.name, namespace: "agents", kind: "function" }],
      ],
    );
  });

  test("a custom tool becomes a function with one string if the server has no custom tools, in the history as well", () => {
    const messages = [assistant(callOf("a", { name: "apply_patch", kind: "custom", arguments: 'a "b"\n' })), user(resultOf("a"))];
    const quirks = { noCustomTools: true };
    const { value, toolNames, losses } = renderRequest(
      request({ messages, tools: [patch], toolChoice: { type: "allowed", names: ["apply_patch"], required: true } }),
      target({ quirks }),
    );
    const body = JSON.parse(value) as { tools: unknown; tool_choice: unknown; messages: { tool_calls: unknown }[] };
    const parameters = {
      type: "object",
      properties: { input: { type: "string" } },
      required: ["input"],
      additionalProperties: false,
    };
    const hint = "Give the whole free text of this tool's input, as it is, in `input`.";
    const description = `Edits.\n\n${hint}\n\nGrammar of \`input\` (lark):\nstart: x`;
    assert.deepEqual(body.tools, [{ type: "function", function: { name: "apply_patch", description, parameters } }]);
    assert.deepEqual(body.tool_choice, {
      type: "allowed_tools",
      allowed_tools: { mode: "required", tools: [{ type: "function", function: { name: "apply_patch" } }] },
    });
    assert.deepEqual(body.messages[0]?.tool_calls, [
      { id: "a", type: "function", function: { name: "apply_patch", arguments: '{"input":"a \\"b\\"\\n"}' } },
    ]);
    assert.deepEqual([...(toolNames ?? [])], [["apply_patch", { name: "apply_patch", kind: "custom" }]]);
    assert.deepEqual(
      losses.map(({ param, action }) => [param, action]),
      [["tools[]", "emulated"]],
    );
  });

  test("only the allowed tools are offered if the server cannot choose among tools", () => {
    const fields = { tools: [spawn, patch], toolChoice: { type: "allowed" as const, names: ["spawn"], required: false } };
    const body = bodyOf(fields, { quirks: { noAllowedTools: true } });
    assert.deepEqual(
      [body["tools"], body["tool_choice"]],
      [[{ type: "function", function: { name: "agents__spawn", parameters: spawn.parameters } }], "auto"],
    );
    assert.deepEqual(lossesOf(fields, { quirks: { noAllowedTools: true } }), ["toolChoice emulated"]);
  });

  test("strict is kept if the schema meets the provider's terms, and a combination at the top is written into the description", () => {
    const closed = { type: "object", properties: { a: { type: "string" } }, required: ["a"], additionalProperties: false };
    const tools = [
      { type: "function" as const, name: "a", parameters: closed, strict: true },
      { type: "function" as const, name: "b", parameters: { ...closed, required: [] }, strict: true },
      { type: "function" as const, name: "c", description: "C.", parameters: { anyOf: [closed, { required: ["b"] }] } },
    ];
    assert.deepEqual(bodyOf({ tools })["tools"], [
      { type: "function", function: { name: "a", parameters: closed, strict: true } },
      { type: "function", function: { name: "b", parameters: { ...closed, required: [] }, strict: false } },
      {
        type: "function",
        function: {
          name: "c",
          description:
            'C.\nThe arguments must also fit this JSON Schema: {"anyOf":[{"required":["a"],"additionalProperties":false},{"required":["b"]}]}',
          parameters: { type: "object", properties: { a: { type: "string" } } },
        },
      },
    ]);
    assert.deepEqual(lossesOf({ tools }), ["tools[].strict dropped", "tools[].parameters emulated"]);
  });

  test("without tools there is neither tool_choice nor parallel_tool_calls, and a forced one is refused", () => {
    const server = {
      type: "server" as const,
      name: "web_search",
      protocol: "anthropic-messages",
      wire: { type: "web_search_20250305", name: "web_search" },
    };
    assert.deepEqual(bodyOf({ tools: [server], toolChoice: { type: "auto" }, parallelToolCalls: false }), {
      model: "gpt-mock",
      messages: [{ role: "user", content: "hi" }],
    });
    assert.deepEqual(lossesOf({ tools: [server] }), ["tools[] dropped"]);
    assert.throws(() => bodyOf({ tools: [server], toolChoice: { type: "named", name: "web_search" } }), {
      code: "invalid_request",
      param: "toolChoice",
    });
    assert.throws(() => bodyOf({ tools: [spawn], toolChoice: { type: "named", name: "gone" } }), {
      code: "invalid_request",
      param: "toolChoice",
    });
  });
});
