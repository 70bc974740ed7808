import type { Block, ChatRequest, Message, ReasoningBlock, ToolCallBlock, ToolResultBlock } from "../../ir/index.ts";
import { wrapInput } from "../shared/free-text-tool.ts";
import { isObject, type WireObject } from "../shared/fields.ts";
import { nameOfOpaque, type Losses } from "../shared/losses.ts";
import { abortedResult, pairResults, type Pairing } from "../shared/pair-results.ts";
import { noteCaches, splitResult } from "../openai-shared/result-text.ts";
import { wireCallId, type ToolNamer } from "../shared/tool-names.ts";
import type { RenderTarget } from "../translation.ts";
import { renderParts, type WirePart } from "./render-parts.ts";
import { returnReasoning, withThinking, type ReturnedReasoning } from "./returned-reasoning.ts";

/** An assistant's message while it grows: several consecutive neutral messages may be one here. */
interface Turn {
  readonly texts: string[];
  readonly refusals: string[];
  readonly reasoning: ReasoningBlock[];
  readonly calls: ToolCallBlock[];
  name: string | undefined;
  extensions: WireObject;
}

/**
 * Writes `messages`. The wire requires the results of an assistant's calls right after it, one message each, so they are moved there. A call without
 * a result gets "aborted", and a result without a call is omitted. Pictures in results follow in a message of the user, as the wire's results are
 * text. An answer in several messages (reasoning, text, calls) becomes one message.
 */
export class MessageWriter {
  readonly #target: RenderTarget;
  readonly #names: ToolNamer;
  readonly #losses: Losses;
  readonly #pairs: Pairing;
  readonly #out: WireObject[] = [];
  #turn: Turn | undefined;

  constructor(messages: ChatRequest["messages"], target: RenderTarget, names: ToolNamer, losses: Losses) {
    this.#target = target;
    this.#names = names;
    this.#losses = losses;
    this.#pairs = pairResults(messages);
  }

