import assert from "node:assert/strict";
import { asObject, asObjects, isObject } from "../testbed/json.ts";
import type { WireEvent } from "./wire-events.ts";
import { readData, textOf } from "./wire-events.ts";

/**
 * Chat (OpenAI API reference, "The chat completion chunk object", November 2026), with `stream_options.include_usage`: chunks of one id, the role in
 * the first, calls opened in the order of their index with an id and a name, one finish reason, then one chunk with the usage, then `[DONE]`.
 */
export function checkChatStream(events: readonly WireEvent[]): void {
  assert.ok(
    events.every(({ event }) => event === ""),
    "events have no names",
  );
  assert.equal(events.at(-1)?.data, "[DONE]");
  const chunks = events.slice(0, -1).map(readData);
  const [first] = chunks;
  assert.ok(first !== undefined);
  const same = ({ id, object, created, model }: Readonly<Record<string, unknown>>): object => ({ id, object, created, model });
  for (const chunk of chunks) assert.deepEqual(same(chunk), same(first), "one id, model and time over all chunks");
  assert.equal(first["object"], "chat.completion.chunk");
  assert.match(textOf(first["id"]), /^chatcmpl-./);
  assert.equal(typeof first["created"], "number");

  const usage = chunks.pop();
  assert.deepEqual(usage?.["choices"], [], "the last chunk has no choice");
  assert.ok(isObject(usage["usage"]), "the last chunk has the usage");
  const callIds: unknown[] = [];
  for (const [at, chunk] of chunks.entries()) {
    assert.ok(chunk["usage"] === undefined || chunk["usage"] === null, "usage is only in the last chunk");
    const choices = asObjects(chunk["choices"]);
    assert.equal(choices.length, 1);
    const choice = choices[0]!;
    assert.equal(choice["index"], 0);
    assert.ok(isObject(choice["delta"]), "a choice has a delta");
    const delta = choice["delta"];
    assert.equal(delta["role"], at === 0 ? "assistant" : undefined, "the role is in the first chunk");
    const isLast = at === chunks.length - 1;
    if (isLast) assert.equal(typeof choice["finish_reason"], "string", "the last choice says why");
    else assert.equal(choice["finish_reason"] ?? null, null, "one chunk alone says why");
    for (const call of asObjects(delta["tool_calls"])) checkCall(call, callIds);
  }
  const reason = asObjects(chunks.at(-1)?.["choices"])[0]?.["finish_reason"];
  if (callIds.length > 0) assert.equal(reason, "tool_calls");
  assert.equal(new Set(callIds).size, callIds.length, "ids of calls are unique");
}

function checkCall(call: Readonly<Record<string, unknown>>, callIds: unknown[]): void {
  const { index, id, type } = call;
  const spec = asObject(call["function"] as never);
  assert.ok(Number.isInteger(index), "a call has an index");
  // A piece with a call's signature alone has no function (the field is optional in `ChatCompletionChunk` of `openai` 7.57).
  if (call["extra_content"] === undefined) assert.equal(typeof spec["arguments"], "string", "arguments are text");
  if (index === callIds.length) {
    assert.ok(typeof id === "string" && id !== "", "a call begins with its id");
    assert.equal(type, "function");
    assert.ok(typeof spec["name"] === "string" && spec["name"] !== "", "a call begins with its name");
    callIds.push(id);
    return;
  }
  assert.ok(Number(index) < callIds.length, "calls begin in the order of their index");
  assert.ok(id === undefined || id === callIds[Number(index)], "a call keeps its id");
  assert.equal(spec["name"], undefined, "the name is in the first piece");
}
