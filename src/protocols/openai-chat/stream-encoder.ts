import {
  mergeUsage,
  type BlockDelta,
  type BlockStart,
  type ReasoningProof,
  type StopReason,
  type StreamEvent,
  type Usage,
} from "../../ir/index.ts";
import { gatewayErrorOf } from "../openai-shared/errors.ts";
import { withPrefix } from "../openai-shared/ids.ts";
import { keepAlive } from "../openai-shared/keep-alive.ts";
import { annotationFields } from "../shared/web-search.ts";
import type { ClientContext, StreamEncoder } from "../protocol.ts";
import { renderStreamError } from "./errors.ts";
import { readsFunctionCall, renderFinishReason } from "./render-stop-reason.ts";
import { renderImage, signedCall } from "./render-response.ts";
import { proofFields } from "./thinking-blocks.ts";
import { renderUsage } from "./usage.ts";
import type { WireDelta } from "./wire.ts";

/**
 * Writes a Chat stream: chunks with one id, the role in the first, tool calls numbered from 0, the finish reason, the usage if the client asked for
 * it, `[DONE]`. Source: `ChatCompletionChunk` of the npm package `openai` 7.57. After an error or the end, events are ignored.
 */
export class ChatStreamEncoder implements StreamEncoder {
  readonly #client: ClientContext;
  /** The JSON before `choices` in every chunk. */
  #head = "";
  #tail = "";
  #roleSent = false;
  #over = false;
  /** The number of the tool call of a block, by the block's index. */
  readonly #calls = new Map<number, { readonly number: number; readonly custom: boolean }>();
  readonly #blocks = new Map<number, BlockStart["type"]>();
  #refused = false;
  /** The text of the reasoning that is open: its signature goes out with it. */
  #thinking = "";
  /** The length of the text so far, and of the text before the block that is open. */
  #length = 0;
  #offset = 0;
  #usage: Usage = {};
  #stopReason: StopReason | undefined;
  /** The client reads one `function_call` in place of `tool_calls`. */
  readonly #isRetired: boolean;

  constructor(client: ClientContext) {
    this.#client = client;
    this.#isRetired = readsFunctionCall(client);
  }

