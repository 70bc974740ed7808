import assert from "node:assert/strict";
import type { JsonObject } from "../testbed/json.ts";
import { asObject, isObject } from "../testbed/json.ts";
import type { WireEvent } from "./wire-events.ts";
import { readData, textOf } from "./wire-events.ts";

const deltaTypes: Readonly<Record<string, readonly string[]>> = {
  text: ["text_delta", "citations_delta"],
  thinking: ["thinking_delta", "signature_delta"],
  tool_use: ["input_json_delta"],
  server_tool_use: ["input_json_delta"],
  web_search_tool_result: [],
  redacted_thinking: [],
};

/**
 * Anthropic (API reference, "Streaming messages", November 2026): `message_start`, blocks one after the other with indexes from 0, each opened, streamed in
 * deltas of its type and closed, one `message_delta` with the stop reason and the usage, `message_stop`, and `ping`s anywhere.
 */
export function checkAnthropicStream(events: readonly WireEvent[]): void {
  const all = events.map((event) => {
    const data = readData(event);
    assert.equal(event.event, data["type"], "an event's name is its type");
    return data;
  });
  const withoutPings = all.filter(({ type }) => type !== "ping");
  assert.equal(all[0]?.["type"], "message_start");
  assert.deepEqual(
    withoutPings.slice(-2).map(({ type }) => type),
    ["message_delta", "message_stop"],
  );
  checkStart(asObject(withoutPings[0]?.["message"]));
  const types: unknown[] = [];
  let open: { type: string; json: string; signed: boolean } | undefined;
  for (const event of withoutPings.slice(1, -2)) {
    if (event["type"] === "content_block_start") {
      assert.equal(open, undefined, "a block is closed before the next opens");
      assert.equal(event["index"], types.length, "indexes count from 0");
      open = { type: checkBlock(asObject(event["content_block"])), json: "", signed: false };
      types.push(open.type);
      continue;
    }
    assert.ok(open !== undefined, `${textOf(event["type"])} outside of a block`);
    assert.equal(event["index"], types.length - 1, "an event is of the open block");
    if (event["type"] === "content_block_stop") {
      if (open.type.endsWith("tool_use"))
        assert.ok(isObject(JSON.parse(open.json === "" ? "{}" : open.json) as never), "input is an object");
      open = undefined;
      continue;
    }
    assert.equal(event["type"], "content_block_delta");
    const delta = asObject(event["delta"]);
    assert.ok(deltaTypes[open.type]?.includes(textOf(delta["type"])), `a ${textOf(delta["type"])} in a block of ${open.type}`);
    assert.equal(open.signed, false, "the signature is the last of a block");
    if (delta["type"] === "signature_delta") open.signed = true;
    if (delta["type"] === "input_json_delta") open.json += textOf(delta["partial_json"]);
  }
  assert.equal(open, undefined, "every block is closed");
  checkDelta(withoutPings.at(-2)!, types);
}

function checkStart(message: JsonObject): void {
  const { id, type, role, content, stop_reason: reason, usage } = message;
  assert.match(textOf(id), /^msg_./);
  assert.deepEqual({ type, role, content, reason }, { type: "message", role: "assistant", content: [], reason: null });
  assert.equal(typeof message["model"], "string");
  const { input_tokens: input, output_tokens: output } = asObject(usage);
  assert.ok(Number.isInteger(input) && Number.isInteger(output), "the start has a usage");
}

/** The type of a block that opens as the vendor opens it: empty. */
function checkBlock(block: JsonObject): string {
  const { type } = block;
  if (type === "text") assert.equal(block["text"], "");
  else if (type === "thinking") assert.deepEqual([block["thinking"], block["signature"]], ["", ""]);
  else if (type === "tool_use") {
    assert.deepEqual(block["input"], {}, "input comes in deltas");
    assert.ok(typeof block["id"] === "string" && block["id"] !== "" && typeof block["name"] === "string");
  }
  return textOf(type);
}

function checkDelta(event: JsonObject, types: readonly unknown[]): void {
  const { stop_reason: reason } = asObject(event["delta"]);
  assert.equal(typeof reason, "string");
  assert.ok(Number.isInteger(asObject(event["usage"])["output_tokens"]), "the end has the tokens of the output");
  if (types.includes("tool_use")) assert.equal(reason, "tool_use");
  else assert.notEqual(reason, "tool_use");
}
