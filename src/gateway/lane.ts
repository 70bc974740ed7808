import type { AnswerFacts, EventSplitter, StreamTap } from "../protocols/index.ts";

/** How the request of one attempt is made and its answer is read: as the bytes of the client's own protocol, or translated. */
export interface Lane {
  readonly request: LaneRequest;
  /** The answer's own headers speak of another body: only ours go out. */
  readonly translated: boolean;
  /**
   * Reads a JSON answer, a latin1 string of its bytes. `body` is what the client gets, latin1 too.
   * @throws GatewayError where it is none of the upstream's protocol.
   */
  readJson(whole: string): { readonly facts: AnswerFacts; readonly body: string };
  /** How a stream of this content type is cut and read. */
  openStream(contentType: string): LaneStream;
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
  /** Of the client's stream, where it is not the upstream's. */
  readonly contentType?: string;
  /** What the client was told of the answer, where that is not what the tap has read. */
  readonly told?: () => AnswerFacts;
}
