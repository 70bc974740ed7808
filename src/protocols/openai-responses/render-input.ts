import type { Block, ChatRequest, Message, ReasoningBlock, ToolCallBlock, ToolResultBlock } from "../../ir/index.ts";
import { wrapInput } from "../shared/free-text-tool.ts";
import { isAbsent, isObject, type WireObject } from "../shared/fields.ts";
import { nameOfOpaque, type Losses } from "../shared/losses.ts";
import { abortedResult, pairResults, type Pairing } from "../shared/pair-results.ts";
import { markedResult, noteCaches } from "../openai-shared/result-text.ts";
import { wireCallId, type ToolNamer } from "../shared/tool-names.ts";
import { renderParts } from "./render-parts.ts";

export interface RenderedInput {
  readonly instructions: string | undefined;
  readonly input: readonly WireObject[];
}

export interface InputOptions {
  readonly names: ToolNamer;
  readonly customAsFunction: boolean;
  readonly losses: Losses;
}

/**
 * Renders `instructions` and `input`. Leading messages of the system are the instructions, everything else is items in order. A call without a result
 * gets "aborted" after its turn, as the vendor would refuse it; a result without a call is omitted, unless the call may be stored at the vendor.
 */
export function renderInput(request: ChatRequest, options: InputOptions): RenderedInput {
  const { messages } = request;
  const first = messages.findIndex((message) => !isInstruction(message));
  const count = first < 0 ? messages.length : first;
  const texts = messages
    .slice(0, count)
    .flatMap((message) => message.content.flatMap((block) => (block.type === "text" ? [block.text] : [])));
  for (const message of messages.slice(0, count)) noteMessage(message, options.losses);
  const writer = new InputWriter(request, options);
  for (const message of messages.slice(count)) writer.add(message);
  return { instructions: count === 0 ? undefined : texts.join("\n\n"), input: writer.end() };
}

/** The vendor's own items of the system may have more than `instructions` can carry. */
function isInstruction({ role, content, id, extensions }: Message): boolean {
  const own = extensions?.["openai-responses"];
  return (
    role === "system" &&
    id === undefined &&
    (own === undefined || own["instructions"] === true) &&
    content.every((block) => block.type === "text")
  );
}

function noteMessage(message: Message, losses: Losses): void {
  losses.dropForeign(message.extensions, "openai-responses", "messages[]");
  noteCaches(message.content, losses);
}

class InputWriter {
  readonly #options: InputOptions;
  readonly #pairs: Pairing;
  /** Calls of the conversation may be stored at the vendor. */
  readonly #stored: boolean;
  readonly #out: WireObject[] = [];
  /** Calls of this turn without a result. */
  #aborted: ToolCallBlock[] = [];

  constructor(request: ChatRequest, options: InputOptions) {
    this.#options = options;
    this.#pairs = pairResults(request.messages);
    const own = request.extensions?.["openai-responses"] ?? {};
    this.#stored = ["previous_response_id", "conversation"].some((key) => !isAbsent(own[key])) || hasReference(request);
  }

  add(message: Message): void {
    noteMessage(message, this.#options.losses);
    if (message.role !== "assistant") this.#abort();
    let run: Block[] = [];
    for (const block of message.content) {
      const item = this.#itemOf(block, message);
      if (item === undefined) {
        run.push(block);
        continue;
      }
      this.#writeMessage(message, run);
      run = [];
      this.#out.push(...item);
    }
    this.#writeMessage(message, run);
  }

  end(): readonly WireObject[] {
    this.#abort();
    return this.#out;
  }

  #abort(): void {
    for (const call of this.#aborted) {
      this.#options.losses.emulate("toolCalls", `A call without result got "${abortedResult}".`);
      this.#out.push({ type: this.#outputType(call), call_id: wireCallId(call.id), output: abortedResult });
    }
    this.#aborted = [];
  }

  #writeMessage(message: Message, blocks: readonly Block[]): void {
    if (blocks.length === 0) return;
    const { role, id, name } = message;
    if (name !== undefined) this.#options.losses.drop("messages[].name", "The provider's protocol has no such field.");
    const content = renderParts(blocks, role === "assistant" ? "output" : "input", this.#options.losses);
    if (content.length === 0) return;
    const own = message.extensions?.["openai-responses"];
    if (role === "assistant" && id === undefined && own === undefined) this.#out.push(...content.map(saidPart));
    else this.#out.push({ type: "message", ...idOf(id), role, content: content.map(wholePart), ...own });
  }

