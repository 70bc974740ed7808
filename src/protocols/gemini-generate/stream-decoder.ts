import { createHash } from "node:crypto";
import { utf8OfLatin1, type SseEvent } from "../../core/index.ts";
import type { BlockStart, ReasoningProof, StopReason, StreamError, StreamEvent, Units, Usage } from "../../ir/index.ts";
import { brokenEnd } from "../shared/broken-end.ts";
import { compact, isAbsent, isObject, restOf, type WireObject } from "../shared/fields.ts";
import { textAt, jsonObject } from "../shared/json-text.ts";
import { restoreArguments, restoreCall } from "../shared/restore-tool.ts";
import type { StreamDecoder, ToolNames } from "../translation.ts";
import { namelessCall } from "../shared/whole-json.ts";
import { readErrorChunk } from "./errors.ts";
import { extensionsOf } from "./fields.ts";
import { citationsOfGrounding, searchOfGrounding } from "./grounding.ts";
import { pictureOf } from "./parse-media.ts";
import { stopReasonOf } from "./stop-reason.ts";
import { mostCalls, noUsage, readToolCalls, readUsage, withToolCalls } from "./usage.ts";

const knownCandidate: ReadonlySet<string> = new Set(["content", "finishReason", "index"]);

/**
 * Turns chunks, `{"candidates":[{"content":{"parts":[…]},"finishReason"}],"usageMetadata","modelVersion","responseId"}`, into events (Gemini API,
 * `streamGenerateContent`, November 2026). The chunks are events of SSE, or elements of the JSON array. Of several candidates, the first one is read.
 * Consecutive texts are one block, and so are consecutive thoughts; a call is a block of its own, whole. The signature of a thought or call is its
 * proof; the signature of a text is a reasoning block without text after it. There is no terminal event: the answer is complete when the upstream
 * ends after a finish reason.
 */
export class GeminiStreamDecoder implements StreamDecoder {
  readonly #toolNames: ToolNames | undefined;
  #open: "text" | "reasoning" | undefined;
  #nextIndex = 0;
  #calls = 0;
  readonly #callIds = new Set<string>();
  /** What is wrong with a call; reported when the usage is known. */
  #fault: StreamError | undefined;
  #responseId = "";
  /** What the vendor searched: the last chunks have it, some of them a part. */
  #grounding: WireObject | undefined;
  /** The answer's text so far, and its length before the open block. */
  #said = "";
  #offset = 0;
  /** Calls of Google's own tools. */
  #serverCalls: Units | undefined;
  #isBegun = false;
  #isOver = false;
  #hasEnd = false;
  #out: StreamEvent[] = [];

  constructor(toolNames?: ToolNames) {
    this.#toolNames = toolNames;
  }

  push(event: SseEvent): readonly StreamEvent[] {
    return event.data === "" ? [] : this.pushText(utf8OfLatin1(event.data));
  }

