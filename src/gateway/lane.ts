import type { Bytes } from "../core/index.ts";
import type { Usage } from "../ir/index.ts";
import type { AnswerFacts, EventSplitter, PausedTurns, StreamTap } from "../protocols/index.ts";

/** How the request of one attempt is made and its answer is read. */
export type Lane = VerbatimLane | TranslatedLane | EmbeddingsLane | CountLane;

interface AnyLane {
  readonly request: LaneRequest;
  /**
   * Reads a JSON answer, a latin1 string of its bytes.
   * @throws GatewayError if it is not one of the upstream's protocol.
   */
  readJson(whole: Bytes): ReadAnswer;
}

/** A lane whose answer may be a stream or one object. */
interface AnyFormLane extends AnyLane {
  /**
   * Reads an answer in the form that was not asked for: one JSON object in place of a stream, or events in place of one object. What the client gets
   * is in the form that it asked for.
   * @throws GatewayError if it is not one of the upstream's protocol, or reports an error.
   */
  readOtherForm(whole: Bytes): ReadAnswer;
  /** How a stream of this content type is cut and read. */
  openStream(contentType: string): LaneStream;
  /** Set if the request refers to a cache of the gateway's: a refusal may be about that, and the request is made again without it. */
  readonly refersToCache?: true;
}

/** The client's own protocol: the received bytes go out and come back, with small edits. */
export interface VerbatimLane extends AnyFormLane {
  readonly kind: "verbatim";
}

/** Another protocol: request and answer go through the neutral form. */
export interface TranslatedLane extends AnyFormLane {
  readonly kind: "translated";
  /** The answer may pause, and is gone on with; see `PausedTurns`. */
  readonly turns?: PausedTurns | undefined;
  /** Keeps the proofs of the answer that was read, before its last bytes go out. Never rejects. */
  keepProofs(): Promise<void> | undefined;
}

/** Embeddings of a provider of another protocol. */
export interface EmbeddingsLane extends AnyLane {
  readonly kind: "embeddings";
}

/** A count of tokens by a provider of another protocol. */
export interface CountLane extends AnyLane {
  readonly kind: "count";
}

/** The upstream speaks another protocol than the client: its headers and its words for errors are about another body. */
export function isForeign(lane: Lane): boolean {
  return lane.kind !== "verbatim";
}

/** Whether the answer may be a stream. */
export function isAnyForm(lane: Lane): lane is VerbatimLane | TranslatedLane {
  return lane.kind === "verbatim" || lane.kind === "translated";
}

/** An answer that came in whole; `body` is what the client gets, latin1. */
export interface ReadAnswer {
  readonly facts: AnswerFacts;
  readonly body: Bytes;
  /** Used if no usage was reported. */
  readonly estimate?: Usage;
  /** Of `body`, if it is not the upstream's own. */
  readonly contentType?: string;
}

export interface LaneRequest {
  readonly method: "GET" | "POST" | "DELETE";
  /** Under the base URL, with query. */
  readonly path: string;
  /** Name, value, … without credentials. */
  readonly headers: readonly string[];
  readonly body: readonly Uint8Array[] | undefined;
}

export interface LaneStream {
  readonly splitter: EventSplitter;
  readonly tap: StreamTap;
  /** The client gets one JSON array instead of events. */
  readonly jsonArray: boolean;
  /** Of the client's stream, if it is not the upstream's. */
  readonly contentType?: string;
  /** What the client has received of the answer, if that is not what the tap has read. */
  readonly factsSent?: () => AnswerFacts;
}
