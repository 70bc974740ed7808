import assert from "node:assert/strict";
import { test } from "node:test";
import type { Block, ReasoningProof, StreamEvent } from "../../ir/index.ts";
import { AnswerSealer, EventSealer, sealBlocks } from "./seal-answer.ts";
import { protocols } from "../../protocols/index.ts";

const signature: ReasoningProof = { protocol: "gemini-generate", kind: "signature", data: "SIG" };

function sealerFor(dialect: "anthropic-messages" | "openai-responses"): AnswerSealer {
  return new AnswerSealer({
    carrier: protocols.get(dialect)!.proofs,
    origin: { provider: "google", protocol: "gemini-generate", family: "gemini-3" },
    seal: (content) => JSON.stringify([content.reasoning.map(({ proof }) => proof?.data), content.call?.data ?? null]),
  });
}

const spoken: readonly Block[] = [
  { type: "text", text: "Hello." },
  { type: "reasoning", text: "", proof: signature },
];

function eventsOf(content: readonly Block[]): StreamEvent[] {
  return content.flatMap((block, index): StreamEvent[] => {
    if (block.type === "text") {
      return [
        { type: "block-start", index, block: { type: "text" } },
        { type: "block-delta", index, delta: { type: "text", text: block.text } },
        { type: "block-end", index },
      ];
    }
    return [
      { type: "block-start", index, block: { type: "reasoning" } },
      { type: "block-delta", index, delta: { type: "proof", proof: signature } },
      { type: "block-end", index },
    ];
  });
}

test("behind the words of an answer an Anthropic client gets no proof alone; a call that follows takes it along", () => {
  const sealer = sealerFor("anthropic-messages");
  const call: Block = { type: "tool-call", id: "c1", name: "ls", kind: "function", arguments: "{}" };
  assert.deepEqual(sealBlocks([...spoken, call], sealer), [spoken[0], { type: "reasoning", text: "" }, call]);
  assert.deepEqual(sealer.kept, [{ callId: "c1", sealed: '[["SIG"],null]' }]);
});

test("the same in a stream", () => {
  const sealer = new EventSealer(sealerFor("anthropic-messages"));
  const told = eventsOf(spoken).flatMap((event) => sealer.push(event));
  assert.deepEqual(
    told,
    eventsOf(spoken).filter((event) => event.type !== "block-delta" || event.delta.type !== "proof"),
  );
});

test("before the words, and for Responses, the proof goes out", () => {
  const before = [...spoken].reverse();
  assert.deepEqual(sealBlocks(before, sealerFor("anthropic-messages"))[0], {
    type: "reasoning",
    text: "",
    proof: { protocol: "anthropic-messages", kind: "signature", data: '[["SIG"],null]' },
  });
  assert.deepEqual(sealBlocks(spoken, sealerFor("openai-responses"))[1], {
    type: "reasoning",
    text: "",
    proof: { protocol: "openai-responses", kind: "encrypted", data: '[["SIG"],null]' },
  });
});
