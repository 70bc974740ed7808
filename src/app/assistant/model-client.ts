import { bytesOf, latin1OfUtf8, SseSplitter } from "../../core/index.ts";
import { Collector, type ChatRequest, type ChatResponse, type ProtocolId, type StreamEvent } from "../../ir/index.ts";
import { AnsweredError, protocols, type Protocol, type StreamDecoder } from "../../protocols/index.ts";
import type { PooledUpstreamClient, Provider, UpstreamCall, UpstreamHandler } from "../../upstream/index.ts";

/** A model that answers the assistant. */
export interface ModelClient {
  /** Asks once. `onText` gets the pieces of the answer's text. @throws ModelError; an `AbortError` if `signal` has ended the call. */
  ask(request: Omit<ChatRequest, "model" | "stream">, options: AskOptions): Promise<ChatResponse>;
}

export interface AskOptions {
  readonly onText?: (text: string) => void;
  readonly signal?: AbortSignal | undefined;
}

/** The model did not answer. `status` is that of its server's error; 0 if there was no answer. */
export class ModelError extends Error {
  readonly status: number;

  constructor(message: string, status = 0) {
    super(message);
    this.name = "ModelError";
    this.status = status;
  }
}

export interface ModelTarget {
  readonly provider: Provider;
  readonly protocol: ProtocolId;
  /** The provider's name of the model. */
  readonly upstreamModel: string;
  readonly client: Pick<PooledUpstreamClient, "dispatch">;
  /** Removes secrets from all that is sent. */
  readonly mask: (text: string) => string;
}

/** A model over any of the wire protocols, by the gateway's own translation. */
export function createModelClient(target: ModelTarget): ModelClient {
  const protocol = protocols.get(target.protocol)!;
  return {
    ask(request, { onText, signal }) {
      return new Promise((resolve, reject) => {
        if (signal?.aborted === true) {
          reject(abortError());
          return;
        }
        const sent = sentRequest(target, protocol, { ...request, model: target.upstreamModel, stream: true });
        const answer = new AnswerReader({ protocol, decoder: sent.decoder, onText, resolve, reject });
        const call = target.client.dispatch(sent.request, answer);
        answer.call = call;
        const onAbort = (): void => {
          call.abort();
          reject(abortError());
        };
        signal?.addEventListener("abort", onAbort, { once: true });
        answer.onOver = () => signal?.removeEventListener("abort", onAbort);
      });
    },
  };
}

function abortError(): Error {
  return new DOMException("The answer was stopped.", "AbortError");
}

function sentRequest({ provider, upstreamModel, mask, ...target }: ModelTarget, protocol: Protocol, request: ChatRequest) {
  const { upstream } = protocol;
  const quirks = provider.modelQuirks.of(upstreamModel);
  const rendered = upstream.renderRequest(request, { model: upstreamModel, stream: true, quirks, traits: provider.traits });
  const route = protocol.routes.find(
    (candidate) => candidate.operation === "generate" && candidate.stream !== false && isStream(candidate),
  )!;
  const { path, method } = protocol.upstreamPath({ route, param: upstreamModel, query: "" }, upstreamModel);
  const query = upstream.streamQuery === undefined ? "" : `?${upstream.streamQuery}`;
  return {
    decoder: upstream.createStreamDecoder(rendered.toolNames),
    request: {
      provider,
      protocol: target.protocol,
      method,
      path: `${path}${query}`,
      headers: ["content-type", "application/json", "accept", "text/event-stream", ...protocol.requiredHeaders.flat()],
      key: provider.keys[0],
      body: latin1OfUtf8(mask(rendered.value)),
      stream: true,
    },
  };

  /** The path says whether the answer streams if any path of the protocol does. */
  function isStream(candidate: Protocol["routes"][number]): boolean {
    return candidate.stream === true || !protocol.routes.some((other) => other.stream === true);
  }
}

