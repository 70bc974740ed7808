import type { BlockStart, Citation, ReasoningProof, WebSearch } from "../../ir/index.ts";
import { clientCallItem, type ClientTool } from "./client-tools.ts";
import { searchItem } from "./search-items.ts";
import {
  annotationOf,
  callItem,
  itemId,
  messageItem,
  reasoningItem,
  refusalPart,
  textPart,
  type CallItemFields,
  type ItemStatus,
} from "./output-items.ts";
import type { WireEvent, WireItem, WirePart } from "./wire.ts";

/** An item of a streamed answer while it grows. Each method returns the events for the change. */
export interface StreamItem {
  /** All its blocks have ended. */
  readonly ended: boolean;
  /** Reasoning that has no text so far: it does not count as content after the text. */
  readonly isProofAlone: boolean;
  start(): WireEvent[];
  text(block: number, text: string): WireEvent[];
  proof(proof: ReasoningProof): void;
  end(block: number): WireEvent[];
  /** Returns the item as it will be in the response. `final`: only proofs without text follow it. */
  finish(status: ItemStatus, final: boolean): WireItem;
}

interface OpenPart {
  readonly index: number;
  readonly refusal: boolean;
  text: string;
  readonly citations: Citation[];
}

/** A message: each text or refusal block is one of its parts. */
export class MessageStreamItem implements StreamItem {
  readonly isProofAlone = false;
  readonly #id: string;
  readonly #output: number;
  readonly #parts: WirePart[] = [];
  readonly #open = new Map<number, OpenPart>();

  constructor(responseId: string, output: number) {
    this.#id = itemId("msg_", undefined, responseId, output);
    this.#output = output;
  }

  get ended(): boolean {
    return this.#open.size === 0;
  }

