import type { Block, ChatResponse, Extensions, StopReason } from "../../ir/index.ts";
import { answerFacts, AnsweredError, isError } from "../shared/answered-error.ts";
import { brokenEnd, isBrokenEnd } from "../shared/broken-end.ts";
import { compact, isAbsent, isObject, type WireObject } from "../shared/fields.ts";
import { renameKeys } from "../shared/json-keys.ts";
import { textAt, jsonValue } from "../shared/json-text.ts";
import type { AnswerFacts } from "../protocol.ts";
import { restoreArguments, restoreCall } from "../shared/restore-tool.ts";
import { takeCallId } from "../shared/tool-names.ts";
import { faultOfCall } from "../shared/whole-json.ts";
import type { ToolNames } from "../translation.ts";
import { answeredError } from "./errors.ts";
import { extensionsOf } from "./fields.ts";
import { readCitation, SearchReader } from "./search-blocks.ts";
import { mergeCounts, usageOfCounts } from "./usage.ts";

const stopReasons: Readonly<Record<string, StopReason>> = {
  end_turn: "stop",
  stop_sequence: "stop-sequence",
  max_tokens: "length",
  tool_use: "tool-calls",
  refusal: "refusal",
  pause_turn: "pause",
  model_context_window_exceeded: "context-window",
};

/** The end of an answer in the neutral form. */
export interface ParsedEnd {
  readonly stopReason: StopReason;
  readonly rawStopReason: string;
  readonly stopSequence?: string;
}

/**
 * Parses a Message, `{"id","type":"message","model","content":[…],"stop_reason","usage":{…}}` (Anthropic API reference and SDK 1.12, November 2026).
 * The input of a tool call is kept as its text in `body` (text, not latin1). `createdAt` is 0, as the wire has no time.
 * @throws AnsweredError if the body is an error; GatewayError `upstream_invalid_response` if it is not a message.
 */
export function parseResponse(body: string, toolNames?: ToolNames): ChatResponse {
  const wire = parseMessage(body);
  const id = stringOf(wire["id"]);
  const model = stringOf(wire["model"]);
  const usage = usageOfCounts(mergeCounts({}, wire["usage"]));
  const context: AnswerContext = { toolNames, facts: compact({ id, model, usage }), ids: new Set(), searches: new SearchReader() };
  const content = (wire["content"] as readonly unknown[]).flatMap((block, index) =>
    isObject(block) ? parseBlock(block, () => textAt(body, ["content", index, "input"]), `${id} ${index}`, context) : [],
  );
  const hasCall = content.some((block) => block.type === "tool-call");
  const end = parseEnd(wire, hasCall, toolNames);
  const extensions = ownFields(wire);
  const explanation = explanationIn(wire);
  const response: ChatResponse = {
    id,
    model,
    createdAt: 0,
    content: explanation === undefined ? content : [...content, { type: "refusal", text: explanation }],
    ...(end ?? { stopReason: "other" }),
    usage: usage ?? {},
    ...(extensions === undefined ? {} : { extensions }),
  };
  if (end?.stopReason === "error") throw new AnsweredError(brokenEnd(end.rawStopReason), answerFacts(response));
  return response;
}

function parseMessage(body: string): WireObject {
  const wire = jsonValue(body);
  if (isObject(wire) && Array.isArray(wire["content"]) && !isError(wire["error"])) return wire;
  throw answeredError(body);
}

interface AnswerContext {
  readonly toolNames: ToolNames | undefined;
  readonly facts: AnswerFacts;
  /** Of the calls so far. */
  readonly ids: Set<string>;
  readonly searches: SearchReader;
}

function parseBlock(block: WireObject, inputText: () => string | undefined, seed: string, context: AnswerContext): Block[] {
  switch (block["type"]) {
    case "text":
      return parseText(block);
    case "thinking": {
      const signature = stringOf(block["signature"]);
      return [{ type: "reasoning", text: stringOf(block["thinking"]), ...(signature === "" ? {} : { proof: signatureProof(signature) }) }];
    }
    case "redacted_thinking":
      return [{ type: "reasoning", text: "", proof: redactedProof(stringOf(block["data"])) }];
    case "tool_use": {
      return [parseCall(block, argumentsOf(block["input"], inputText), seed, context)];
    }
    default:
      return [
        compact({ type: "opaque" as const, protocol: "anthropic-messages" as const, value: block, search: context.searches.read(block) }),
      ];
  }
}

