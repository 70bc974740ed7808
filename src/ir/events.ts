import type { Citation, MediaBlock, ReasoningProof, WebSearch } from "./block.ts";
import type { Extensions, ProtocolId } from "./protocol-id.ts";
import type { StopReason } from "./response.ts";
import type { Usage } from "./usage.ts";

/**
 * The events of a streamed answer. Legal order: `message-start`, then blocks, then `message-delta`s, then `message-end`. `error` may come at any
 * point and ends the stream. A block is `block-start`, any number of `block-delta`, and `block-end`, all with the same `index`; indexes count from 0
 * in order of start. Blocks may overlap (parallel tool calls of a Chat upstream); an encoder of a serial dialect buffers them.
 */
export type StreamEvent =
  | {
      readonly type: "message-start";
      readonly id: string;
      readonly model: string;
      /** Seconds since 1970. */
      readonly createdAt: number;
      readonly usage?: Usage;
      readonly extensions?: Extensions;
    }
  | { readonly type: "block-start"; readonly index: number; readonly block: BlockStart }
  | { readonly type: "block-delta"; readonly index: number; readonly delta: BlockDelta }
  | { readonly type: "block-end"; readonly index: number }
  | {
      readonly type: "message-delta";
      readonly stopReason?: StopReason;
      readonly rawStopReason?: string;
      readonly stopSequence?: string;
      readonly usage?: Usage;
      readonly extensions?: Extensions;
    }
  | { readonly type: "message-end" }
  | {
      readonly type: "error";
      readonly error: StreamError;
      /** Set if the upstream generated its answer to an end, which is this error: what it reported is billed. */
      readonly end?: { readonly usage?: Usage; readonly rawStopReason: string };
    }
  | { readonly type: "ping" };

/** What is known when a block begins. Texts and arguments start empty and arrive in deltas. */
export type BlockStart =
  | { readonly type: "text" }
  | { readonly type: "refusal" }
  | { readonly type: "reasoning"; readonly id?: string }
  | {
      readonly type: "tool-call";
      readonly id: string;
      readonly name: string;
      readonly namespace?: string;
      readonly kind: "function" | "custom";
      readonly itemId?: string;
    }
  | {
      readonly type: "opaque";
      readonly protocol: ProtocolId | undefined;
      readonly value: unknown;
      readonly search?: WebSearch;
      readonly media?: MediaBlock;
    };

export type BlockDelta =
  /** For text, refusal and reasoning blocks. */
  | { readonly type: "text"; readonly text: string }
  /** For tool-call blocks: a piece of the text of the arguments. */
  | { readonly type: "arguments"; readonly text: string }
  /** For text blocks. */
  | { readonly type: "citation"; readonly citation: Citation }
  /** For reasoning and tool-call blocks. */
  | { readonly type: "proof"; readonly proof: ReasoningProof };

/** An error inside a stream. */
export interface StreamError {
  readonly status: number;
  readonly message: string;
  readonly code?: string;
  readonly type?: string;
  /** A moderation filter refused the client's content. */
  readonly isModeration?: true;
  /** How long the provider asks to wait, in milliseconds. */
  readonly waitMs?: number;
  /** A quota of a day is used up. */
  readonly isDailyQuota?: true;
}
