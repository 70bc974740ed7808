import type { Operation } from "./protocol.ts";

/** What the gateway must know of an operation in any protocol. */
export interface OperationTraits {
  /** Its answer is billed with the request. The others only count, or read what is paid for already. */
  readonly isBilled: boolean;
  /** A model writes its answer: there are output tokens, tool calls and an output limit. */
  readonly hasOutput: boolean;
  /** Its request has a body that names the model. The others name a stored response or a model in their path. */
  readonly hasBody: boolean;
  /** How it is served by a provider of another protocol. */
  readonly translation: "answer" | "embeddings" | "count" | "none";
}

const stored: OperationTraits = { isBilled: false, hasOutput: false, hasBody: false, translation: "none" };
const embeddings: OperationTraits = { isBilled: true, hasOutput: false, hasBody: true, translation: "embeddings" };

/** All operations. A new one is a row here, and a route of the protocols that have it. */
export const operations: Readonly<Record<Operation, OperationTraits>> = {
  generate: { isBilled: true, hasOutput: true, hasBody: true, translation: "answer" },
  embed: embeddings,
  "batch-embed": embeddings,
  "count-tokens": { isBilled: false, hasOutput: false, hasBody: true, translation: "count" },
  "list-models": stored,
  "get-model": stored,
  "get-response": stored,
  "delete-response": stored,
  "cancel-response": stored,
  "list-input-items": stored,
};