interface ReaderOptions {
  readonly protocol: Protocol;
  readonly decoder: StreamDecoder;
  readonly onText: ((text: string) => void) | undefined;
  readonly resolve: (response: ChatResponse) => void;
  readonly reject: (error: Error) => void;
}

const maxErrorBytes = 64 * 1024;
const maxAnswerBytes = 8 * 1024 * 1024;

/** Reads one streamed answer. */
class AnswerReader implements UpstreamHandler {
  call: UpstreamCall | undefined;
  onOver: () => void = () => {};
  readonly #options: ReaderOptions;
  readonly #collector = new Collector();
  readonly #splitter = new SseSplitter();
  readonly #texts = new Set<number>();
  #status = 0;
  #isJson = false;
  #whole = "";
  #size = 0;

  constructor(options: ReaderOptions) {
    this.#options = options;
  }

  onHead(status: number, headers: readonly string[]): void {
    this.#status = status;
    const at = headers.findIndex((name, index) => index % 2 === 0 && name.toLowerCase() === "content-type");
    this.#isJson = at >= 0 && /\bjson\b/.test(headers[at + 1]!);
  }

  onData(chunk: Buffer): void {
    this.#size += chunk.length;
    if (this.#size > maxAnswerBytes) {
      this.#fail(new ModelError(`The model's answer is longer than ${maxAnswerBytes} bytes.`, this.#status));
      return;
    }
    if (this.#status !== 200 || this.#isJson) {
      this.#whole += this.#status === 200 || this.#whole.length < maxErrorBytes ? bytesOf(chunk) : "";
      return;
    }
    this.#guard(() => {
      for (const event of this.#splitter.push(bytesOf(chunk))) this.#take(this.#options.decoder.push(event));
    });
  }

  onEnd(): void {
    const text = Buffer.from(this.#whole, "latin1").toString("utf8");
    if (this.#status !== 200) {
      const { message } = this.#options.protocol.parseError(this.#status, text);
      this.#fail(new ModelError(message === "" ? `The model's server answered ${this.#status}.` : message, this.#status));
      return;
    }
    this.#guard(() => {
      if (this.#isJson) {
        this.#answerWhole(text);
        return;
      }
      for (const event of this.#splitter.end()) this.#take(this.#options.decoder.push(event));
      this.#take(this.#options.decoder.end());
      const { error } = this.#collector;
      if (error !== undefined) throw new ModelError(error.message, error.status);
      this.#finish(this.#collector.finish());
    });
  }

  onFailure(failure: { readonly message: string }): void {
    this.#fail(new ModelError(failure.message));
  }

  /** A server that answers a request for a stream with one object. */
  #answerWhole(text: string): void {
    const response = this.#options.protocol.upstream.parseResponse(text);
    for (const block of response.content) if (block.type === "text") this.#options.onText?.(block.text);
    this.#finish(response);
  }

  #take(events: readonly StreamEvent[]): void {
    for (const event of events) {
      this.#collector.push(event);
      if (event.type === "block-start" && (event.block.type === "text" || event.block.type === "refusal")) this.#texts.add(event.index);
      else if (event.type === "block-delta" && event.delta.type === "text" && this.#texts.has(event.index))
        this.#options.onText?.(event.delta.text);
    }
  }

  #guard(read: () => void): void {
    try {
      read();
    } catch (error) {
      this.#fail(asModelError(error));
    }
  }

  #finish(response: ChatResponse): void {
    this.onOver();
    this.#options.resolve(response);
  }

  #fail(error: Error): void {
    this.call?.abort();
    this.onOver();
    this.#options.reject(error);
  }
}

function asModelError(error: unknown): Error {
  if (error instanceof ModelError) return error;
  if (error instanceof AnsweredError) return new ModelError(error.upstream.message, error.upstream.status);
  return new ModelError(`The model's answer cannot be read: ${error instanceof Error ? error.message : String(error)}`);
}
