import type { BlockDelta, BlockStart, Citation, ReasoningProof } from "../../ir/index.ts";
import { isObject, type WireObject } from "../shared/fields.ts";
import type { ClientContext } from "../protocol.ts";
import { toolName } from "./message-head.ts";
import { renderCitation } from "./search-blocks.ts";

/** Writes one event of the stream. `fields` is the inside of its JSON object after `type`, or "". */
export function frame(type: string, fields: string): string {
  return `event: ${type}\ndata: {"type":"${type}"${fields === "" ? "" : `,${fields}`}}\n\n`;
}

/**
 * Writes one content block: `open`, then each `delta`, then `close`. A block of text or thinking is written when its first content comes, so an empty
 * block is not written at all: clients send back what they receive, and the vendor refuses empty text.
 */
export class BlockWriter {
  readonly #start: BlockStart;
  readonly #hidesThinking: boolean;
  #index = 0;
  #proof: ReasoningProof | undefined;
  /** `content_block_start` is written. */
  isWritten = false;
  #isCustomBegun = false;

  constructor(start: BlockStart, client: ClientContext) {
    this.#start = start;
    this.#hidesThinking = client.request.reasoning?.visibility === "none";
  }

  /** Opens the block as the next one on the wire, at `index`. */
  open(index: number): string {
    const start = this.#start;
    this.#index = index;
    switch (start.type) {
      case "text":
      case "refusal":
      case "reasoning":
        return "";
      case "tool-call":
        return this.#begin({ type: "tool_use", id: start.id, name: toolName(start), input: {}, caller: { type: "direct" } });
      case "opaque":
        return start.protocol === "anthropic-messages" && isObject(start.value) ? this.#beginOpaque(start.value) : "";
    }
  }

  delta(delta: BlockDelta): string {
    switch (delta.type) {
      case "text":
        return this.#text(delta.text);
      case "arguments":
        return this.#arguments(delta.text);
      case "citation":
        return this.#cite(delta.citation);
      case "proof":
        // The wire has no field for the proof of a tool call: only thinking is signed.
        if (this.#start.type === "reasoning") this.#proof = delta.proof;
        return "";
    }
  }

  close(): string {
    let text = "";
    if (this.#start.type === "reasoning") text = this.#closeReasoning();
    if (this.#start.type === "tool-call" && this.#start.kind === "custom") text = this.#closeCustom();
    return this.isWritten ? text + frame("content_block_stop", `"index":${this.#index}`) : text;
  }

  #begin(block: WireObject): string {
    this.isWritten = true;
    return frame("content_block_start", `"index":${this.#index},"content_block":${JSON.stringify(block)}`);
  }

  #delta(type: string, key: string, value: string): string {
    return frame("content_block_delta", `"index":${this.#index},"delta":{"type":"${type}","${key}":${JSON.stringify(value)}}`);
  }

  #text(text: string): string {
    if (text === "") return "";
    switch (this.#start.type) {
      case "text":
      case "refusal":
        return (this.isWritten ? "" : this.#begin({ type: "text", text: "", citations: null })) + this.#delta("text_delta", "text", text);
      case "reasoning":
        return this.#beginThinking() + (this.#hidesThinking ? "" : this.#delta("thinking_delta", "thinking", text));
      case "tool-call":
      case "opaque":
        return "";
    }
  }

  #cite(citation: Citation): string {
    if (this.#start.type !== "text") return "";
    const begun = this.isWritten ? "" : this.#begin({ type: "text", text: "", citations: null });
    const delta = JSON.stringify({ type: "citations_delta", citation: renderCitation(citation) });
    return begun + frame("content_block_delta", `"index":${this.#index},"delta":${delta}`);
  }

  #beginThinking(): string {
    return this.isWritten ? "" : this.#begin({ type: "thinking", thinking: "", signature: "" });
  }

  #closeReasoning(): string {
    const proof = this.#proof?.protocol === "anthropic-messages" ? this.#proof : undefined;
    if (proof === undefined) return "";
    if (!this.isWritten && proof.kind === "redacted") return this.#begin({ type: "redacted_thinking", data: proof.data });
    return this.#beginThinking() + this.#delta("signature_delta", "signature", proof.data);
  }

  #arguments(text: string): string {
    if (this.#start.type !== "tool-call" || text === "") return "";
    if (this.#start.kind === "function") return this.#delta("input_json_delta", "partial_json", text);
    // The free text is the one string argument of a function. If a surrogate pair is cut in two, each half becomes an escape, and a JSON parser joins
    // them.
    const inside = JSON.stringify(text).slice(1, -1);
    const opening = this.#isCustomBegun ? "" : '{"input":"';
    this.#isCustomBegun = true;
    return this.#delta("input_json_delta", "partial_json", opening + inside);
  }

  #closeCustom(): string {
    return this.#delta("input_json_delta", "partial_json", this.#isCustomBegun ? '"}' : '{"input":""}');
  }

  /** The input of the vendor's server tools is streamed like the input of any other tool. */
  #beginOpaque(value: WireObject): string {
    const { type, input } = value as { type?: unknown; input?: unknown };
    const isToolUse = typeof type === "string" && type.endsWith("tool_use") && isObject(input) && Object.keys(input).length > 0;
    if (!isToolUse) return this.#begin(value);
    return this.#begin({ ...value, input: {} }) + this.#delta("input_json_delta", "partial_json", JSON.stringify(input));
  }
}
