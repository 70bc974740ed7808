import { utf8OfLatin1, type SseEvent } from "../../core/index.ts";
import type { BlockDelta, BlockStart, StreamError, StreamEvent, Usage } from "../../ir/index.ts";
import { isError } from "../shared/answered-error.ts";
import { brokenEnd } from "../shared/broken-end.ts";
import { compact, isObject, type WireObject } from "../shared/fields.ts";
import { unwrapInput } from "../shared/free-text-tool.ts";
import { jsonObject } from "../shared/json-text.ts";
import { restoreCall } from "../shared/restore-tool.ts";
import { takeCallId } from "../shared/tool-names.ts";
import type { StreamDecoder, ToolNames } from "../translation.ts";
import { gluedCalls, isGluedJson, namelessCall } from "../shared/whole-json.ts";
import { parseStreamError } from "./errors.ts";
import { inputAtStart, isCall, openBlock, restOfArguments, type BlockType, type OpenBlock } from "./open-block.ts";
import { explanationIn, ownFields, parseEnd, redactedProof, signatureProof, stringOf } from "./parse-response.ts";
import { readCitation, SearchReader } from "./search-blocks.ts";
import { mergeCounts, usageOfCounts, type WireCounts } from "./usage.ts";

/**
 * Turns a Messages stream into events (Anthropic API, "Streaming messages", November 2026). The free text of a custom tool and the blocks of the
 * vendor's own tools are emitted when they end. Events and deltas of unknown types are ignored; a delta without its start begins a block if its type
 * allows it.
 */
export class AnthropicStreamDecoder implements StreamDecoder {
  readonly #toolNames: ToolNames | undefined;
  readonly #open = new Map<number, OpenBlock>();
  #nextIndex = 0;
  #isBegun = false;
  #isOver = false;
  #hasEnd = false;
  #hasCall = false;
  #messageId = "";
  readonly #callIds = new Set<string>();
  readonly #searches = new SearchReader();
  /** What is wrong with a call; reported when the usage is known. */
  #fault: StreamError | undefined;
  #counts: WireCounts = {};
  #out: StreamEvent[] = [];

  constructor(toolNames?: ToolNames) {
    this.#toolNames = toolNames;
  }

  push(event: SseEvent): readonly StreamEvent[] {
    if (this.#isOver || event.data === "") return [];
    const data = utf8OfLatin1(event.data);
    const wire = jsonObject(data);
    if (wire !== undefined) this.#read(typeof wire["type"] === "string" ? wire["type"] : event.name, wire, data);
    else if (data.trim() !== "[DONE]") this.#fail("The provider sent an event that is not a JSON object.", "upstream_invalid_response");
    return this.#take();
  }

  end(): readonly StreamEvent[] {
    if (this.#isOver) return [];
    if (this.#hasEnd) this.#finish();
    else this.#fail("The provider's stream ended before its answer did.", "upstream_truncated");
    return this.#take();
  }

  #read(type: string, wire: WireObject, data: string): void {
    switch (type) {
      case "message_start":
        this.#begin(isObject(wire["message"]) ? wire["message"] : {});
        return;
      case "content_block_start":
        this.#startBlock(indexOf(wire), isObject(wire["content_block"]) ? wire["content_block"] : {});
        return;
      case "content_block_delta":
        if (isObject(wire["delta"])) this.#delta(indexOf(wire), wire["delta"]);
        return;
      case "content_block_stop":
        this.#stopBlock(indexOf(wire));
        return;
      case "message_delta":
        this.#messageDelta(wire, data);
        return;
      case "message_stop":
        this.#finish();
        return;
      case "ping":
        this.#emit({ type: "ping" });
        return;
      case "error":
        this.#error(data);
        return;
      default:
        // Some servers send an error in place of an event, without a type.
        if (isError(wire["error"])) this.#error(data);
    }
  }

  #error(data: string): void {
    this.#emit({ type: "error", error: parseStreamError(data) });
    this.#isOver = true;
  }

  #begin(message: WireObject): void {
    if (this.#isBegun) return;
    this.#isBegun = true;
    this.#counts = mergeCounts(this.#counts, message["usage"]);
    const usage = usageOfCounts(this.#counts);
    const extensions = ownFields(message);
    this.#messageId = stringOf(message["id"]);
    this.#emit({
      type: "message-start",
      id: this.#messageId,
      model: stringOf(message["model"]),
      createdAt: 0,
      ...(usage === undefined ? {} : { usage }),
      ...(extensions === undefined ? {} : { extensions }),
    });
  }