  start(): WireEvent[] {
    const item: WireItem = { id: this.#id, type: "message", status: "in_progress", role: "assistant", content: [] };
    return [{ type: "response.output_item.added", output_index: this.#output, item }];
  }

  openPart(block: number, refusal: boolean): WireEvent[] {
    const index = this.#parts.length;
    const part = refusal ? refusalPart("") : textPart("");
    this.#parts.push(part);
    this.#open.set(block, { index, refusal, text: "", citations: [] });
    return [{ type: "response.content_part.added", ...this.#place(index), part }];
  }

  text(block: number, text: string): WireEvent[] {
    const part = this.#open.get(block);
    if (part === undefined) return [];
    part.text += text;
    const place = this.#place(part.index);
    return part.refusal
      ? [{ type: "response.refusal.delta", ...place, delta: text }]
      : [{ type: "response.output_text.delta", ...place, delta: text, logprobs: [] }];
  }

  proof(): void {}

  cite(block: number, citation: Citation): WireEvent[] {
    const part = this.#open.get(block);
    if (part === undefined || part.refusal) return [];
    const place = this.#place(part.index);
    part.citations.push({ ...citation, end: citation.end ?? part.text.length });
    const annotation = annotationOf(citation, part.text.length);
    return [{ type: "response.output_text.annotation.added", ...place, annotation_index: part.citations.length - 1, annotation }];
  }

  end(block: number): WireEvent[] {
    const open = this.#open.get(block);
    if (open === undefined) return [];
    this.#open.delete(block);
    const { index, refusal, text, citations } = open;
    const place = this.#place(index);
    const part = refusal ? refusalPart(text) : textPart(text, citations);
    this.#parts[index] = part;
    const whole: WireEvent = refusal
      ? { type: "response.refusal.done", ...place, refusal: text }
      : { type: "response.output_text.done", ...place, text, logprobs: [] };
    return [whole, { type: "response.content_part.done", ...place, part }];
  }

  finish(status: ItemStatus, final: boolean): WireItem {
    return messageItem(this.#id, this.#parts, status, final);
  }

  #place(content: number): { item_id: string; output_index: number; content_index: number } {
    return { item_id: this.#id, output_index: this.#output, content_index: content };
  }
}

/** Reasoning: its text is the one part of its summary, if the client asked for summaries. */
export class ReasoningStreamItem implements StreamItem {
  readonly #id: string;
  readonly #output: number;
  readonly #shown: boolean;
  #text = "";
  #proof: ReasoningProof | undefined;
  ended = false;

  constructor(block: { readonly id?: string }, responseId: string, output: number, shown: boolean) {
    this.#id = itemId("rs_", block.id, responseId, output);
    this.#output = output;
    this.#shown = shown;
  }

  get isProofAlone(): boolean {
    return this.#text === "";
  }

  start(): WireEvent[] {
    return [{ type: "response.output_item.added", output_index: this.#output, item: { id: this.#id, type: "reasoning", summary: [] } }];
  }

  text(_block: number, text: string): WireEvent[] {
    const first = this.#text === "";
    this.#text += text;
    if (!this.#shown) return [];
    const delta: WireEvent = { type: "response.reasoning_summary_text.delta", ...this.#place(), delta: text };
    return first
      ? [{ type: "response.reasoning_summary_part.added", ...this.#place(), part: { type: "summary_text", text: "" } }, delta]
      : [delta];
  }

  proof(proof: ReasoningProof): void {
    this.#proof = proof;
  }

  end(): WireEvent[] {
    this.ended = true;
    if (!this.#shown || this.#text === "") return [];
    return [
      { type: "response.reasoning_summary_text.done", ...this.#place(), text: this.#text },
      { type: "response.reasoning_summary_part.done", ...this.#place(), part: { type: "summary_text", text: this.#text } },
    ];
  }

  finish(): WireItem {
    return reasoningItem({ id: this.#id, text: this.#text, proof: this.#proof, shown: this.#shown });
  }

  #place(): { item_id: string; output_index: number; summary_index: number } {
    return { item_id: this.#id, output_index: this.#output, summary_index: 0 };
  }
}

/** A call of a function or of a custom tool. */
export class CallStreamItem implements StreamItem {
  readonly isProofAlone = false;
  readonly #call: Omit<CallItemFields, "arguments">;
  readonly #output: number;
  #arguments = "";
  ended = false;

  constructor(block: Extract<BlockStart, { type: "tool-call" }>, responseId: string, output: number) {
    const { id: callId, name, namespace, kind } = block;
    this.#call = { id: itemId(kind === "custom" ? "ctc_" : "fc_", block.itemId, responseId, output), callId, name, namespace, kind };
    this.#output = output;
  }

  start(): WireEvent[] {
    return [
      { type: "response.output_item.added", output_index: this.#output, item: callItem({ ...this.#call, arguments: "" }, "in_progress") },
    ];
  }

  text(_block: number, text: string): WireEvent[] {
    this.#arguments += text;
    const type = this.#call.kind === "custom" ? "response.custom_tool_call_input.delta" : "response.function_call_arguments.delta";
    return [{ type, ...this.#place(), delta: text }];
  }

  /** The wire has no field for the proof of a call. */
  proof(): void {}

  end(): WireEvent[] {
    this.ended = true;
    return this.#call.kind === "custom"
      ? [{ type: "response.custom_tool_call_input.done", ...this.#place(), input: this.#arguments }]
      : [{ type: "response.function_call_arguments.done", ...this.#place(), arguments: this.#arguments }];
  }

  finish(status: ItemStatus): WireItem {
    return callItem({ ...this.#call, arguments: this.#arguments }, status);
  }

  #place(): { item_id: string; output_index: number } {
    return { item_id: this.#call.id, output_index: this.#output };
  }
}

/** A call of a tool with a type of its own that the client runs: its fields come whole. */
export class ClientCallStreamItem implements StreamItem {
  readonly isProofAlone = false;
  readonly #tool: ClientTool;
  readonly #call: Pick<CallItemFields, "id" | "callId">;
  readonly #output: number;
  #arguments = "";
  ended = false;

  constructor(tool: ClientTool, block: Extract<BlockStart, { type: "tool-call" }>, responseId: string, output: number) {
    this.#tool = tool;
    this.#call = { id: itemId(tool.idPrefix, block.itemId, responseId, output), callId: block.id };
    this.#output = output;
  }

  start(): WireEvent[] {
    const item = clientCallItem(this.#tool, { ...this.#call, arguments: "" }, "in_progress");
    return [{ type: "response.output_item.added", output_index: this.#output, item }];
  }

  text(_block: number, text: string): WireEvent[] {
    this.#arguments += text;
    return [];
  }

  proof(): void {}

  end(): WireEvent[] {
    this.ended = true;
    return [];
  }

  finish(status: ItemStatus): WireItem {
    return clientCallItem(this.#tool, { ...this.#call, arguments: this.#arguments }, status);
  }
}

/** A web search that another vendor ran. */
export class WebSearchStreamItem implements StreamItem {
  readonly #item: ReturnType<typeof searchItem>;
  readonly #output: number;
  readonly ended = true;
  readonly isProofAlone = false;

  constructor(search: WebSearch, output: number) {
    this.#item = searchItem(search);
    this.#output = output;
  }

  start(): WireEvent[] {
    const place = { output_index: this.#output, item_id: this.#item.id };
    return [
      { type: "response.output_item.added", output_index: this.#output, item: { ...this.#item, status: "in_progress" } },
      { type: "response.web_search_call.in_progress", ...place },
      { type: "response.web_search_call.searching", ...place },
      { type: "response.web_search_call.completed", ...place },
    ];
  }

  text(): WireEvent[] {
    return [];
  }

  proof(): void {}

  end(): WireEvent[] {
    return [];
  }

  finish(): WireItem {
    return this.#item;
  }
}

/** An item of the vendor's own, which came whole. */
export class WholeStreamItem implements StreamItem {
  readonly #item: WireItem;
  readonly #output: number;
  readonly ended = true;
  readonly isProofAlone = false;

  constructor(item: WireItem, output: number) {
    this.#item = item;
    this.#output = output;
  }

  start(): WireEvent[] {
    return [{ type: "response.output_item.added", output_index: this.#output, item: this.#item }];
  }

  text(): WireEvent[] {
    return [];
  }

  proof(): void {}

  end(): WireEvent[] {
    return [];
  }

  finish(): WireItem {
    return this.#item;
  }
}
