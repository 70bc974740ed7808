import type { Usage } from "../ir/index.ts";
import type { AnswerFacts, EventSplitter, StreamTap } from "../protocols/index.ts";

/** How the request of one attempt is made and its answer is read: as the bytes of the client's own protocol, or translated. */
export interface Lane {
  readonly request: LaneRequest;
  /** The answer's own headers speak of another body: only ours go out. */
  readonly translated: boolean;
  /**
   * Reads a JSON answer, a latin1 string of its bytes.
   * @throws GatewayError where it is none of the upstream's protocol.
   */
  readJson(whole: string): ReadAnswer;
  /**
   * Reads an answer in the form that was not asked for: one JSON object in place of a stream, or events in place of one object. What the client gets
   * is in the form that it asked for. Absent where the answer has one form only.
   * @throws GatewayError where it is none of the upstream's protocol, or tells an error.
   */
  readonly readOtherForm?: (whole: string) => ReadAnswer;
  /** How a stream of this content type is cut and read; absent where the answer is never one. */
  readonly openStream?: (contentType: string) => LaneStream;
  /** Keeps what the next request needs of the answer that was read, before its last bytes go out. Never rejects. */
  keep?(): Promise<void> | undefined;
}

/** An answer that came in whole; `body` is what the client gets, latin1. */
export interface ReadAnswer {
  readonly facts: AnswerFacts;
  readonly body: string;
  /** Stands for a usage that was not reported. */
  readonly estimate?: Usage;
  /** Of `body`, where it is not the upstream's own. */
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
  /** Of the client's stream, where it is not the upstream's. */
  readonly contentType?: string;
  /** What the client was told of the answer, where that is not what the tap has read. */
  readonly told?: () => AnswerFacts;
}
