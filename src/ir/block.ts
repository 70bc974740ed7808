import type { CacheHint } from "./cache-hint.ts";
import type { Extensions, ProtocolId } from "./protocol-id.ts";

/** One piece of a message. */
export type Block = TextBlock | RefusalBlock | MediaBlock | ReasoningBlock | ToolCallBlock | ToolResultBlock | OpaqueBlock;

export interface TextBlock {
  readonly type: "text";
  readonly text: string;
  /** In an answer: the web pages that the text cites. */
  readonly citations?: readonly Citation[];
  readonly cache?: CacheHint;
  readonly extensions?: Extensions;
}

/** A web page that a text cites. */
export interface Citation {
  readonly url: string;
  readonly title?: string;
  /** The passage of the page. */
  readonly citedText?: string;
  /** The part of the block's text, in UTF-16 code units; absent: all of it. */
  readonly start?: number;
  readonly end?: number;
}

/** A web search that the provider ran for its answer. */
export interface WebSearch {
  readonly id: string;
  readonly queries: readonly string[];
  /** What was found, if the provider shows it. */
  readonly sources: readonly WebSource[];
}

export interface WebSource {
  readonly url: string;
  readonly title?: string;
}

export interface RefusalBlock {
  readonly type: "refusal";
  readonly text: string;
}

export interface MediaBlock {
  readonly type: "media";
  readonly kind: "image" | "document" | "audio" | "video";
  readonly source:
    | { readonly type: "base64"; readonly mediaType: string; readonly data: string }
    | { readonly type: "url"; readonly url: string; readonly mediaType?: string }
    | { readonly type: "file"; readonly id: string; readonly mediaType?: string }
    | { readonly type: "text"; readonly text: string };
  readonly filename?: string;
  /** How closely the model looks at an image: low, high, auto. */
  readonly detail?: string;
  readonly cache?: CacheHint;
  readonly extensions?: Extensions;
}

export interface ReasoningBlock {
  readonly type: "reasoning";
  /** The visible text, or a summary of it; "" if the provider shows none. */
  readonly text: string;
  /** What the provider wants back as proof of the reasoning. Only the provider that made it accepts it. */
  readonly proof?: ReasoningProof;
  /** The item's id on the wire, if it has one. */
  readonly id?: string;
  readonly extensions?: Extensions;
}

/**
 * Opaque. In a request, the upstream itself made it: proofs of other upstreams have been removed. In an answer, it is in the form in which the client
 * sends it back.
 */
export interface ReasoningProof {
  /** The protocol that has a field for it. */
  readonly protocol: ProtocolId;
  /** `signature` signs the text; `encrypted` replaces it; `redacted` is an opaque block of its own; `field` names the field in which the text is sent back. */
  readonly kind: "signature" | "encrypted" | "redacted" | "field";
  readonly data: string;
}

export interface ToolCallBlock {
  readonly type: "tool-call";
  readonly id: string;
  readonly name: string;
  readonly namespace?: string;
  /** `function`: `arguments` is JSON text, as the model wrote it. `custom`: free text. */
  readonly kind: "function" | "custom";
  readonly arguments: string;
  /** Gemini signs calls, not texts. */
  readonly proof?: ReasoningProof;
  readonly cache?: CacheHint;
  /** The item's id on the wire, if it differs from the call's id (Responses `fc_…`). */
  readonly itemId?: string;
  readonly extensions?: Extensions;
}

export interface ToolResultBlock {
  readonly type: "tool-result";
  readonly callId: string;
  /** The tool's name, if the wire gives it (Gemini). */
  readonly name?: string;
  readonly kind?: "function" | "custom";
  readonly content: readonly Block[];
  readonly isError?: boolean;
  readonly cache?: CacheHint;
  readonly extensions?: Extensions;
}

/** The medium that a block of an answer is, or shows. */
export function mediaOf(block: Block): MediaBlock | undefined {
  if (block.type === "media") return block;
  return block.type === "opaque" ? block.media : undefined;
}

/** A piece that only its own protocol understands, kept as it was received. */
export interface OpaqueBlock {
  readonly type: "opaque";
  /** `undefined`: of none, as all of it is in `media`. */
  readonly protocol: ProtocolId | undefined;
  readonly value: unknown;
  /** In an answer: the search that it shows, for clients of other dialects. */
  readonly search?: WebSearch;
  /** In an answer: the picture that it is, for clients of other dialects. */
  readonly media?: MediaBlock;
}
