import type { Block } from "./block.ts";
import type { Extensions } from "./protocol-id.ts";
import type { Usage } from "./usage.ts";

/** Why an answer ended. */
export type StopReason =
  | "stop"
  | "stop-sequence"
  | "length"
  | "tool-calls"
  | "refusal"
  | "content-filter"
  | "pause"
  | "context-window"
  | "error"
  | "other";

/** One of several answers to a request: the fields that each answer has of its own. */
export interface Candidate {
  /** Blocks of the assistant's turn: text, refusal, reasoning, tool-call, media, opaque. */
  readonly content: readonly Block[];
  readonly stopReason: StopReason;
  /** The upstream's own word for the stop reason. */
  readonly rawStopReason?: string;
}

/** An answer in the neutral form. */
export interface ChatResponse extends Candidate {
  /** The upstream's id, unchanged; a renderer adds its protocol's prefix if the id lacks it. */
  readonly id: string;
  readonly model: string;
  /** Seconds since 1970. */
  readonly createdAt: number;
  /** Further answers, if several were requested. A stream has none. */
  readonly alternatives?: readonly Candidate[];
  /** The stop sequence that matched, if the upstream names it. */
  readonly stopSequence?: string;
  readonly usage: Usage;
  readonly extensions?: Extensions;
}
