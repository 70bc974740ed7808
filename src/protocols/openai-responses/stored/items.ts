import { parseSpan, parseText, utf8OfLatin1, asBytes, type Bytes } from "../../../core/index.ts";
import { isAbsent, isObject, type WireObject } from "../../shared/fields.ts";
import { readArray, readObject } from "../../openai-shared/fields.ts";
import type { Envelope } from "../../protocol.ts";

/** One stored response of a conversation. */
export interface StoredTurn {
  readonly id: string;
  /** Its own input items, a JSON array. */
  readonly input: string;
  /** The response object, JSON. */
  readonly response: string;
}

/** The place of an item of a stored response. */
export interface ItemPlace {
  readonly responseId: string;
  readonly from: "input" | "output";
  readonly index: number;
}

/** The input items of a body as a JSON array, as sent; a text becomes a message. `body` is latin1. */
export function readInputItems(body: Bytes, envelope: Envelope): string {
  const span = envelope.spans["input"];
  if (span === undefined || body.startsWith("null", span.start)) return "[]";
  if (!body.startsWith('"', span.start)) return utf8OfLatin1(asBytes(body.slice(span.start, span.end)));
  return JSON.stringify([{ type: "message", role: "user", content: [{ type: "input_text", text: parseSpan(body, span) }] }]);
}

/** `readInputItems`, parsed. @throws GatewayError `invalid_json`; `invalid_request` if `input` is neither a text nor an array of objects. */
export function parseInputItems(json: string): readonly WireObject[] {
  return readArray(parseText(json), "input").map((item, index) => readObject(item, `input[${index}]`));
}

/** The id that a reference names; its `type` is optional (`ResponseInputItem.ItemReference` of the npm package `openai` 7.57). */
export function referenceOf(item: WireObject): string | undefined {
  const { id, type } = item;
  const isReference = type === "item_reference" || (isAbsent(type) && item["role"] === undefined);
  return isReference && typeof id === "string" ? id : undefined;
}

/** Whether a body may contain references with their type: a search of the text that never misses one. `body` is latin1. */
export function mayHaveReferences(body: string): boolean {
  return body.includes("item_reference");
}

/** The same for references without their type, which takes longer. */
export function mayHaveBareReferences(body: string): boolean {
  return /\{\s*"(?:id"\s*:\s*"[^"]*"\s*(?:\}|,\s*"type"\s*:\s*null)|type"\s*:\s*null)/.test(body);
}

/** The ids that the gateway makes: the response's, and the item's place in it. */
const ownItemId = /^[a-z]+_([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})_(in)?(\d{1,6})$/;

/** The place that an item's id names; `undefined`: it is not the id of a stored item. */
export function placeOf(itemId: string): ItemPlace | undefined {
  const found = ownItemId.exec(itemId);
  if (found === null) return undefined;
  return { responseId: `resp_${found[1]!}`, from: found[2] === undefined ? "output" : "input", index: Number(found[3]) };
}

/** The items of a response at one of the places that an id can name. */
export function itemsAt(turn: StoredTurn, from: ItemPlace["from"]): readonly WireObject[] {
  return from === "input" ? inputOf(turn) : outputOf(turn);
}

/** All items of a conversation, the oldest first: the input and then the output of each response. */
export function conversationItems(turns: readonly StoredTurn[]): readonly WireObject[] {
  return turns.flatMap((turn) => [...inputOf(turn), ...outputOf(turn)]);
}

/** The items from which a response was made: those of the conversation before it, and its own. `turns`: the oldest first, the response's last. */
export function contextItems(turns: readonly StoredTurn[]): readonly WireObject[] {
  return [...conversationItems(turns.slice(0, -1)), ...inputOf(turns.at(-1)!)];
}

/**
 * An item as another store of responses accepts it: without its id, which that store does not know. `undefined` for reasoning of another model, which
 * is of no use there.
 */
export function asForeignItem(item: WireObject): WireObject | undefined {
  const { id, ...rest } = item;
  if (typeof id !== "string" || placeOf(id) === undefined) return item;
  return item["type"] === "reasoning" ? undefined : rest;
}

const prefixes: Readonly<Record<string, string>> = {
  message: "msg",
  reasoning: "rs",
  function_call: "fc",
  function_call_output: "fco",
  custom_tool_call: "ctc",
  custom_tool_call_output: "ctco",
};

/** Every input item has an id: an item without one gets one made of its place. The type of a message is optional. */
function inputOf(turn: StoredTurn): readonly WireObject[] {
  return parseInputItems(turn.input).map((item, index) => {
    const type = typeof item["type"] === "string" ? item["type"] : "message";
    const id = typeof item["id"] === "string" ? item["id"] : `${prefixes[type] ?? "item"}_${turn.id.replace(/^resp_/, "")}_in${index}`;
    return { ...item, type, id };
  });
}

function outputOf(turn: StoredTurn): readonly WireObject[] {
  const response: unknown = JSON.parse(turn.response);
  const output = isObject(response) ? response["output"] : undefined;
  return Array.isArray(output) ? output.filter(isObject) : [];
}
