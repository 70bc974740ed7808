import { GatewayError, latin1OfEvents, latin1OfUtf8, SseSplitter, utf8OfLatin1, type Bytes } from "../../core/index.ts";
import { Collector, replay, type Block, type ChatResponse, type StreamEvent } from "../../ir/index.ts";
import {
  answerFacts,
  AnsweredError,
  emptyEnd,
  type ClientContext,
  type Protocol,
  type ToolNames,
  type UpstreamProtocol,
} from "../../protocols/index.ts";
import type { Provider } from "../../upstream/index.ts";
import type { ReadAnswer } from "../lane.ts";

interface TranslationContext {
  readonly upstream: UpstreamProtocol;
  readonly dialect: Protocol;
  readonly client: ClientContext;
  readonly provider: Provider;
  /** Refuses what would take too long to parse; `isLong`: it is a whole stream. */
  refuse(text: string, isLong: boolean): GatewayError | undefined;
  readonly toolNames?: ToolNames | undefined;
  /** What becomes of the blocks before the client gets them. */
  change?(content: readonly Block[]): readonly Block[];
  nowSeconds(): number;
}

/** Reads an upstream's answer, whole or as a stream that has ended, and writes it for the client in either form. All strings are latin1. */
export class AnswerTranslator {
  readonly #context: TranslationContext;

  constructor(context: TranslationContext) {
    this.#context = context;
  }

  /** Reads a whole answer. @throws GatewayError if it is not one of the upstream's protocol, or is an error. */
  parse(whole: Bytes): ChatResponse {
    const { upstream, toolNames } = this.#context;
    this.#check(whole, false);
    return this.#completed(upstream.parseResponse(utf8OfLatin1(whole), toolNames));
  }

  /** Reads all events of a stream. @throws GatewayError if it broke off, or reported an error. */
  collect(stream: Bytes): ChatResponse {
    const { upstream, toolNames, provider } = this.#context;
    const splitter = new SseSplitter();
    const decoder = upstream.createStreamDecoder(toolNames);
    const collector = new Collector();
    const take = (events: readonly StreamEvent[]): void => {
      for (const event of events) collector.push(event);
    };
    this.#check(stream, true);
    for (const event of [...splitter.push(stream), ...splitter.end()]) {
      this.#check(event.data, false);
      take(decoder.push(event));
    }
    if (collector.error === undefined) take(decoder.end());
    const { error } = collector;
    if (error === undefined ? !collector.ended : error.code === "upstream_truncated")
      throw new GatewayError("upstream_truncated", `The provider "${provider.name}" ended its stream before the answer was complete.`);
    if (error !== undefined) throw new AnsweredError(error, collector.hasBrokenEnd ? answerFacts(collector.finish()) : undefined);
    return this.#completed(collector.finish());
  }

  /** The answer as one JSON object. */
  render(response: ChatResponse): ReadAnswer {
    const { dialect, client } = this.#context;
    return { facts: answerFacts(response), body: latin1OfUtf8(dialect.renderResponse(response, client)), contentType: "application/json" };
  }

  /** The answer as all events of a stream. */
  replay(response: ChatResponse): ReadAnswer {
    const { dialect, client } = this.#context;
    if (response.alternatives !== undefined)
      throw new GatewayError("upstream_invalid_response", "The provider answered several choices whole where a stream was asked for.");
    const encoder = dialect.createStreamEncoder(client);
    const text = replay(response).map((event) => encoder.push(event));
    return { facts: answerFacts(response), body: latin1OfEvents(text.join("")), contentType: streamType(client) };
  }

  /** Arguments of calls are text in some protocols, and JSON in others. */
  #checkArguments({ content, alternatives }: ChatResponse): void {
    let text = argumentsOf(content);
    if (alternatives !== undefined) for (const other of alternatives) text += argumentsOf(other.content);
    if (text !== "") this.#check(text, false);
  }

  #check(text: string, isLong: boolean): void {
    const refusal = this.#context.refuse(text, isLong);
    if (refusal !== undefined) throw refusal;
  }

  /** Some wires tell no time; their answers are from now. */
  #completed(response: ChatResponse): ChatResponse {
    this.#checkArguments(response);
    if (response.stopReason === "other" && response.content.length === 0 && response.alternatives === undefined)
      throw new AnsweredError(emptyEnd(response.rawStopReason), answerFacts(response));
    const context = this.#context;
    const createdAt = response.createdAt === 0 ? context.nowSeconds() : response.createdAt;
    if (context.change === undefined) return { ...response, createdAt };
    const completed = { ...response, createdAt, content: context.change(response.content) };
    if (response.alternatives === undefined) return completed;
    return { ...completed, alternatives: response.alternatives.map((other) => ({ ...other, content: context.change!(other.content) })) };
  }
}

function argumentsOf(content: readonly Block[]): string {
  let text = "";
  for (const block of content) if (block.type === "tool-call") text += block.arguments;
  return text;
}

/** The content type of a stream to this client. */
export function streamType({ jsonArray }: ClientContext): string {
  return jsonArray ? "application/json" : "text/event-stream; charset=utf-8";
}
