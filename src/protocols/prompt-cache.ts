export const cachingModes = ["auto", "client", "off"] as const;

/**
 * How prompts are marked for the provider's cache. `auto`: the gateway sets marks where a prompt is expected to be used again. `client`: the marks are
 * the client's own; a cache key of its dialect becomes marks. `off`: nothing is marked.
 */
export type Caching = (typeof cachingModes)[number];

/** A place in a prompt where a cache mark can be set: everything up to it can be cached. */
export interface CachePlace {
  readonly part: "tools" | "instructions" | "turn";
  /** Hash of the prompt up to this place. */
  readonly prefix: string;
  /** The length of the prompt up to this place. */
  readonly sizeBytes: number;
}

/** A prompt with the places for marks, in its order. */
export interface MarkablePrompt {
  readonly places: readonly CachePlace[];
  /** It ends with the results of tools: the agent goes on. */
  readonly isToolStep: boolean;
  /** Shorter prompts are not cached by the model. */
  readonly minTokens: number;
}

/** Chooses the places to mark. */
export interface CacheMarker {
  /** Hash of a prompt's next part; `before` is the hash of what precedes it. */
  hash(before: string, part: string): string;
  /** Indexes of the places to mark, at most four, in ascending order. */
  choose(prompt: MarkablePrompt): readonly number[];
}