  add(message: Message): void {
    this.#losses.dropForeign(message.extensions, "openai-chat", "messages[]");
    noteCaches(message.content, this.#losses);
    switch (message.role) {
      case "assistant":
        this.#addAssistant(message);
        return;
      case "user":
        this.#addUser(message);
        return;
      case "system":
      case "developer":
        this.#addInstructions(message);
        return;
    }
  }

  end(): readonly WireObject[] {
    this.#flush();
    return this.#out;
  }

  #addInstructions(message: Message): void {
    this.#flush();
    const role = message.role === "developer" && this.#target.quirks.noDeveloperRole === true ? "system" : message.role;
    const parts = renderParts(message.content, this.#target, this.#losses);
    const texts = parts.filter((part) => part.type === "text");
    for (const block of message.content) if (block.type === "media") this.#losses.drop(block.kind, "Instructions are text.");
    const content = contentOf(texts);
    if (content !== undefined || message.content.length > 0) this.#out.push({ role, content: content ?? "", ...fieldsOf(message) });
  }

  #addUser(message: Message): void {
    this.#flush();
    const rest = message.content.filter((block) => block.type !== "tool-result");
    for (const block of message.content) {
      if (block.type === "tool-result" && !this.#pairs.callOf.has(block))
        this.#losses.drop("toolResults", "No call in the conversation has its id.");
    }
    const content =
      contentOf(renderParts(rest, this.#target, this.#losses)) ?? (rest.some((block) => block.type === "text") ? "" : undefined);
    if (content !== undefined) this.#out.push({ role: "user", content, ...fieldsOf(message) });
  }

  #addAssistant(message: Message): void {
    const hasCalls = message.content.some((block) => block.type === "tool-call");
    const previous = this.#turn;
    const isSame = previous !== undefined && (hasCalls || previous.calls.length > 0 || isOnlyReasoning(previous));
    if (!isSame) this.#flush();
    const turn = (this.#turn ??= { texts: [], refusals: [], reasoning: [], calls: [], name: undefined, extensions: {} });
    turn.name ??= message.name;
    turn.extensions = { ...turn.extensions, ...message.extensions?.["openai-chat"] };
    let last: Block["type"] | undefined;
    for (const block of message.content) {
      this.#addBlock(turn, block, last === block.type);
      last = block.type;
    }
  }

  #addBlock(turn: Turn, block: Block, continued: boolean): void {
    switch (block.type) {
      case "text":
        // Consecutive texts are pieces of one text, as in a text with citations.
        if (continued) turn.texts.push((turn.texts.pop() ?? "") + block.text);
        else turn.texts.push(block.text);
        return;
      case "refusal":
        turn.refusals.push(block.text);
        return;
      case "reasoning":
        turn.reasoning.push(block);
        return;
      case "tool-call":
        turn.calls.push(block);
        return;
      case "media":
      case "opaque":
        this.#losses.drop(
          block.type === "media" ? block.kind : `items[].${nameOfOpaque(block.value)}`,
          "An assistant's message can contain only text.",
        );
        return;
      case "tool-result":
        return;
    }
  }

  /** Ends the assistant's message, and writes the results of its calls after it. */
  #flush(): void {
    const turn = this.#turn;
    this.#turn = undefined;
    if (turn === undefined) return;
    const calls = turn.calls.map((call) => this.#renderCall(call));
    const text = turn.texts.filter((piece) => piece !== "").join("\n\n");
    const { fields, thinking } = this.#reasoningOf(turn);
    const isEmpty = text === "" && calls.length === 0 && turn.refusals.length === 0;
    if (isEmpty && turn.texts.length === 0) return;
    this.#out.push({
      role: "assistant",
      ...fields,
      content: withThinking(thinking, turn.texts.length > 0 ? text : null),
      ...(turn.refusals.length === 0 ? {} : { refusal: turn.refusals.join("") }),
      ...(calls.length === 0 ? {} : { tool_calls: calls }),
      ...(turn.name === undefined ? {} : { name: turn.name }),
      ...turn.extensions,
    });
    this.#writeResults(turn.calls);
  }

  /** The server's own reasoning is sent back unchanged; other reasoning is sent only to a server that requires some beside its calls. */
  #reasoningOf({ reasoning, calls }: Turn): Pick<ReturnedReasoning, "fields" | "thinking"> {
    const { echoReasoning, reasoningField, reasoningPlaceholder = "" } = this.#target.quirks;
    const { fields, thinking, foreign } = returnReasoning(reasoning);
    const field = reasoningField ?? "reasoning_content";
    const isDemanded = echoReasoning === true && calls.length > 0 && fields[field] === undefined;
    if (!isDemanded) {
      if (foreign.length > 0) this.#losses.drop("thoughts", "The provider accepts only its own reasoning.");
      return { fields, thinking };
    }
    // Required even if there is none: such providers refuse calls without the field.
    return { fields: { ...fields, [field]: foreign.join("\n\n") || reasoningPlaceholder }, thinking };
  }

  #renderCall(call: ToolCallBlock): WireObject {
    const id = wireCallId(call.id);
    const name = this.#names.wireName(call);
    const extra = this.#signatureOf(call);
    const own = call.extensions?.["openai-chat"] ?? {};
    if (call.kind === "function") return { id, type: "function", function: { name, arguments: call.arguments }, ...extra, ...own };
    if (this.#target.quirks.noCustomTools === true)
      return { id, type: "function", function: { name, arguments: wrapInput(call.arguments) }, ...own };
    return { id, type: "custom", custom: { name, input: call.arguments }, ...own };
  }

  /** Google's OpenAI-compatible endpoint accepts its own signatures. */
  #signatureOf({ proof }: ToolCallBlock): WireObject {
    if (proof === undefined) return {};
    if (proof.protocol === "gemini-generate") return { extra_content: { google: { thought_signature: proof.data } } };
    this.#losses.drop("signature", "It is valid only at the provider that made it.");
    return {};
  }

  #writeResults(calls: readonly ToolCallBlock[]): void {
    const shown: WirePart[] = [];
    for (const call of calls) {
      const result = this.#pairs.resultOf.get(call);
      if (result === undefined) this.#losses.emulate("toolCalls", `A call without result got "${abortedResult}".`);
      const content = result === undefined ? abortedResult : this.#resultText(call, result, shown);
      this.#out.push({ role: "tool", tool_call_id: wireCallId(call.id), content });
    }
    if (shown.length > 0) this.#out.push({ role: "user", content: shown });
  }

  #resultText(call: ToolCallBlock, result: ToolResultBlock, shown: WirePart[]): string | readonly WirePart[] {
    const { texts, media } = splitResult(result, this.#losses);
    if (media.length === 0) return texts.join("\n\n");
    this.#losses.emulate("toolResults.media", "It follows in a message of the user.");
    shown.push(
      { type: "text", text: `Attached to the result of ${call.name} (${wireCallId(call.id)}):` },
      ...renderParts(media, this.#target, this.#losses),
    );
    return [
      ...texts,
      `[${media.length === 1 ? "an attachment follows" : `${media.length} attachments follow`} in the next user message]`,
    ].join("\n\n");
  }
}

function isOnlyReasoning(turn: Turn): boolean {
  return turn.texts.length === 0 && turn.calls.length === 0 && turn.refusals.length === 0;
}

function fieldsOf(message: Message): WireObject {
  return { ...(message.name === undefined ? {} : { name: message.name }), ...message.extensions?.["openai-chat"] };
}

/** Texts without other parts are joined to a string, which every server accepts; `undefined` if there is no content. */
function contentOf(parts: readonly WirePart[]): string | readonly WirePart[] | undefined {
  if (parts.length === 0) return undefined;
  const isPlain = parts.every((part) => part.type === "text" && Object.keys(part).length === 2);
  return isPlain ? parts.map((part) => String(part["text"])).join("\n\n") : parts.filter(isObject);
}
