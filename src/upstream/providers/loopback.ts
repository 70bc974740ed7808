import type { Block, BlockStart, ChatRequest, ChatResponse, Message, StreamEvent, Tool, ToolCallBlock, Usage } from "../../ir/index.ts";

/** Context of one answer; ids and time are passed in. */
export interface LoopbackContext {
  readonly id: string;
  /** Seconds since 1970. */
  readonly createdAt: number;
}

/**
 * The built-in model: no key, no network. It repeats the last user text. If that text is `call TOOL {json}`, it calls the tool, and repeats the
 * result when the tool has answered. It counts one token per four bytes of text.
 */
export function answerLoopback(request: ChatRequest, context: LoopbackContext): ChatResponse {
  const content = chooseContent(request, context.id);
  const full = content[0]!;
  const limit = request.maxOutputTokens;
  const outputTokens = countTokens(textOf(full));
  const cut = full.type === "text" && limit !== undefined && outputTokens > limit;
  const usage: Usage = { input: countRequestTokens(request), output: cut ? limit : outputTokens };
  const endOfText = cut ? "length" : "stop";
  return {
    id: context.id,
    model: request.model,
    createdAt: context.createdAt,
    content: cut ? [{ type: "text", text: cutText(full.text, limit) }] : content,
    stopReason: full.type === "tool-call" ? "tool-calls" : endOfText,
    usage,
  };
}

/** The same answer as events, with one word of the text per event. */
export function* streamLoopback(response: ChatResponse): Generator<StreamEvent> {
  const { id, model, createdAt } = response;
  yield { type: "message-start", id, model, createdAt, usage: response.usage.input === undefined ? {} : { input: response.usage.input } };
  for (const [index, block] of response.content.entries()) {
    if (block.type === "tool-call") {
      yield { type: "block-start", index, block: startOf(block) };
      for (const piece of pieces(block.arguments)) yield { type: "block-delta", index, delta: { type: "arguments", text: piece } };
    } else if (block.type === "text") {
      yield { type: "block-start", index, block: { type: "text" } };
      for (const piece of pieces(block.text)) yield { type: "block-delta", index, delta: { type: "text", text: piece } };
    }
    yield { type: "block-end", index };
  }
  yield { type: "message-delta", stopReason: response.stopReason, usage: response.usage };
  yield { type: "message-end" };
}

function startOf({ id, name, namespace, kind }: ToolCallBlock): BlockStart {
  return { type: "tool-call", id, name, kind, ...(namespace === undefined ? {} : { namespace }) };
}

/** A longer text is sent in longer pieces, so that there are at most a few thousand of them. */
const maxTextOfWords = 64 * 1024;
const longPiece = 16 * 1024;

/** Words with the space before them; the pieces joined are the text. */
function pieces(text: string): readonly string[] {
  if (text.length > maxTextOfWords) return longPieces(text);
  return text.match(/\s*\S+\s*$|\s*\S+|\s+$/g) ?? [];
}

function longPieces(text: string): readonly string[] {
  const found: string[] = [];
  for (let at = 0; at < text.length;) {
    // A surrogate pair is not divided.
    const isPair = (text.charCodeAt(at + longPiece - 1) & 0xfc00) === 0xd800;
    const end = at + longPiece + (isPair ? 1 : 0);
    found.push(text.slice(at, end));
    at = end;
  }
  return found;
}

/** Tokens of a request: one token per four bytes of all its text. */
export function countRequestTokens(request: ChatRequest): number {
  let tokens = 0;
  for (const message of request.messages) for (const block of message.content) tokens += countTokens(textOf(block));
  for (const tool of request.tools ?? []) tokens += countTokens(JSON.stringify(tool));
  return tokens;
}

export function countTokens(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / 4);
}

function cutText(text: string, tokens: number): string {
  return Buffer.from(text)
    .subarray(0, tokens * 4)
    .toString("utf8")
    .replace(/\ufffd+$/, "");
}

function chooseContent(request: ChatRequest, id: string): readonly Block[] {
  const last = request.messages.at(-1);
  const result = last?.content.find((block) => block.type === "tool-result");
  const said = lastUserText(last);
  if (result !== undefined && said === "") {
    return [{ type: "text", text: `The tool answered: ${result.content.map(textOf).join("\n")}` }];
  }
  const call = /(?:^|\s)call\s+([\w.:-]+)\s*(\{[\s\S]*\})?/.exec(said);
  const tool = call === null ? undefined : request.tools?.find((candidate) => candidate.name === call[1]);
  if (call !== null && tool !== undefined) return [callOf(tool, call[2] ?? "{}", id)];
  return [{ type: "text", text: said === "" ? "Hello. Say something, and it comes back." : said }];
}

function callOf(tool: Tool, text: string, id: string): Block {
  const custom = tool.type === "custom";
  return {
    type: "tool-call",
    id: `call_${id.replaceAll(/[^0-9a-zA-Z]/g, "").slice(-24)}`,
    name: tool.name,
    ...(tool.type === "server" || tool.namespace === undefined ? {} : { namespace: tool.namespace }),
    kind: custom ? "custom" : "function",
    arguments: text,
  };
}

function lastUserText(message: Message | undefined): string {
  if (message === undefined || message.role !== "user") return "";
  return message.content
    .filter((block) => block.type === "text")
    .map((block) => block.text)
    .join("\n");
}

function textOf(block: Block): string {
  switch (block.type) {
    case "text":
    case "refusal":
    case "reasoning":
      return block.text;
    case "tool-call":
      return `${block.name}${block.arguments}`;
    case "tool-result":
      return block.content.map(textOf).join("\n");
    case "media":
    case "opaque":
      return "";
  }
}

/** A deterministic unit vector for a text. Words are hashed (FNV-1a) into signed dimensions, so texts with common words have similar vectors. */
export function embedLoopback(text: string, dimensions = 256): number[] {
  const vector: number[] = Array.from({ length: dimensions }, () => 0);
  for (const word of text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [text]) {
    let hash = 0x811c9dc5;
    for (let i = 0; i < word.length; i++) hash = Math.imul(hash ^ word.charCodeAt(i), 0x01000193) >>> 0;
    vector[hash % dimensions]! += hash & 0x80000000 ? -1 : 1;
  }
  const length = Math.hypot(...vector);
  return length === 0 ? vector.fill(0).fill(1, 0, 1) : vector.map((value) => value / length);
}
