import assert from "node:assert/strict";
import type { JsonObject } from "../testbed/json.ts";
import { asArray, asObject, asObjects, isObject } from "../testbed/json.ts";
import type { WireEvent } from "./wire-events.ts";
import { readData, textOf } from "./wire-events.ts";

/** An item between `output_item.added` and `output_item.done`. `texts`: the joined deltas of each part, by `KIND:INDEX`. */
interface OpenItem {
  readonly id: unknown;
  readonly type: unknown;
  readonly texts: Map<string, string>;
  /** The part that is open, as a key of `texts`. */
  part: string | undefined;
  args: string;
  argsDone: boolean;
  /** Of the open part. */
  readonly annotations: JsonObject[];
}

/** Which field of an event has the index of its part. */
const parts: Readonly<Record<string, readonly [key: string, index: string, field: string]>> = {
  "response.output_text": ["content", "content_index", "text"],
  "response.refusal": ["content", "content_index", "refusal"],
  "response.reasoning_text": ["content", "content_index", "text"],
  "response.reasoning_summary_text": ["summary", "summary_index", "text"],
};

/** The kinds of calls, and where each has its arguments. */
const calls = [
  { item: "function_call", stem: "response.function_call_arguments", field: "arguments" },
  { item: "custom_tool_call", stem: "response.custom_tool_call_input", field: "input" },
] as const;

/**
 * Responses (OpenAI API reference, "Streaming events", November 2026): events numbered from 0 under their own names, `response.created` and `in_progress`,
 * items added in the order of their index and done, parts added and done within them, every `done` with the text of its deltas, and at the end the response
 * with these very items.
 */
export function checkResponsesStream(events: readonly WireEvent[]): void {
  const all = events.map((event) => {
    const data = readData(event);
    assert.equal(event.event, data["type"], "an event's name is its type");
    return data;
  });
  assert.deepEqual(
    all.map((event) => event["sequence_number"]),
    all.map((_, at) => at),
    "events are numbered from 0",
  );
  assert.deepEqual(
    all.slice(0, 2).map(({ type }) => type),
    ["response.created", "response.in_progress"],
  );
  const responses = all.filter((event) => event["response"] !== undefined).map((event) => asObject(event["response"]));
  assert.equal(responses.length, 3, "the response is in three events");
  assert.match(textOf(responses[0]?.["id"]), /^resp_./);
  for (const response of responses) {
    for (const field of ["id", "model", "created_at"]) assert.equal(response[field], responses[0]?.[field], `one ${field}`);
  }
  assert.deepEqual(
    responses.slice(0, 2).map(({ status, output }) => ({ status, output })),
    Array.from({ length: 2 }, () => ({ status: "in_progress", output: [] })),
  );
  const done: JsonObject[] = [];
  const open = new Map<unknown, OpenItem>();
  let added = 0;
  for (const event of all.slice(2, -1)) {
    const index = event["output_index"];
    if (event["type"] === "response.output_item.added") {
      assert.equal(index, added, "items are added in the order of their index");
      added += 1;
      open.set(index, openItem(asObject(event["item"])));
      continue;
    }
    const item = open.get(index);
    assert.ok(item !== undefined, `${textOf(event["type"])} of an item that is not open`);
    if (event["type"] === "response.output_item.done") {
      done[Number(index)] = closeItem(item, asObject(event["item"]));
      open.delete(index);
      continue;
    }
    assert.equal(event["item_id"], item.id, "one id over the events of an item");
    checkInside(item, event);
  }
  assert.equal(open.size, 0, "every item is done");
  checkEnd(all.at(-1)!, done);
}

const searchEvents: readonly string[] = ["in_progress", "searching", "completed"].map((step) => `response.web_search_call.${step}`);

function openItem(item: JsonObject): OpenItem {
  const { id, type } = item;
  assert.ok(typeof id === "string" && id !== "", "an item has an id");
  if (type === "message") assert.deepEqual([item["content"], item["status"]], [[], "in_progress"]);
  const call = calls.find((each) => each.item === type);
  if (call !== undefined) {
    assert.equal(item[call.field], "", "arguments come in deltas");
    assert.ok(typeof item["call_id"] === "string" && typeof item["name"] === "string");
  }
  return { id, type, texts: new Map(), part: undefined, args: "", argsDone: false, annotations: [] };
}

