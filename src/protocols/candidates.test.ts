import assert from "node:assert/strict";
import { test } from "node:test";
import type { Candidate, ChatResponse, ProtocolId } from "../ir/index.ts";
import { protocols, type ClientContext } from "./index.ts";

const client: ClientContext = { model: "m", includeUsage: false, jsonArray: false, request: { model: "m", stream: false, messages: [] } };
const second: Candidate = {
  content: [{ type: "tool-call", id: "call_2", name: "look", kind: "function", arguments: '{ "n": 1.0 }' }],
  stopReason: "tool-calls",
};
const third: Candidate = { content: [{ type: "text", text: "Three" }], stopReason: "length" };
const answer: ChatResponse = {
  id: "a",
  model: "m",
  createdAt: 1,
  content: [{ type: "text", text: "One" }],
  stopReason: "stop",
  alternatives: [second, third],
  usage: { input: 3, output: 9 },
};
const comparable = ({ content, stopReason }: Candidate): Candidate => ({ content, stopReason });

for (const id of ["openai-chat", "gemini-generate"] satisfies readonly ProtocolId[]) {
  test(`${id}: of several answers each keeps its content, its calls and its end`, () => {
    const body = protocols.get(id)!.renderResponse(answer, client);
    const parsed = protocols.get(id)!.upstream.parseResponse(body);
    assert.deepEqual([comparable(parsed), ...parsed.alternatives!.map(comparable)], [comparable(answer), second, third]);
    assert.deepEqual([parsed.usage.input, parsed.usage.output], [3, 9]);
  });

  test(`${id}: calls without ids get different ids in every answer`, () => {
    const body = protocols.get(id)!.renderResponse({ ...answer, content: second.content, alternatives: [second] }, client);
    const bare = body.replaceAll('"id":"call_2",', "");
    assert.notEqual(bare, body);
    const { content, alternatives } = protocols.get(id)!.upstream.parseResponse(bare);
    const ids = [content, alternatives![0]!.content].map(([block]) => (block?.type === "tool-call" ? block.id : ""));
    assert.ok(ids.every((each) => each.startsWith("call_")));
    assert.notEqual(ids[0], ids[1]);
  });
}
