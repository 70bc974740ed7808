import { asBytes } from "../core/index.ts";
import type { ToolCallCounts } from "../ledger/index.ts";
import { RecordedExchange, type Recording } from "./bodies/recorded-exchange.ts";
import { parseBody } from "./bodies/parse-body.ts";
import { checkToolCalls } from "./check-tool-calls.ts";
import type { ClientExchange } from "./exchange.ts";
import type { ModelCall } from "./model-call.ts";

/** A longer answer is not looked at. */
const maxBytes = 128 * 1024;
/** A longer request is not parsed again for its tools: calls are counted, and not compared. */
const maxRequestBytes = 512 * 1024;

/** An exchange that remembers the answer until it has been looked at. */
export class SampledExchange extends RecordedExchange {
  #recording: Recording | undefined;

  constructor(exchange: ClientExchange) {
    super(exchange, maxBytes, (recording) => {
      this.#recording = recording;
    });
  }

  /** Counts the calls of tools in the answer. `undefined`: there are none, or it is not an answer that can be read. Never throws. */
  readToolCalls(call: ModelCall): ToolCallCounts | undefined {
    this.end(1);
    const { answer, isCut } = this.#recording ?? { answer: undefined, isCut: true };
    this.#recording = undefined;
    const { protocol, route, text } = call.request;
    if (answer === undefined || isCut || answer.length > maxBytes || !text.includes('"tools"')) return undefined;
    const { clock, toolSampler } = call.deps;
    const startedMs = clock.monotonic();
    try {
      return checkToolCalls(protocol.upstream, asBytes(answer), () =>
        text.length > maxRequestBytes ? undefined : (protocol.parseRequest(parseBody(call), route).tools ?? []),
      );
    } catch {
      // An answer in another form, as one JSON array, or an error: it says nothing about tools.
      return undefined;
    } finally {
      toolSampler.spent(clock.monotonic() - startedMs);
    }
  }
}