  push(event: StreamEvent): string {
    if (this.#over) return "";
    switch (event.type) {
      case "message-start":
        return this.#start(event.id, event.createdAt, event.usage);
      case "block-start":
        return this.#startBlock(event.index, event.block);
      case "block-delta":
        return this.#pushDelta(event.index, event.delta);
      case "message-delta":
        this.#stopReason = event.stopReason ?? this.#stopReason;
        if (event.usage !== undefined) this.#usage = mergeUsage(this.#usage, event.usage);
        return "";
      case "message-end":
        return this.#end();
      case "error":
        this.#over = true;
        return renderStreamError(gatewayErrorOf(event.error));
      case "ping":
        return keepAlive;
      case "block-end":
        return "";
    }
  }

  #start(id: string, created: number, usage: Usage | undefined): string {
    const fields = { id: withPrefix("chatcmpl-", id), object: "chat.completion.chunk", created, model: this.#client.model };
    this.#head = `data: ${JSON.stringify(fields).slice(0, -1)},"choices":`;
    // The reference: with `include_usage`, "all other chunks will also include a `usage` field, but with a null value".
    this.#tail = this.#client.includeUsage ? ',"usage":null}\n\n' : "}\n\n";
    if (usage !== undefined) this.#usage = usage;
    return "";
  }

  #startBlock(index: number, block: BlockStart): string {
    this.#blocks.set(index, block.type);
    switch (block.type) {
      case "text":
        this.#offset = this.#length;
        return this.#roleSent ? "" : this.#delta({ content: "", refusal: null });
      case "refusal":
        this.#refused = true;
        return this.#roleSent ? "" : this.#delta({ content: null, refusal: "" });
      case "reasoning":
        this.#thinking = "";
        return this.#roleSent ? "" : this.#delta({ content: null, reasoning_content: "" });
      case "tool-call": {
        const { id, name } = block;
        const custom = block.kind === "custom";
        const number = this.#calls.size;
        this.#calls.set(index, { number, custom });
        if (this.#isRetired) return number > 0 ? "" : this.#delta({ content: null, function_call: { name, arguments: "" } });
        const opened = custom
          ? { index: number, id, type: "custom" as const, custom: { name, input: "" } }
          : { index: number, id, type: "function" as const, function: { name, arguments: "" } };
        return this.#delta(this.#roleSent ? { tool_calls: [opened] } : { content: null, tool_calls: [opened] });
      }
      case "opaque": {
        const images = renderImage(block.media);
        return images.length === 0 ? "" : this.#delta({ images });
      }
    }
  }

  #pushDelta(index: number, delta: BlockDelta): string {
    switch (delta.type) {
      case "text":
        return delta.text === "" ? "" : this.#pushText(this.#blocks.get(index), delta.text);
      case "arguments":
        return delta.text === "" ? "" : this.#pushArguments(index, delta.text);
      case "citation": {
        const cited = annotationFields(delta.citation, this.#offset, this.#length - this.#offset);
        return this.#delta({ annotations: [{ type: "url_citation", url_citation: cited }] });
      }
      case "proof": {
        const call = this.#calls.get(index);
        const signature = signedCall(delta.proof);
        if (call === undefined) return this.#pushProof(delta.proof);
        if (signature.extra_content === undefined || this.#isRetired) return "";
        // Clients read the arguments of every piece, so they must be there even if they are empty.
        return this.#delta({ tool_calls: [{ index: call.number, ...argumentsPiece(call.custom, ""), ...signature }] });
      }
    }
  }

  /** Clients of LiteLLM read one block with its whole text and its signature as the pieces of one. */
  #pushProof(proof: ReasoningProof): string {
    const fields = proofFields([{ text: this.#thinking, proof }]);
    return Object.keys(fields).length === 0 ? "" : this.#delta(fields);
  }

  #pushText(type: BlockStart["type"] | undefined, text: string): string {
    if (type === "text") {
      this.#length += text.length;
      return this.#delta({ content: text });
    }
    if (type === "reasoning") {
      this.#thinking += text;
      return this.#delta({ reasoning_content: text });
    }
    return type === "refusal" ? this.#delta({ refusal: text }) : "";
  }

  #pushArguments(index: number, text: string): string {
    const call = this.#calls.get(index);
    if (call === undefined) return "";
    if (this.#isRetired) return call.number > 0 ? "" : this.#delta({ function_call: { arguments: text } });
    return this.#delta({ tool_calls: [{ index: call.number, ...argumentsPiece(call.custom, text) }] });
  }

  #end(): string {
    this.#over = true;
    const delta = this.#roleSent ? "{}" : '{"role":"assistant","content":"","refusal":null}';
    const isCall = this.#isRetired && this.#stopReason === "tool-calls";
    const reason = isCall ? "function_call" : renderFinishReason(this.#stopReason, this.#refused);
    const last = `${this.#head}[{"index":0,"delta":${delta},"logprobs":null,"finish_reason":"${reason}"}]${this.#tail}`;
    const usage = this.#client.includeUsage ? renderUsage(this.#usage) : undefined;
    const counted = usage === undefined ? "" : `${this.#head}[],"usage":${JSON.stringify(usage)}}\n\n`;
    return `${last}${counted}data: [DONE]\n\n`;
  }

  #delta(delta: WireDelta): string {
    const text = JSON.stringify(this.#roleSent ? delta : { role: "assistant", ...delta });
    this.#roleSent = true;
    return `${this.#head}[{"index":0,"delta":${text},"logprobs":null,"finish_reason":null}]${this.#tail}`;
  }
}

function argumentsPiece(custom: boolean, text: string): { custom: { input: string } } | { function: { arguments: string } } {
  return custom ? { custom: { input: text } } : { function: { arguments: text } };
}
