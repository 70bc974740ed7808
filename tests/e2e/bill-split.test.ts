import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesOf, SseSplitter, type SseEvent } from "../../src/core/index.ts";
import type { ProtocolId, StreamEvent, Usage } from "../../src/ir/index.ts";
import { mergeUsage } from "../../src/ir/index.ts";
import { protocols } from "../../src/protocols/index.ts";
import { anthropic, chat, gemini, responses, type Wire } from "./bill-wires.ts";

const wires: readonly (readonly [ProtocolId, Wire])[] = [
  [
    "openai-chat",
    chat(
      "m",
      { prompt_tokens: 10, completion_tokens: 9, prompt_tokens_details: { audio_tokens: 3 }, cost: 0.25 },
      { service_tier: "flex" },
    ),
  ],
  [
    "openai-responses",
    responses("m", { input_tokens: 10, output_tokens: 9, total_tokens: 19 }, [
      { type: "web_search_call", id: "ws_1", status: "completed", action: { type: "search", query: "é" } },
    ]),
  ],
  [
    "anthropic-messages",
    anthropic("m", {
      input_tokens: 10,
      output_tokens: 9,
      speed: "fast",
      server_tool_use: { web_search_requests: 2 },
      iterations: [{ type: "compaction", input_tokens: 5, output_tokens: 1 }],
    }),
  ],
  [
    "gemini-generate",
    gemini(
      "m",
      {
        promptTokenCount: 10,
        candidatesTokenCount: 9,
        candidatesTokensDetails: [{ modality: "AUDIO", tokenCount: 9 }],
        trafficType: "ON_DEMAND_FLEX",
      },
      { groundingMetadata: { webSearchQueries: ["é", "b"] } },
    ),
  ],
];

function eventsOf(parts: readonly Buffer[]): readonly SseEvent[] {
  const splitter = new SseSplitter();
  return [...parts.flatMap((part) => splitter.push(bytesOf(part))), ...splitter.end()];
}

/** What the lane that passes the stream on has read of it. */
function passedOn(id: ProtocolId, events: readonly SseEvent[]): Usage | undefined {
  const tap = protocols.get(id)!.createTap({ hideUsage: false });
  for (const event of events) tap.push(event);
  return tap.facts.usage;
}

/** What the lane that translates it has read. */
function translated(id: ProtocolId, events: readonly SseEvent[]): Usage | undefined {
  const decoder = protocols.get(id)!.upstream.createStreamDecoder();
  const read: readonly StreamEvent[] = [...events.flatMap((event) => decoder.push(event)), ...decoder.end()];
  return read.reduce<Usage | undefined>(
    (known, event) => ("usage" in event && event.usage !== undefined ? mergeUsage(known, event.usage) : known),
    undefined,
  );
}

for (const [id, wire] of wires) {
  test(`${id}: a stream has the same usage wherever it is split, passed on or translated, and its JSON has it too`, () => {
    const whole = Buffer.from(wire.events.join(""));
    const call = { route: { method: "POST", path: "", operation: "generate" }, param: "", query: "" } as const;
    const expected = protocols.get(id)!.readAnswer(bytesOf(Buffer.from(JSON.stringify(wire.json))), call).usage;
    assert.deepEqual(protocols.get(id)!.upstream.parseResponse(JSON.stringify(wire.json)).usage, expected);
    for (let at = 0; at <= whole.length; at++) {
      const events = eventsOf([whole.subarray(0, at), whole.subarray(at)]);
      assert.deepEqual(passedOn(id, events), expected, `split at ${at}`);
      // The events are the same ones wherever the bytes were split.
      if (at % 50 === 0) assert.deepEqual(translated(id, events), expected, `split at ${at}`);
    }
  });
}
