import type { Extensions } from "./protocol-id.ts";

/** A request for vectors in the neutral form. A field that the client omitted is absent. */
export interface EmbeddingRequest {
  /** The client's name for the model. */
  readonly model: string;
  /** One vector is requested for each. */
  readonly inputs: readonly string[];
  /** How many numbers a vector has, if the client says so. */
  readonly dimensions?: number;
  /** The form in which the client wants its vectors: numbers, or base64 of 32-bit floats, little-endian. */
  readonly encoding?: "float" | "base64";
  /** Gemini: the client used the batch form. */
  readonly batch: boolean;
  /** Fields that only one protocol has, by protocol, as on its wire. */
  readonly extensions?: Extensions;
}

/** The vectors of an answer, in the order of the inputs. */
export interface EmbeddingAnswer {
  readonly vectors: readonly (readonly number[])[];
  /** `undefined` if the provider reported no count. */
  readonly inputTokens?: number;
}

/** An answer as the client gets it: with the client's name for the model, and a count that may be an estimate. */
export interface EmbeddingResult extends EmbeddingAnswer {
  readonly model: string;
  readonly inputTokens: number;
}
