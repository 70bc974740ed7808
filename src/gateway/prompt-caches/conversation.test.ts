import assert from "node:assert/strict";
import { test } from "node:test";
import type { ModelCall } from "../model-call.ts";
import { conversationOf } from "./conversation.ts";

function idOf(messages: readonly unknown[]): string | undefined {
  const text = JSON.stringify({ model: "m", messages });
  const call = { request: { text, model: "m", principal: { userId: "u" } }, exchange: { rawHeaders: [] } };
  return conversationOf(call as unknown as ModelCall)?.id;
}

test("a conversation is known by its turns up to the first of the user, wherever the turn's members are", () => {
  const first = [
    { role: "system", content: "s".repeat(5000) },
    { content: "hi", role: "user" },
  ];
  assert.equal(idOf([...first, { role: "assistant", content: "a" }]), idOf([...first, { role: "assistant", content: "b" }]));
  assert.notEqual(idOf(first), idOf([first[0], { content: "ho", role: "user" }]));
});

test("of a long first turn, 64 KiB say which conversation it is", () => {
  const turn = (end: string): unknown[] => [{ role: "user", content: "x".repeat(70_000) + end }];
  assert.equal(idOf(turn("a")), idOf(turn("b")));
  assert.notEqual(idOf(turn("a")), idOf([{ role: "user", content: `y${"x".repeat(70_000)}` }]));
});

test("a short prompt, or a body that is not JSON, belongs to no conversation", () => {
  assert.equal(idOf([{ role: "user", content: "hi" }]), undefined);
  const call = {
    request: { text: `{"messages":[${" ".repeat(5000)}`, model: "m", principal: { userId: "u" } },
    exchange: { rawHeaders: [] },
  };
  assert.equal(conversationOf(call as unknown as ModelCall), undefined);
});
