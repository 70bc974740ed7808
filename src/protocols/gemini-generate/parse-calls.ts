import { createHash } from "node:crypto";
import type { Block, ToolCallBlock, ToolResultBlock } from "../../ir/index.ts";
import { compact, isAbsent, isObject, restOf, type WireObject } from "../shared/fields.ts";
import { extensionsOf, join, optionalArray, optionalString, readObject, requiredString } from "./fields.ts";
import { parseMedia } from "./parse-media.ts";

const knownCallPart: ReadonlySet<string> = new Set(["functionCall", "thoughtSignature"]);
const knownCall: ReadonlySet<string> = new Set(["id", "name", "args"]);
const knownResponsePart: ReadonlySet<string> = new Set(["functionResponse", "thoughtSignature"]);
const knownResponse: ReadonlySet<string> = new Set(["id", "name", "parts"]);

interface PendingCall {
  readonly id: string;
  answered: boolean;
}

/** Calls in the order of the conversation. Results are given to the first calls first. */
class CallQueue {
  readonly #calls: PendingCall[] = [];
  #at = 0;

  add(call: PendingCall): void {
    this.#calls.push(call);
  }

  /** The first call without a result. */
  first(): PendingCall | undefined {
    while (this.#calls[this.#at]?.answered === true) this.#at++;
    return this.#calls[this.#at];
  }
}

/**
 * The calls of a conversation; it gives each call an id and each result its call. Clients may send no ids: then a call's id is made of its number in
 * the conversation and its name, so that it is the same when the conversation is sent again. A result without an id belongs to the first call of its
 * name that has no result yet, then to the first such call of any name.
 */
export class CallLedger {
  readonly #all = new CallQueue();
  readonly #byId = new Map<string | undefined, CallQueue>();
  readonly #byName = new Map<string | undefined, CallQueue>();
  #count = 0;
  #orphans = 0;

  addCall(id: string | undefined, name: string): string {
    const call = { id: id ?? makeId("call", this.#count, name), answered: false };
    this.#count += 1;
    this.#all.add(call);
    queueOf(this.#byId, call.id).add(call);
    queueOf(this.#byName, name).add(call);
    return call.id;
  }

  addResult(id: string | undefined, name: string | undefined): string {
    const call = this.#byId.get(id)?.first() ?? this.#byName.get(name)?.first() ?? (id === undefined ? this.#all.first() : undefined);
    if (call === undefined) return id ?? makeId("orphan", this.#orphans++, name ?? "");
    call.answered = true;
    return call.id;
  }
}

function queueOf(queues: Map<string | undefined, CallQueue>, key: string): CallQueue {
  const known = queues.get(key);
  if (known !== undefined) return known;
  const queue = new CallQueue();
  queues.set(key, queue);
  return queue;
}

function makeId(kind: string, index: number, name: string): string {
  return `call_${createHash("sha256").update(`${kind} ${index} ${name}`).digest("hex").slice(0, 24)}`;
}

/** Parses `{"functionCall":{"id"?,"name","args"?}}`. */
export function parseFunctionCall(part: WireObject, calls: CallLedger, path: string): ToolCallBlock {
  const at = join(path, "functionCall");
  const call = readObject(part["functionCall"], at);
  const name = requiredString(call, "name", at);
  const args = call["args"] ?? {};
  return compact({
    type: "tool-call" as const,
    id: calls.addCall(nonEmpty(optionalString(call, "id", at)), name),
    name,
    kind: "function" as const,
    arguments: JSON.stringify(isObject(args) ? args : readObject(args, join(at, "args"))),
    extensions: extensionsOf(restOf(part, knownCallPart, restOf(call, knownCall))),
  });
}

/**
 * Parses `{"functionResponse":{"id"?,"name","response":{…},"parts"?}}`. The usual forms of `response` become their text (see `readResponse`); the
 * extensions keep the original.
 */
export function parseFunctionResponse(part: WireObject, calls: CallLedger, path: string): ToolResultBlock {
  const at = join(path, "functionResponse");
  const result = readObject(part["functionResponse"], at);
  const name = optionalString(result, "name", at);
  const { text, isError } = readResponse(result["response"], join(at, "response"));
  const media = (optionalArray(result, "parts", at) ?? []).map((value, index): Block => {
    const inner = readObject(value, join(join(at, "parts"), index));
    return parseMedia(inner, join(join(at, "parts"), index)) ?? { type: "opaque", protocol: "gemini-generate", value: inner };
  });
  return compact({
    type: "tool-result" as const,
    callId: calls.addResult(nonEmpty(optionalString(result, "id", at)), name),
    name,
    kind: "function" as const,
    content: [...(text === undefined ? [] : [{ type: "text" as const, text }]), ...media],
    isError: isError ? true : undefined,
    extensions: extensionsOf(restOf(part, knownResponsePart, restOf(result, knownResponse))),
  });
}

/**
 * Reads `{"output":…}` (the vendor's advice, gemini-cli), `{"result":…}` (Python SDK), `{"name":…,"content":…}` (ai-sdk), `{"error":…}`. Any other
 * object becomes its JSON. Gemini API, "Function calling", November 2026.
 */
function readResponse(response: unknown, path: string): { readonly text: string | undefined; readonly isError: boolean } {
  if (isAbsent(response)) return { text: undefined, isError: false };
  const object = isObject(response) ? response : readObject(response, path);
  const keys = Object.keys(object);
  const isNamedContent = keys.length === 2 && "name" in object && "content" in object;
  const only = isNamedContent ? "content" : onlyOf(keys);
  if (only !== "output" && only !== "result" && only !== "content" && only !== "error")
    return { text: JSON.stringify(object), isError: false };
  const value = object[only];
  return { text: typeof value === "string" ? value : JSON.stringify(value), isError: only === "error" };
}

function onlyOf(keys: readonly string[]): string | undefined {
  return keys.length === 1 ? keys[0] : undefined;
}

function nonEmpty(id: string | undefined): string | undefined {
  return id === "" ? undefined : id;
}
