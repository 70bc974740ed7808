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

/** One of several answers to a request: what each has for itself. */
export interface Candidate {
  /** Blocks of the assistant's turn: text, refusal, reasoning, tool-call, media, opaque. */
  readonly content: readonly Block[];
  readonly stopReason: StopReason;
  /** The upstream's own word for it. */
  readonly rawStopReason?: string;
}

/** An answer in the neutral form. */
export interface ChatResponse extends Candidate {
  /** The upstream's id, bare; renderers give it their own prefix where it lacks one. */
  readonly id: string;
  readonly model: string;
  /** Seconds since 1970. */
  readonly createdAt: number;
  /** Further answers, where several were asked for. A stream has none. */
  readonly alternatives?: readonly Candidate[];
  /** The stop sequence that matched, where the upstream names it. */
  readonly stopSequence?: string;
  readonly usage: Usage;
  readonly extensions?: Extensions;
}
