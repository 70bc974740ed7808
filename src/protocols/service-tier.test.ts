import assert from "node:assert/strict";
import { test } from "node:test";
import { SseSplitter, asBytes } from "../core/index.ts";
import type { ProtocolId } from "../ir/index.ts";
import { protocols } from "./index.ts";
import type { AnswerFacts, RouteCall } from "./protocol.ts";

const call: RouteCall = { route: { method: "POST", path: "", operation: "generate" }, param: "", query: "" };

const answers: readonly {
  readonly id: ProtocolId;
  readonly json: (tier: string) => object;
  readonly events: (tier: string) => readonly object[];
}[] = [
  {
    id: "openai-chat",
    json: (tier) => ({ id: "c", model: "m", service_tier: tier, choices: [], usage: { prompt_tokens: 3, completion_tokens: 2 } }),
    events: (tier) => [
      { id: "c", model: "m", service_tier: tier, choices: [{ index: 0, delta: { content: "Hi" }, finish_reason: "stop" }] },
      { id: "c", model: "m", service_tier: tier, choices: [], usage: { prompt_tokens: 3, completion_tokens: 2 } },
    ],
  },
  {
    id: "openai-responses",
    json: (tier) => ({ id: "r", model: "m", status: "completed", service_tier: tier, usage: { input_tokens: 3, output_tokens: 2 } }),
    events: (tier) => [
      {
        type: "response.completed",
        response: { id: "r", model: "m", status: "completed", service_tier: tier, usage: { input_tokens: 3, output_tokens: 2 } },
      },
    ],
  },
  {
    id: "anthropic-messages",
    json: (tier) => ({
      id: "a",
      type: "message",
      model: "m",
      stop_reason: "end_turn",
      usage: { input_tokens: 3, output_tokens: 2, service_tier: tier },
    }),
    events: (tier) => [
      { type: "message_start", message: { id: "a", model: "m", usage: { input_tokens: 3, output_tokens: 1, service_tier: tier } } },
      { type: "message_delta", delta: { stop_reason: "end_turn" }, usage: { output_tokens: 2 } },
    ],
  },
];

for (const { id, json, events } of answers) {
  test(`${id}: a service tier other than the standard one is part of the usage, of an answer and of a stream`, () => {
    const protocol = protocols.get(id)!;
    const usageFor = (tier: string): readonly AnswerFacts["usage"][] => {
      const tap = protocol.createTap({ hideUsage: false });
      const wire = events(tier).map((event) => `event: ${(event as { type?: string }).type ?? ""}\ndata: ${JSON.stringify(event)}\n\n`);
      for (const event of new SseSplitter().push(asBytes(wire.join("").replaceAll("event: \n", "")))) tap.push(event);
      return [protocol.readAnswer(asBytes(JSON.stringify(json(tier))), call).usage, tap.facts.usage];
    };
    const usage = { input: 3, output: 2 };
    assert.deepStrictEqual(usageFor("priority"), [
      { ...usage, tier: "priority" },
      { ...usage, tier: "priority" },
    ]);
    for (const standard of ["default", "standard", "on_demand"]) assert.deepStrictEqual(usageFor(standard), [usage, usage]);
  });
}