  /** The items for a block that is not part of a message; `undefined`: it is part of a message. */
  #itemOf(block: Block, message: Message): readonly WireObject[] | undefined {
    switch (block.type) {
      case "reasoning":
        return this.#reasoning(block);
      case "tool-call":
        if (!this.#pairs.resultOf.has(block)) this.#aborted.push(block);
        return [this.#call(block)];
      case "tool-result":
        return this.#result(block, message.id);
      case "opaque":
        if (block.protocol !== "openai-responses" || !isObject(block.value) || isPart(block.value)) return undefined;
        return [block.value];
      case "text":
      case "refusal":
      case "media":
        return undefined;
    }
  }

  /** Reasoning is sent only with the vendor's own proof: the vendor looks up an item without one in its store, and refuses one of another vendor. */
  #reasoning(block: ReasoningBlock): readonly WireObject[] {
    const { proof, text, id } = block;
    if (proof?.protocol !== "openai-responses") {
      if (text !== "" || proof !== undefined) this.#options.losses.drop("thoughts", "It is valid only at the provider that made it.");
      return [];
    }
    const summary = text === "" ? [] : [{ type: "summary_text", text }];
    return [{ type: "reasoning", ...idOf(id), summary, encrypted_content: proof.data, ...block.extensions?.["openai-responses"] }];
  }

  #call(call: ToolCallBlock): WireObject {
    const { names, customAsFunction } = this.#options;
    if (call.proof !== undefined) this.#options.losses.drop("signature", "It is valid only at the provider that made it.");
    const isCustom = call.kind === "custom" && !customAsFunction;
    const text = call.kind === "custom" && customAsFunction ? wrapInput(call.arguments) : call.arguments;
    return {
      type: isCustom ? "custom_tool_call" : "function_call",
      ...idOf(call.itemId),
      call_id: wireCallId(call.id),
      name: names.wireName(call),
      ...(call.namespace === undefined || customAsFunction ? {} : { namespace: call.namespace }),
      ...(isCustom ? { input: text } : { arguments: text }),
      ...call.extensions?.["openai-responses"],
    };
  }

  #result(result: ToolResultBlock, id: string | undefined): readonly WireObject[] {
    const call = this.#pairs.callOf.get(result);
    if (call === undefined && !this.#stored) {
      this.#options.losses.drop("toolResults", "No call in the conversation has its id.");
      return [];
    }
    return [
      {
        type: this.#outputType(call ?? result),
        ...idOf(id),
        call_id: wireCallId(result.callId),
        output: outputOf(renderParts(markedResult(result, this.#options.losses), "input", this.#options.losses)),
        ...result.extensions?.["openai-responses"],
      },
    ];
  }

  #outputType({ kind }: { readonly kind?: "function" | "custom" }): string {
    return kind === "custom" && !this.#options.customAsFunction ? "custom_tool_call_output" : "function_call_output";
  }
}

/** A single text is a string, which every server accepts. */
function outputOf(parts: readonly WireObject[]): string | readonly WireObject[] {
  if (parts.length === 0) return "";
  return (parts.length === 1 ? plainText(parts[0]!) : undefined) ?? parts;
}

/**
 * A part of an assistant's message that was not an item of this protocol. Its text is a string (`EasyInputMessage` of the npm package `openai` 7.57):
 * a part of type `output_text` belongs to an item with `id` and `status`, and servers refuse it elsewhere. Older vLLM reads the type `message` as
 * such an item.
 */
function saidPart(part: WireObject): WireObject {
  const text = plainText(part);
  if (text !== undefined) return { role: "assistant", content: text };
  return { type: "message", role: "assistant", content: [wholePart(part)] };
}

/** The text of a part that is only a text. */
function plainText(part: WireObject): string | undefined {
  const isText = part["type"] === "input_text" || part["type"] === "output_text";
  return isText && Object.keys(part).length === 2 ? String(part["text"]) : undefined;
}

/** `ResponseOutputText` requires `annotations`; the neutral form does not keep an empty list. */
function wholePart(part: WireObject): WireObject {
  return part["type"] === "output_text" ? { annotations: [], ...part } : part;
}

function idOf(id: string | undefined): WireObject {
  return id === undefined ? {} : { id };
}

/** Whether an opaque value is in a message's content, not beside the messages. */
function isPart(value: WireObject): boolean {
  return /^(?:input|output)_/.test(nameOfOpaque(value));
}

function hasReference({ messages }: ChatRequest): boolean {
  return messages.some((message) =>
    message.content.some((block) => block.type === "opaque" && nameOfOpaque(block.value) === "item_reference"),
  );
}