  #startBlock(at: number, wire: WireObject): void {
    this.#begin({});
    if (this.#open.has(at)) this.#stopBlock(at);
    switch (wire["type"]) {
      case "text":
        this.#open.set(at, openBlock("text", wire));
        this.#text(at, stringOf(wire["text"]));
        return;
      case "thinking":
        this.#openNow(at, "reasoning", { type: "reasoning" });
        this.#text(at, stringOf(wire["thinking"]));
        this.#sign(at, stringOf(wire["signature"]));
        return;
      case "redacted_thinking": {
        const block = this.#openNow(at, "reasoning", { type: "reasoning" });
        this.#deltaOf(block, { type: "proof", proof: redactedProof(stringOf(wire["data"])) });
        return;
      }
      case "tool_use":
        this.#startCall(at, wire);
        return;
      default:
        this.#open.set(at, openBlock("opaque", wire));
    }
  }

  #startCall(at: number, wire: WireObject): void {
    const wireName = stringOf(wire["name"]);
    const identity = this.#toolNames?.get(wireName);
    if (identity?.kind === "answer") {
      this.#openNow(at, "answer", { type: "text" }, openBlock("answer", wire, identity.properties));
      return;
    }
    this.#hasCall = true;
    if (wireName === "") this.#fault ??= namelessCall;
    const id = takeCallId(this.#callIds, stringOf(wire["id"]), `${this.#messageId} ${at}`);
    const { start } = restoreCall({ type: "tool-call", id, name: wireName, kind: "function" }, this.#toolNames);
    this.#openNow(at, start.kind, start, openBlock(start.kind, wire, identity?.properties));
  }

  #delta(at: number, delta: WireObject): void {
    switch (delta["type"]) {
      case "text_delta":
        if (!this.#open.has(at)) this.#startBlock(at, { type: "text" });
        this.#text(at, stringOf(delta["text"]));
        return;
      case "thinking_delta":
        if (!this.#open.has(at)) this.#startBlock(at, { type: "thinking" });
        this.#text(at, stringOf(delta["thinking"]));
        return;
      case "signature_delta":
        if (!this.#open.has(at)) this.#startBlock(at, { type: "thinking" });
        this.#sign(at, stringOf(delta["signature"]));
        return;
      case "citations_delta":
        this.#cite(at, delta["citation"]);
        return;
      case "input_json_delta":
        this.#arguments(at, stringOf(delta["partial_json"]));
        return;
      default:
        return;
    }
  }

  /** An empty text block is not emitted: it begins with its first content. */
  #text(at: number, text: string): void {
    const block = this.#open.get(at);
    if (block === undefined || text === "" || (block.type !== "text" && block.type !== "reasoning")) return;
    if (block.index === undefined) this.#start(block, { type: "text" });
    block.length += text.length;
    this.#deltaOf(block, { type: "text", text });
  }

  #cite(at: number, wire: unknown): void {
    const citation = readCitation(wire);
    if (citation !== undefined) this.#open.get(at)?.citations.push(citation);
  }

  #sign(at: number, signature: string): void {
    const block = this.#open.get(at);
    if (block?.type === "reasoning" && signature !== "") this.#deltaOf(block, { type: "proof", proof: signatureProof(signature) });
  }