  /** Decodes a chunk given as text. */
  pushText(data: string): readonly StreamEvent[] {
    if (this.#isOver) return [];
    const chunk = jsonObject(data);
    if (chunk === undefined) {
      if (data.trim() !== "[DONE]") this.#fail("The provider sent a chunk that is not a JSON object.", "upstream_invalid_response");
    } else this.#read(chunk, data);
    return this.#take();
  }

  end(): readonly StreamEvent[] {
    if (this.#isOver) return [];
    this.#isOver = true;
    this.#close();
    if (this.#fault !== undefined) this.#break("", this.#fault, undefined);
    else if (this.#hasEnd) this.#emit({ type: "message-end" });
    else this.#fail("The provider's stream ended before its answer did.", "upstream_truncated");
    return this.#take();
  }

  #read(chunk: WireObject, data: string): void {
    const error = readErrorChunk(chunk);
    if (error !== undefined) {
      this.#emit({ type: "error", error });
      this.#isOver = true;
      return;
    }
    this.#begin(chunk);
    const candidates = chunk["candidates"];
    const candidate: unknown = Array.isArray(candidates) ? candidates[0] : undefined;
    const content = isObject(candidate) ? candidate["content"] : undefined;
    const parts = isObject(content) && Array.isArray(content["parts"]) ? (content["parts"] as readonly unknown[]) : [];
    const grounding = isObject(candidate) ? candidate["groundingMetadata"] : undefined;
    if (isObject(grounding)) this.#grounding = { ...this.#grounding, ...grounding };
    for (const [index, part] of parts.entries()) {
      if (isObject(part)) this.#part(part, () => textAt(data, ["candidates", 0, "content", "parts", index, "functionCall", "args"]));
    }
    this.#readEnd(chunk, isObject(candidate) ? candidate : undefined);
  }

  #begin(chunk: WireObject): void {
    if (this.#isBegun) return;
    this.#isBegun = true;
    this.#responseId = stringOf(chunk["responseId"]);
    const { input, cacheRead } = readUsage(chunk["usageMetadata"]) ?? {};
    // The prompt is counted from the first chunk on, and some dialects report it at the start.
    const usage = input === undefined ? {} : { usage: { input, ...(cacheRead === undefined ? {} : { cacheRead }) } };
    this.#emit({ type: "message-start", id: this.#responseId, model: stringOf(chunk["modelVersion"]), createdAt: 0, ...usage });
  }

  #part(part: WireObject, argsText: () => string | undefined): void {
    const signature = stringOf(part["thoughtSignature"]);
    const proof = signature === "" ? undefined : signatureProof(signature);
    if (typeof part["text"] === "string") this.#text(part["text"], part["thought"] === true, proof);
    else if (isObject(part["functionCall"])) this.#call(part["functionCall"], argsText, proof);
    else {
      this.#close();
      if (Object.keys(part).length === 0) return;
      const opaque = { type: "opaque" as const, protocol: "gemini-generate" as const, value: part };
      this.#whole(compact({ ...opaque, media: pictureOf(part) }), "", undefined);
    }
  }

  #text(text: string, isThought: boolean, proof: ReasoningProof | undefined): void {
    if (isThought) {
      if (text === "" && proof === undefined) return;
      this.#append("reasoning", text);
      this.#sign(proof);
      return;
    }
    if (text !== "") this.#append("text", text);
    if (proof === undefined) return;
    this.#append("reasoning", "", true);
    this.#sign(proof);
  }

  /** Appends text to the open block if it has the same type, else begins a new block. */
  #append(type: "text" | "reasoning", text: string, isNew = false): void {
    if (this.#open !== type || isNew) {
      this.#close();
      this.#emit({ type: "block-start", index: this.#nextIndex, block: { type } });
      this.#open = type;
      this.#offset = this.#said.length;
    }
    if (type === "text") this.#said += text;
    if (text !== "") this.#emit({ type: "block-delta", index: this.#nextIndex, delta: { type: "text", text } });
  }

