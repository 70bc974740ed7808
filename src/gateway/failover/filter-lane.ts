import { noBytes, type Bytes, type SseEvent } from "../../core/index.ts";
import { AnsweredError, type AnswerFacts, type StreamTap, type UpstreamError } from "../../protocols/index.ts";
import { isAnyForm, type Lane, type ReadAnswer } from "../lane.ts";

/** The prompt was refused, as an error: then fallbacks of that reason may answer. */
const refused: UpstreamError = { status: 400, message: "The provider's content filter refused the prompt.", isModeration: true };

/** The same lane; an answer that says only that a content filter refused the prompt is an error. For requests that have fallbacks for that. */
export function withFilterAsError(lane: Lane): Lane {
  const checked = (answer: ReadAnswer): ReadAnswer => {
    if (answer.facts.isBlocked === true) throw new AnsweredError(refused);
    return answer;
  };
  const readJson = (whole: Bytes): ReadAnswer => checked(lane.readJson(whole));
  if (!isAnyForm(lane)) return { ...lane, readJson };
  return {
    ...lane,
    readJson,
    readOtherForm: (whole) => checked(lane.readOtherForm(whole)),
    openStream(contentType) {
      const stream = lane.openStream(contentType);
      return { ...stream, tap: new FilterTap(stream.tap) };
    },
  };
}

class FilterTap implements StreamTap {
  readonly #tap: StreamTap;

  constructor(tap: StreamTap) {
    this.#tap = tap;
  }

  get facts(): AnswerFacts {
    return this.#tap.facts;
  }

  /** Nothing of it goes to the client. */
  get opened(): boolean {
    return this.#tap.opened && !this.#isRefused;
  }

  get ended(): boolean {
    return this.#tap.ended;
  }

  /** With an error it would be an answer that was generated. */
  get finished(): boolean {
    return this.#tap.finished && !this.#isRefused;
  }

  get textBytes(): number {
    return this.#tap.textBytes;
  }

  get textSample(): Bytes {
    return this.#tap.textSample;
  }

  get error(): UpstreamError | undefined {
    return this.#isRefused ? refused : this.#tap.error;
  }

  push(event: SseEvent): Bytes {
    const piece = this.#tap.push(event);
    return this.#isRefused ? noBytes : piece;
  }

  completion(): Bytes {
    return this.#tap.completion();
  }

  get #isRefused(): boolean {
    return this.#tap.facts.isBlocked === true;
  }
}
