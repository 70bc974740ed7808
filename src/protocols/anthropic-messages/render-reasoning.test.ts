import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChatRequest, Message } from "../../ir/index.ts";
import { bodyOf, lossesOf, toolCall } from "../testing.ts";
import type { Rendered, RenderTarget } from "../translation.ts";
import { renderRequest } from "./render-request.ts";

const user: Message = { role: "user", content: [{ type: "text", text: "hi" }] };

function targetOf(model: string, quirks: RenderTarget["quirks"] = {}): RenderTarget {
  return { model, stream: false, quirks };
}

function render(request: Partial<ChatRequest>, model = "claude-sonnet-4-5", quirks: RenderTarget["quirks"] = {}): Rendered<string> {
  return renderRequest({ model: "alias", stream: false, messages: [user], ...request }, targetOf(model, quirks));
}

test("the vendor's own thinking is sent back first in its turn, with the same bytes", () => {
  const proof = { protocol: "anthropic-messages", kind: "signature", data: "sig" } as const;
  const redacted = { protocol: "anthropic-messages", kind: "redacted", data: "red" } as const;
  const { messages } = bodyOf(
    render({
      messages: [
        user,
        {
          role: "assistant",
          content: [
            { type: "text", text: "t" },
            { type: "reasoning", text: " th ", proof },
            { type: "reasoning", text: "", proof: redacted },
            toolCall("a", "t", "{}"),
          ],
        },
        { role: "user", content: [{ type: "tool-result", callId: "a", content: [] }] },
      ],
    }),
  ) as { messages: { content: unknown }[] };
  assert.deepEqual(messages[1]?.content, [
    { type: "thinking", thinking: " th ", signature: "sig" },
    { type: "redacted_thinking", data: "red" },
    { type: "text", text: "t" },
    { type: "tool_use", id: "a", name: "t", input: {} },
  ]);
});

test("reasoning has the form that the model accepts", () => {
  const reasoningOf = (reasoning: NonNullable<ChatRequest["reasoning"]>, model: string, more: Partial<ChatRequest> = {}): unknown => {
    const rendered = render({ reasoning, ...more }, model);
    const { thinking, output_config: output, temperature } = bodyOf(rendered);
    return [thinking, output, temperature, ...lossesOf(rendered)];
  };
  assert.deepEqual(reasoningOf({ effort: "xhigh", visibility: "summary" }, "claude-opus-4-6"), [
    { type: "adaptive", display: "summarized" },
    { effort: "high" },
    undefined,
    "clamped reasoning.effort",
  ]);
  assert.deepEqual(reasoningOf({ effort: "high" }, "claude-sonnet-4-5", { maxOutputTokens: 8000, temperature: 0.2 }), [
    { type: "enabled", budget_tokens: 4000 },
    undefined,
    undefined,
    "dropped temperature",
  ]);
  assert.deepEqual(reasoningOf({ enabled: true, budgetTokens: 31_999 }, "claude-sonnet-4-5", { maxOutputTokens: 4000 }), [
    { type: "enabled", budget_tokens: 3999 },
    undefined,
    undefined,
    "clamped reasoning.budgetTokens",
  ]);
  assert.deepEqual(reasoningOf({ effort: "low" }, "claude-sonnet-4-5", { maxOutputTokens: 500 }), [
    { type: "disabled" },
    undefined,
    undefined,
    "dropped reasoning",
  ]);
  assert.deepEqual(reasoningOf({ enabled: true, budgetTokens: 5000 }, "claude-opus-5-5"), [
    { type: "adaptive" },
    undefined,
    undefined,
    "emulated reasoning.budgetTokens",
  ]);
  // How a request switches a model's thinking off, if possible.
  const rest = (model: string): unknown => reasoningOf({ effort: "none" }, model);
  assert.deepEqual(rest("claude-sonnet-4-6"), [{ type: "disabled" }, undefined, undefined]);
  assert.deepEqual(rest("claude-opus-4-8"), [undefined, undefined, undefined]);
  assert.deepEqual(rest("claude-opus-5"), [{ type: "disabled" }, undefined, undefined]);
  assert.deepEqual(rest("claude-haiku-5-5"), [{ type: "disabled" }, undefined, undefined]);
  assert.deepEqual(rest("claude-sonnet-5-5"), [{ type: "between_tools" }, undefined, undefined, "clamped reasoning"]);
  for (const model of ["claude-opus-5-5", "claude-fable-5", "claude-mythos-5-1"])
    assert.deepEqual(rest(model), [undefined, { effort: "low" }, undefined, "clamped reasoning"], model);
  assert.deepEqual(reasoningOf({ enabled: false, effort: "max" }, "claude-opus-5"), [
    { type: "disabled" },
    { effort: "high" },
    undefined,
    "clamped reasoning.effort",
  ]);
  assert.deepEqual(reasoningOf({ effort: "high" }, "claude-3-5-haiku-latest", { temperature: 0 }), [
    undefined,
    undefined,
    0,
    "dropped reasoning",
  ]);
});

test("a forced tool switches thinking off", () => {
  const rendered = render(
    { reasoning: { adaptive: true }, tools: [{ type: "function", name: "t" }], toolChoice: { type: "named", name: "t" }, temperature: 0.5 },
    "claude-opus-4-6",
  );
  const { thinking, tool_choice: choice, temperature } = bodyOf(rendered);
  assert.deepEqual([thinking, choice, temperature], [{ type: "disabled" }, { type: "tool", name: "t" }, 0.5]);
  assert.deepEqual(lossesOf(rendered), ["dropped reasoning"]);
});

test("a model that can't be forced to call a tool is asked to call it, and thinking is switched off on a model that thinks by default", () => {
  const tools = [{ type: "function", name: "t" }] as const;
  const choose = (model: string, toolChoice: NonNullable<ChatRequest["toolChoice"]>): unknown => {
    const rendered = render({ tools, toolChoice }, model);
    const { tool_choice: choice, system, thinking } = bodyOf(rendered);
    return [choice, system, thinking, ...lossesOf(rendered)];
  };
  const asked = (text: string): unknown => [{ type: "auto" }, [{ type: "text", text }], undefined, "emulated toolChoice"];
  for (const model of ["claude-opus-5-5", "claude-sonnet-5-5", "claude-fable-5-1"]) {
    assert.deepEqual(choose(model, { type: "named", name: "t" }), asked("Answer by calling the tool `t`, and with no other text."));
    assert.deepEqual(choose(model, { type: "required" }), asked("Answer by calling one of the tools, and with no other text."));
    assert.deepEqual(choose(model, { type: "auto" }), [{ type: "auto" }, undefined, undefined]);
  }
  assert.deepEqual(choose("claude-opus-5", { type: "required" }), [{ type: "any" }, undefined, { type: "disabled" }]);
  assert.deepEqual(choose("claude-opus-4-8", { type: "required" }), [{ type: "any" }, undefined, undefined]);
});

test("a budget is dropped after a step whose thinking is of another provider", () => {
  const messages: Message[] = [
    user,
    { role: "assistant", content: [toolCall("a", "t", "{}")] },
    { role: "user", content: [{ type: "tool-result", callId: "a", content: [] }] },
  ];
  assert.deepEqual(bodyOf(render({ messages, reasoning: { effort: "low" } }))["thinking"], { type: "disabled" });
  assert.deepEqual(
    bodyOf(
      render({
        messages: [...messages, { role: "assistant", content: [{ type: "text", text: "x" }] }, user],
        reasoning: { effort: "low" },
      }),
    )["thinking"],
    {
      type: "enabled",
      budget_tokens: 2048,
    },
  );
});
