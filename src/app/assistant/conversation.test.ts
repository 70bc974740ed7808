import assert from "node:assert/strict";
import { test } from "node:test";
import { Conversation } from "./conversation.ts";
import { readDocumentation } from "./documentation.ts";
import { createMasker } from "./masker.ts";
import type { ModelClient } from "./model-client.ts";

test("a conversation of 100 turns sends the latest of them, and no more than fits", async () => {
  const sent: string[] = [];
  const model: ModelClient = {
    ask({ messages }) {
      sent.push(JSON.stringify(messages));
      const content = [{ type: "text", text: `answer ${sent.length}` }] as const;
      return Promise.resolve({ id: "1", model: "m", createdAt: 0, content, stopReason: "stop", usage: {} });
    },
  };
  const conversation = new Conversation({
    model,
    documentation: readDocumentation(),
    masker: createMasker([]),
    tools: [],
    version: "1",
    isReadOnly: false,
    isYes: false,
    approve: () => Promise.resolve(false),
    showOnce: () => {},
  });
  for (let turn = 1; turn <= 100; turn++) {
    const { answer } = await conversation.ask(`question ${turn} ${"word ".repeat(500)}`);
    assert.equal(answer, `answer ${turn}`);
  }
  const last = sent.at(-1)!;
  assert.ok(last.length < 170_000, String(last.length));
  assert.match(last, /answer 99"/);
  assert.doesNotMatch(last, /answer 1"/);
});