  #arguments(at: number, text: string): void {
    const block = this.#open.get(at);
    if (block === undefined || text === "") return;
    block.hasArguments = true;
    block.json.push(text);
    const named = block.keys === undefined ? text : block.keys.push(text);
    if (block.type === "function") this.#deltaOf(block, { type: "arguments", text: named });
    else if (block.type === "answer") this.#deltaOf(block, { type: "text", text: named });
    else block.buffered += text;
  }

  #stopBlock(at: number): void {
    const block = this.#open.get(at);
    this.#open.delete(at);
    if (block === undefined) return;
    const args = block.hasArguments ? block.buffered : inputAtStart(block.wire);
    if (isCall(block) && (block.json.isGlued || isGluedJson(args))) this.#fault ??= gluedCalls;
    switch (block.type) {
      case "function":
        this.#deltaOf(block, { type: "arguments", text: restOfArguments(block, args) });
        break;
      case "answer":
        this.#deltaOf(block, { type: "text", text: restOfArguments(block, args) });
        break;
      case "custom":
        this.#deltaOf(block, { type: "arguments", text: unwrapInput(args) });
        break;
      case "opaque": {
        const input = block.hasArguments ? jsonObject(block.buffered) : undefined;
        const value = input === undefined ? block.wire : { ...block.wire, input };
        const search = this.#searches.read(value);
        this.#start(block, compact({ type: "opaque" as const, protocol: "anthropic-messages" as const, value, search }));
        break;
      }
      case "text":
        for (const citation of block.citations)
          this.#deltaOf(block, { type: "citation", citation: { ...citation, start: 0, end: block.length } });
        break;
      case "reasoning":
        break;
    }
    if (block.index !== undefined) this.#emit({ type: "block-end", index: block.index });
  }

  #messageDelta(wire: WireObject, data: string): void {
    this.#begin({});
    this.#counts = mergeCounts(this.#counts, wire["usage"]);
    const delta = isObject(wire["delta"]) ? wire["delta"] : {};
    const end = parseEnd(delta, this.#hasCall, this.#toolNames);
    const usage = usageOfCounts(this.#counts);
    const extensions = ownFields(delta);
    if (isError(wire["error"])) {
      this.#error(data);
      return;
    }
    if (end?.stopReason === "error") {
      this.#break(brokenEnd(end.rawStopReason), end.rawStopReason, usage);
      return;
    }
    for (const block of this.#open.values()) if (isCall(block) && block.json.isGlued) this.#fault ??= gluedCalls;
    if (end !== undefined && this.#fault !== undefined) {
      this.#break(this.#fault, end.rawStopReason, usage);
      return;
    }
    this.#hasEnd ||= end !== undefined;
    const explanation = explanationIn(delta);
    if (explanation !== undefined) this.#refuse(explanation);
    this.#emit({
      type: "message-delta",
      ...end,
      ...(usage === undefined ? {} : { usage }),
      ...(extensions === undefined ? {} : { extensions }),
    });
  }

  /** The vendor's explanation of a refusal is a block of its own. */
  #refuse(text: string): void {
    const index = this.#nextIndex++;
    this.#emit({ type: "block-start", index, block: { type: "refusal" } });
    this.#emit({ type: "block-delta", index, delta: { type: "text", text } });
    this.#emit({ type: "block-end", index });
  }

  #finish(): void {
    this.#begin({});
    for (const at of this.#open.keys()) this.#stopBlock(at);
    this.#emit(this.#fault === undefined ? { type: "message-end" } : { type: "error", error: this.#fault });
    this.#isOver = true;
  }

  /** The answer was generated to its end, and is an error. */
  #break(error: StreamError, rawStopReason: string, usage: Usage | undefined): void {
    this.#emit({ type: "error", error, end: compact({ usage, rawStopReason }) });
    this.#isOver = true;
  }

  #fail(message: string, code: string): void {
    this.#emit({ type: "error", error: { status: 502, message, code } });
    this.#isOver = true;
  }

  #openNow(at: number, type: BlockType, start: BlockStart, block: OpenBlock = openBlock(type, {})): OpenBlock {
    this.#open.set(at, block);
    this.#start(block, start);
    return block;
  }

  #start(block: OpenBlock, start: BlockStart): void {
    block.index = this.#nextIndex++;
    this.#emit({ type: "block-start", index: block.index, block: start });
  }

  #deltaOf(block: OpenBlock, delta: BlockDelta): void {
    if ("text" in delta && delta.text === "") return;
    if (block.index !== undefined) this.#emit({ type: "block-delta", index: block.index, delta });
  }

  #emit(event: StreamEvent): void {
    this.#out.push(event);
  }

  #take(): readonly StreamEvent[] {
    const out = this.#out;
    this.#out = [];
    return out;
  }
}

function indexOf(wire: WireObject): number {
  return typeof wire["index"] === "number" ? wire["index"] : 0;
}