function checkInside(item: OpenItem, event: JsonObject): void {
  const type = textOf(event["type"]);
  const [, stem, verb] = /^(.*)\.(added|delta|done)$/.exec(type) ?? [];
  if (stem === "response.content_part" || stem === "response.reasoning_summary_part") {
    const kind = stem === "response.content_part" ? "content" : "summary";
    const key = `${kind}:${textOf(event[`${kind}_index`])}`;
    if (verb === "added") {
      assert.equal(item.part, undefined, "a part is done before the next is added");
      assert.equal(key, `${kind}:${item.texts.size}`, "parts are added in the order of their index");
      item.part = key;
      item.texts.set(key, "");
      return;
    }
    assert.equal(key, item.part, "the part that is done is the open one");
    const part = asObject(event["part"]);
    assert.equal(part["text"] ?? part["refusal"], item.texts.get(key), "a part has the text of its deltas");
    if (part["annotations"] !== undefined)
      assert.deepEqual(part["annotations"], item.annotations.splice(0), "a part has the annotations of its events");
    item.part = undefined;
    return;
  }
  if (searchEvents.includes(type)) {
    assert.equal(item.type, "web_search_call");
    return;
  }
  if (stem === "response.output_text.annotation") {
    assert.equal(`content:${textOf(event["content_index"])}`, item.part, "an annotation of the open part");
    assert.equal(event["annotation_index"], item.annotations.length, "annotations are added in the order of their index");
    item.annotations.push(asObject(event["annotation"]));
    return;
  }
  const call = calls.find((each) => each.stem === stem);
  if (call !== undefined) {
    assert.equal(item.type, call.item);
    assert.equal(item.argsDone, false);
    if (verb === "delta") item.args += textOf(event["delta"]);
    else assert.equal(event[call.field], item.args, "arguments are the text of the deltas");
    item.argsDone = verb === "done";
    return;
  }
  const place = parts[stem ?? ""];
  assert.ok(place !== undefined, `an event of no known type: ${type}`);
  const [kind, indexField, textField] = place;
  const key = `${kind}:${textOf(event[indexField])}`;
  // Reasoning texts have no part events of their own in the vendor's list before them.
  if (!item.texts.has(key) && stem === "response.reasoning_text") item.texts.set(key, "");
  else if (stem !== "response.reasoning_text") assert.equal(key, item.part, `${type} of a part that is not open`);
  if (verb === "delta") item.texts.set(key, item.texts.get(key)! + textOf(event["delta"]));
  else assert.equal(event[textField], item.texts.get(key), "a text is that of its deltas");
}

function closeItem(open: OpenItem, item: JsonObject): JsonObject {
  assert.deepEqual([item["id"], item["type"]], [open.id, open.type], "an item keeps its id and its type");
  assert.equal(open.part, undefined, "every part is done");
  const call = calls.find((each) => each.item === open.type);
  if (call !== undefined) {
    assert.equal(open.argsDone, true, "arguments are done before their item");
    assert.equal(item[call.field], open.args);
    return item;
  }
  const texts = [...asObjects(item["summary"]), ...asObjects(item["content"])].map((part) => part["text"] ?? part["refusal"]);
  assert.deepEqual(texts, [...open.texts.values()], "an item has the texts of its deltas");
  return item;
}

function checkEnd(event: JsonObject, done: readonly JsonObject[]): void {
  const response = asObject(event["response"]);
  assert.match(textOf(event["type"]), /^response\.(completed|incomplete)$/);
  assert.equal(event["type"], `response.${textOf(response["status"])}`);
  assert.equal(isObject(response["incomplete_details"]), response["status"] === "incomplete");
  assert.deepEqual(asArray(response["output"]), done, "the response holds the items that were done");
  const usage = asObject(response["usage"]);
  for (const name of ["input_tokens", "output_tokens", "total_tokens"]) assert.ok(Number.isInteger(usage[name]), `usage has ${name}`);
}