function argumentsOf(input: unknown, inputText: () => string | undefined): string {
  // Some servers give the text of the input.
  if (typeof input === "string") return input || "{}";
  return isAbsent(input) ? "{}" : (inputText() ?? JSON.stringify(input));
}

function parseText({ text, citations }: { readonly text?: unknown; readonly citations?: unknown }): Block[] {
  if (stringOf(text) === "") return [];
  const extensions = Array.isArray(citations) && citations.length > 0 ? extensionsOf({ citations }) : undefined;
  const read = Array.isArray(citations) ? citations.map(readCitation).filter((citation) => citation !== undefined) : [];
  const end = stringOf(text).length;
  return [
    compact({
      type: "text" as const,
      text: stringOf(text),
      citations: read.length === 0 ? undefined : read.map((citation) => ({ ...citation, start: 0, end })),
      extensions,
    }),
  ];
}

function parseCall(block: WireObject, args: string, seed: string, { toolNames, facts, ids }: AnswerContext): Block {
  const wireName = stringOf(block["name"]);
  const identity = toolNames?.get(wireName);
  if (identity?.kind === "answer") return { type: "text", text: renameKeys(args, identity.properties) };
  const fault = faultOfCall({ name: wireName, kind: "function", arguments: args });
  if (fault !== undefined) throw new AnsweredError(fault, facts);
  const id = takeCallId(ids, stringOf(block["id"]), seed);
  const call = restoreCall({ type: "tool-call", id, name: wireName, kind: "function" }, toolNames);
  return { ...call.start, arguments: restoreArguments(call, args) };
}

export function signatureProof(data: string): {
  readonly protocol: "anthropic-messages";
  readonly kind: "signature";
  readonly data: string;
} {
  return { protocol: "anthropic-messages", kind: "signature", data };
}

export function redactedProof(data: string): { readonly protocol: "anthropic-messages"; readonly kind: "redacted"; readonly data: string } {
  return { protocol: "anthropic-messages", kind: "redacted", data };
}

/**
 * Parses `stop_reason` and `stop_sequence`; `undefined` before the end. A call of the tool that gives the answer (`ToolIdentity`) is not a tool call.
 */
export function parseEnd(wire: WireObject, hasCall: boolean, toolNames: ToolNames | undefined): ParsedEnd | undefined {
  const { stop_reason: raw, stop_sequence: sequence } = wire as { stop_reason?: unknown; stop_sequence?: unknown };
  if (typeof raw !== "string") return undefined;
  // With an explanation, the answer has the text of a refusal: the end says that a filter stopped it.
  const reason = explanationIn(wire) === undefined ? reasonOf(raw) : "content-filter";
  const isAnswered = reason === "tool-calls" && !hasCall && [...(toolNames?.values() ?? [])].some(({ kind }) => kind === "answer");
  return {
    stopReason: isAnswered ? "stop" : reason,
    rawStopReason: raw,
    ...(typeof sequence === "string" ? { stopSequence: sequence } : {}),
  };
}

/** Why the vendor stopped an answer, in words: `stop_details.explanation` of a refusal. */
export function explanationIn({
  stop_reason: raw,
  stop_details: details,
}: {
  readonly stop_reason?: unknown;
  readonly stop_details?: unknown;
}): string | undefined {
  const explanation = raw === "refusal" && isObject(details) ? details["explanation"] : undefined;
  return typeof explanation === "string" && explanation !== "" ? explanation : undefined;
}

function reasonOf(raw: string): StopReason {
  if (isBrokenEnd(raw)) return "error";
  return Object.hasOwn(stopReasons, raw) ? stopReasons[raw]! : "other";
}

/** The fields of a message that have no neutral name and are not null. */
export function ownFields(message: WireObject): Extensions | undefined {
  const fields: Record<string, unknown> = {};
  for (const key of ["container", "diagnostics", "stop_details"]) {
    const value = message[key];
    if (isObject(value) && (key !== "stop_details" || typeof value["category"] === "string" || typeof value["explanation"] === "string"))
      fields[key] = value;
  }
  const usage = message["usage"];
  const extra = isObject(usage)
    ? ["server_tool_use", "service_tier", "inference_geo", "speed", "iterations"].filter((key) => isPresent(usage[key]))
    : [];
  if (isObject(usage) && extra.length > 0) fields["usage"] = Object.fromEntries(extra.map((key) => [key, usage[key]]));
  return Object.keys(fields).length === 0 ? undefined : extensionsOf(fields);
}

function isPresent(value: unknown): boolean {
  return !isAbsent(value);
}

export function stringOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
