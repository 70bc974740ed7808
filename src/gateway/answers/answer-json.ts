import type { Bytes } from "../../core/index.ts";
import type { AnswerFacts } from "../../protocols/index.ts";
import { jsonHead } from "../headers/answer-head.ts";
import type { AttemptEntry } from "../attempt-entry.ts";
import { finishAnswer } from "./finish-answer.ts";
import type { ModelCall } from "../model-call.ts";

/** A whole answer that the gateway makes itself. */
export interface OwnAnswer {
  /** JSON. */
  readonly body: Bytes;
  readonly facts: AnswerFacts;
  /** Stores the answer. */
  readonly keep?: () => Promise<unknown> | undefined;
}

/**
 * Records an answer of the gateway's own, then sends it. A promise only if the record must be waited for; it rejects if that fails.
 * @param entry `undefined`: the answer comes from what the gateway stores, and nothing of it is recorded.
 */
export function answerJson(call: ModelCall, entry: AttemptEntry | undefined, { body, facts, keep }: OwnAnswer): Promise<void> | undefined {
  if (entry !== undefined) call.answer.firstContentMs = call.deps.clock.monotonic();
  return finishAnswer(call, {
    facts,
    record() {
      if (entry !== undefined) return entry.settle({ status: "ok", httpStatus: 200, facts });
      call.served(200);
      return undefined;
    },
    keep: () => keep?.(),
    write() {
      call.exchange.jsonBytes(200, jsonHead(call, "application/json"), body);
    },
    lose(error) {
      throw error;
    },
  });
}
