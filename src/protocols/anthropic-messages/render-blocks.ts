import type { Block, CacheHint, ReasoningBlock, TextBlock, ToolCallBlock, ToolResultBlock } from "../../ir/index.ts";
import { isObject, type WireObject } from "../shared/fields.ts";
import { argumentsJson } from "../shared/free-text-tool.ts";
import { objectText } from "../shared/json-text.ts";
import { nameOfOpaque, type Losses } from "../shared/losses.ts";
import type { WireNames } from "../shared/property-names.ts";
import type { PairedResult } from "../shared/turns.ts";
import { renderMedia } from "./render-media.ts";

/** The text of an error result without content: the vendor requires one. */
const emptyError = "The tool failed.";

/** A block before it is printed as JSON. */
export interface OutBlock {
  readonly fields: WireObject;
  readonly cache?: CacheHint | undefined;
  /** JSON text of `input`; it is written unchanged. */
  readonly input?: string;
}

/** Whether a block can be part of a turn; if not, its loss is reported. Results are paired with their calls elsewhere. */
export function hasPlace(block: Block, role: "user" | "assistant", losses: Losses): boolean {
  switch (block.type) {
    case "text":
    case "refusal":
      // The vendor refuses text that is only white space.
      return block.text.trim() !== "";
    case "media":
      if (role === "user") return true;
      losses.drop(block.kind, "The provider accepts media only from the user.");
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

/** Only reasoning that this protocol signed is sent back; the vendor refuses unsigned thinking. */
function isOwnReasoning({ proof, text }: ReasoningBlock, losses: Losses): boolean {
  if (proof?.protocol === "anthropic-messages" && (proof.kind === "signature" || proof.kind === "redacted")) return true;
  if (text !== "" || proof !== undefined) losses.drop("thoughts", "The provider accepts only reasoning that it signed itself.");
  return false;
}

/** Renders blocks. Call ids are changed to fit the wire, in the same way for a call and its result. */
export class BlockRenderer {
  readonly #names: WireNames;
  readonly #losses: Losses;
  readonly #idByCall = new Map<ToolCallBlock, string>();
  readonly #takenIds = new Set<string>();
  readonly #nextNumber = new Map<string, number>();

  constructor(names: WireNames, losses: Losses) {
    this.#names = names;
    this.#losses = losses;
  }

  /** Renders a block for which `hasPlace` is true. */
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
        ...(content.length === 0 && result.isError === true ? { content: emptyError } : {}),
        ...(content.length > 0 ? { content } : {}),
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
    const name = this.#names.tools.wireName(block);
    return {
      fields: { type: "tool_use", id: this.#idOf(block), name, ...block.extensions?.["anthropic-messages"] },
      cache: block.cache,
      input: this.#names.properties.renameArguments(name, argumentsJson(block.kind, block.arguments)),
    };
  }

  /** The wire allows a small alphabet in ids, and each id once. */
  #idOf(call: ToolCallBlock): string {
    const known = this.#idByCall.get(call);
    if (known !== undefined) return known;
    const base = call.id.replace(/[^a-zA-Z0-9_-]/g, "_") || "call";
    let id = base;
    // Continues from the last number of this id: all calls of a conversation may have the same one.
    let n = this.#nextNumber.get(base) ?? 2;
    for (; this.#takenIds.has(id); n++) id = `${base}_${n}`;
    this.#nextNumber.set(base, n);
    this.#takenIds.add(id);
    this.#idByCall.set(call, id);
    return id;
  }
}

/** A reference to a tool was parsed to a sentence; see `parse-blocks.ts`. */
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

/**
 * Returns the JSON of a block.
 * @param printed the JSON of the fields of blocks that were printed before: a block that gets a mark afterwards may be long.
 */
export function printBlock({ fields, cache, input }: OutBlock, printed: Map<WireObject, string>): string {
  let text = printed.get(fields);
  if (text === undefined) {
    text = JSON.stringify(fields);
    printed.set(fields, text);
  }
  if (cache !== undefined) text = `${text.slice(0, -1)},"cache_control":${JSON.stringify(cacheControl(cache))}}`;
  return input === undefined ? text : `${text.slice(0, -1)},"input":${input}}`;
}
