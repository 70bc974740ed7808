import type { Block, CacheHint, ReasoningBlock, TextBlock, ToolCallBlock, ToolResultBlock } from "../../ir/index.ts";
import { isObject, type WireObject } from "../fields.ts";
import { argumentsJson } from "../free-text-tool.ts";
import { objectText } from "../json-text.ts";
import { nameOfOpaque, type Losses } from "../losses.ts";
import type { ToolNamer } from "../tool-names.ts";
import type { PairedResult } from "../turns.ts";
import { renderMedia } from "./render-media.ts";

/** An error must say something here. */
const emptyError = "The tool failed.";

/** A block on its way to the wire. */
export interface OutBlock {
  readonly fields: WireObject;
  readonly cache?: CacheHint | undefined;
  /** JSON text of `input`, which goes in as it is. */
  readonly input?: string;
}

/** Whether a block has a place in a turn at all; what has none is told as lost. Results are paired elsewhere. */
export function hasPlace(block: Block, role: "user" | "assistant", losses: Losses): boolean {
  switch (block.type) {
    case "text":
    case "refusal":
      // The vendor refuses text of nothing but space.
      return block.text.trim() !== "";
    case "media":
      if (role === "user") return true;
      losses.drop(block.kind, "The provider takes media from the user only.");
      return false;
    case "reasoning":
      return role === "assistant" && isOwnReasoning(block, losses);
    case "tool-call":
      return role === "assistant";
    case "tool-result":
      return true;
    case "opaque":
      if (block.protocol === "anthropic-messages" && isObject(block.value)) return true;
      losses.drop(`items[].${nameOfOpaque(block.value)}`, "The provider's protocol has no such item.");
      return false;
  }
}

/** Only what this protocol signed comes back; a text that nobody signed would be refused. */
function isOwnReasoning({ proof, text }: ReasoningBlock, losses: Losses): boolean {
  if (proof?.protocol === "anthropic-messages" && (proof.kind === "signature" || proof.kind === "redacted")) return true;
  if (text !== "" || proof !== undefined) losses.drop("thoughts", "The provider takes back only reasoning that it signed.");
  return false;
}

/** Renders blocks; ids of calls are made to fit the wire, the same for a call and its result. */
export class BlockRenderer {
  readonly #namer: ToolNamer;
  readonly #losses: Losses;
  readonly #idByCall = new Map<ToolCallBlock, string>();
  readonly #takenIds = new Set<string>();
  readonly #nextNumber = new Map<string, number>();

  constructor(namer: ToolNamer, losses: Losses) {
    this.#namer = namer;
    this.#losses = losses;
  }

  /** A block for which `hasPlace` holds. */
  render(block: Exclude<Block, ToolResultBlock>): OutBlock {
    switch (block.type) {
      case "text":
        this.#losses.dropForeign(block.extensions, "anthropic-messages", "content[]");
        return { fields: textFields(block), cache: block.cache };
      case "refusal":
        return { fields: { type: "text", text: block.text } };
      case "media":
        return { fields: renderMedia(block, this.#losses), cache: block.cache };
      case "reasoning":
        return { fields: renderReasoning(block) };
      case "tool-call":
        return this.#call(block);
      case "opaque":
        return { fields: block.value as WireObject };
    }
  }

  result({ call, result }: PairedResult): OutBlock {
    const content = result.content
      .filter((block) => block.type !== "tool-result" && block.type !== "reasoning" && hasPlace(block, "user", this.#losses))
      .map((block) => this.render(block as Exclude<Block, ToolResultBlock>))
      .map(({ fields, cache }) => (cache === undefined ? fields : { ...fields, cache_control: cacheControl(cache) }));
    return {
      fields: {
        type: "tool_result",
        tool_use_id: this.#idOf(call),
        ...(content.length > 0 ? { content } : result.isError === true ? { content: emptyError } : {}),
        ...(result.isError === undefined ? {} : { is_error: result.isError }),
        ...result.extensions?.["anthropic-messages"],
      },
      cache: result.cache,
    };
  }

  #call(block: ToolCallBlock): OutBlock {
    if (block.proof !== undefined) this.#losses.drop("signature", "It is valid only at the provider that made it.");
    if (block.kind === "function" && objectText(block.arguments) === undefined) {
      this.#losses.emulate("toolCalls.arguments", "The arguments are no JSON object: they go as the string `input`.");
    }
    return {
      fields: { type: "tool_use", id: this.#idOf(block), name: this.#namer.wireName(block), ...block.extensions?.["anthropic-messages"] },
      cache: block.cache,
      input: argumentsJson(block.kind, block.arguments),
    };
  }

  /** Ids have a small alphabet here, and each may stand once. */
  #idOf(call: ToolCallBlock): string {
    const known = this.#idByCall.get(call);
    if (known !== undefined) return known;
    const base = call.id.replace(/[^a-zA-Z0-9_-]/g, "_") || "call";
    let id = base;
    // Goes on where the last call of this id ended: all calls of a conversation may have one.
    let n = this.#nextNumber.get(base) ?? 2;
    for (; this.#takenIds.has(id); n++) id = `${base}_${n}`;
    this.#nextNumber.set(base, n);
    this.#takenIds.add(id);
    this.#idByCall.set(call, id);
    return id;
  }
}

/** A reference to a tool has come in as a sentence; see `parse-blocks.ts`. */
function textFields({ text, extensions }: TextBlock): WireObject {
  const own = extensions?.["anthropic-messages"] ?? {};
  return own["type"] === "tool_reference" ? own : { type: "text", text, ...own };
}

function renderReasoning({ text, proof, extensions }: ReasoningBlock): WireObject {
  if (proof?.kind === "redacted") return { type: "redacted_thinking", data: proof.data };
  return { type: "thinking", thinking: text, signature: proof?.data ?? "", ...extensions?.["anthropic-messages"] };
}

/** `{"type":"ephemeral","ttl"?}`. */
export function cacheControl({ ttl }: CacheHint): WireObject {
  return { type: "ephemeral", ...(ttl === undefined ? {} : { ttl }) };
}

/** The JSON of a block. */
export function printBlock({ fields, cache, input }: OutBlock): string {
  const head = JSON.stringify(cache === undefined ? fields : { ...fields, cache_control: cacheControl(cache) });
  return input === undefined ? head : `${head.slice(0, -1)},"input":${input}}`;
}
