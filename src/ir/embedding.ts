import type { Extensions } from "./protocol-id.ts";

/** A request for vectors in the neutral form. Absent stays absent. */
export interface EmbeddingRequest {
  /** The client's name for the model. */
  readonly model: string;
  /** One vector is asked for each. */
  readonly inputs: readonly string[];
  /** How many numbers a vector has, where the client says it. */
  readonly dimensions?: number;
  /** How the client wants its vectors: numbers, or base64 of 32-bit floats, little-endian. */
  readonly encoding?: "float" | "base64";
  /** Gemini: the client asked with the batch form. */
  readonly batch: boolean;
  /** What only one protocol has a name for, by protocol, as on its wire. */
  readonly extensions?: Extensions;
}

/** The vectors of an answer, in the order of the inputs. */
export interface EmbeddingAnswer {
  readonly vectors: readonly (readonly number[])[];
  /** `undefined` where the provider told no count. */
  readonly inputTokens?: number;
}

/** An answer as a client is told it: its own name for the model, and a count that may be an estimate. */
export interface EmbeddingResult extends EmbeddingAnswer {
  readonly model: string;
  readonly inputTokens: number;
}