  /** A signed block is complete, so it ends. */
  #sign(proof: ReasoningProof | undefined): void {
    if (proof === undefined) return;
    this.#emit({ type: "block-delta", index: this.#nextIndex, delta: { type: "proof", proof } });
    this.#close();
  }

  #close(): void {
    if (this.#open === undefined) return;
    if (this.#open === "text" && this.#grounding !== undefined) this.#cite(this.#grounding);
    this.#emit({ type: "block-end", index: this.#nextIndex++ });
    this.#open = undefined;
  }

  /** The citations of the open text. */
  #cite(grounding: WireObject): void {
    for (const citation of citationsOfGrounding(grounding, this.#said)) {
      const { start = this.#offset, end = this.#said.length } = citation;
      if (start < this.#offset) continue;
      const placed = { ...citation, start: start - this.#offset, end: end - this.#offset };
      this.#emit({ type: "block-delta", index: this.#nextIndex, delta: { type: "citation", citation: placed } });
    }
  }

  #search(grounding: WireObject): void {
    const search = searchOfGrounding(grounding, this.#responseId);
    if (search !== undefined) this.#whole({ type: "opaque", protocol: "gemini-generate", value: null, search }, "", undefined);
  }

  #call(call: WireObject, argsText: () => string | undefined, proof: ReasoningProof | undefined): void {
    this.#close();
    const wireName = stringOf(call["name"]);
    if (wireName === "") this.#fault ??= namelessCall;
    const args = isAbsent(call["args"]) ? "{}" : (argsText() ?? JSON.stringify(call["args"]));
    const given = stringOf(call["id"]);
    const id = given === "" || this.#callIds.has(given) ? this.#makeId(wireName, args) : given;
    this.#callIds.add(id);
    const restored = restoreCall({ type: "tool-call", id, name: wireName, kind: "function" }, this.#toolNames);
    this.#calls++;
    this.#whole(restored.start, restoreArguments(restored, args), proof);
  }

  /** Older models give calls no id. This id is made of the answer's id and the call, so that no other answer has the same. */
  #makeId(name: string, args: string): string {
    return `call_${createHash("sha256").update(`${this.#responseId} ${this.#calls} ${name} ${args}`).digest("hex").slice(0, 24)}`;
  }

  #whole(start: BlockStart, args: string, proof: ReasoningProof | undefined): void {
    const index = this.#nextIndex++;
    this.#emit({ type: "block-start", index, block: start });
    if (args !== "") this.#emit({ type: "block-delta", index, delta: { type: "arguments", text: args } });
    if (proof !== undefined) this.#emit({ type: "block-delta", index, delta: { type: "proof", proof } });
    this.#emit({ type: "block-end", index });
  }

  /** Reads the finish reason, and from then on the usage: every chunk has the count so far, and the last one the whole count. */
  #readEnd(chunk: WireObject, candidate: WireObject | undefined): void {
    const feedback = chunk["promptFeedback"];
    const blocked = isObject(feedback) ? feedback["blockReason"] : undefined;
    const raw = [candidate?.["finishReason"], blocked].find(
      (reason): reason is string => typeof reason === "string" && !reason.endsWith("_UNSPECIFIED"),
    );
    this.#serverCalls = mostCalls(this.#serverCalls, readToolCalls(chunk["candidates"]));
    const reported = readUsage(chunk["usageMetadata"]) ?? (raw !== undefined && raw === blocked ? noUsage : undefined);
    const usage = withToolCalls(reported, this.#serverCalls);
    if (raw === undefined && !(this.#hasEnd && usage !== undefined)) return;
    this.#hasEnd = true;
    this.#close();
    const stopReason = raw === undefined ? undefined : this.#stopReason(raw, raw === blocked);
    const fault = raw !== undefined && stopReason === "error" ? brokenEnd(raw, candidate?.["finishMessage"]) : this.#fault;
    if (fault !== undefined) {
      this.#break(raw ?? "", fault, usage);
      return;
    }
    if (this.#grounding !== undefined) this.#search(this.#grounding);
    this.#grounding = undefined;
    const rest = candidate === undefined ? undefined : restOf(candidate, knownCandidate);
    const extensions = extensionsOf(isObject(feedback) ? { ...rest, promptFeedback: feedback } : rest);
    this.#emit({
      type: "message-delta",
      ...(raw === undefined || stopReason === undefined ? {} : { stopReason, rawStopReason: raw }),
      ...(usage === undefined ? {} : { usage }),
      ...(extensions === undefined ? {} : { extensions }),
    });
  }

  #stopReason(raw: string, isBlocked: boolean): StopReason {
    return isBlocked ? "content-filter" : stopReasonOf(raw, this.#calls > 0);
  }

  /** The answer was generated to its end, which is an error. */
  #break(raw: string, error: StreamError, usage: Usage | undefined): void {
    this.#emit({ type: "error", error, end: compact({ usage, rawStopReason: raw }) });
    this.#isOver = true;
  }

  #fail(message: string, code: string): void {
    this.#emit({ type: "error", error: { status: 502, message, code } });
    this.#isOver = true;
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

function signatureProof(data: string): ReasoningProof {
  return { protocol: "gemini-generate", kind: "signature", data };
}

function stringOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
