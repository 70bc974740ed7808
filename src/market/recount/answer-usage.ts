import { asBytes, GatewayError, SseSplitter, utf8OfLatin1 } from "../../core/index.ts";
import { estimateAnswer, estimatePassed } from "../../ir/index.ts";
import { AnsweredError, type AnswerFacts, type Protocol, type StreamTap } from "../../protocols/index.ts";

/** The tokens that an answer itself says that it used. */
export interface StatedUsage {
  readonly input: number;
  readonly output: number;
  readonly cacheRead: number;
}

/** Claude's reasoning is shown as a summary, or not at all, and its tokens are in no count of their own. */
const hiddenReasoning = ['"signature_delta"', '"redacted_thinking"', '"signature":"'] as const;

/** The longest JSON answer that is read for its usage. */
const mostBytes = 16 * 1024 * 1024;

/** Reads from the plain bytes of an answer the usage that it states, as the buyer's own ledger reads it. */
export class AnswerUsage {
  readonly #protocol: Protocol;
  readonly #stream: { readonly splitter: SseSplitter; readonly tap: StreamTap } | undefined;
  readonly #mayHide: boolean;
  #hides = false;
  #parts: Buffer[] = [];
  #size = 0;

  /** @param mayHide the request has asked for reasoning that is not shown. */
  constructor(protocol: Protocol, contentType: string, mayHide = false) {
    this.#protocol = protocol;
    this.#mayHide = mayHide;
    const isStream = contentType.startsWith("text/event-stream");
    this.#stream = isStream ? { splitter: new SseSplitter(), tap: protocol.createTap({ hideUsage: false }) } : undefined;
  }

  add(bytes: Buffer): void {
    if (this.#stream !== undefined) {
      const { splitter, tap } = this.#stream;
      for (const event of splitter.push(asBytes(bytes.toString("latin1")))) {
        tap.push(event);
        this.#look(event.data);
      }
      return;
    }
    this.#size += bytes.length;
    if (this.#size <= mostBytes) this.#parts.push(bytes);
    else this.#parts = [];
  }

  #look(text: string): void {
    if (this.#mayHide && !this.#hides) this.#hides = hiddenReasoning.some((mark) => text.includes(mark));
  }

  /** `undefined`: it states none, or only a part of it. */
  read(): StatedUsage | undefined {
    const { input, output, cacheRead = 0 } = this.#facts().usage ?? {};
    if (input === undefined || output === undefined) return undefined;
    return [input, output, cacheRead].every((tokens) => Number.isSafeInteger(tokens) && tokens >= 0)
      ? { input, output, cacheRead: Math.min(cacheRead, input) }
      : undefined;
  }

  /** Tokens that the text of the whole answer is estimated at: text, reasoning and arguments; `undefined`: it cannot be read, or not all of it is shown. */
  estimate(): number | undefined {
    if (this.#hides) return undefined;
    if (this.#stream !== undefined) return estimatePassed(this.#stream.tap.textBytes, this.#stream.tap.textSample);
    if (this.#parts.length === 0) return undefined;
    try {
      const whole = asBytes(Buffer.concat(this.#parts).toString("latin1"));
      this.#look(whole);
      if (this.#hides) return undefined;
      return estimateAnswer(this.#protocol.upstream.parseResponse(utf8OfLatin1(whole)));
    } catch {
      // An error, or an answer in another form: its bytes are the only bound.
      return undefined;
    }
  }

  #facts(): AnswerFacts {
    if (this.#stream !== undefined) return this.#stream.tap.facts;
    const route = this.#protocol.routes.find(({ operation, method }) => operation === "generate" && method === "POST")!;
    try {
      return this.#protocol.readAnswer(asBytes(Buffer.concat(this.#parts).toString("latin1")), { route, param: "", query: "" });
    } catch (error) {
      // An error, or an answer in a form that states no usage.
      if (error instanceof GatewayError || error instanceof AnsweredError) return {};
      throw error;
    }
  }
}
