import type { AnswerFacts } from "../../protocols/index.ts";
import type { ModelCall } from "../model-call.ts";
import { claimBilling } from "../responses/stored-responses.ts";
import { waitForAll } from "./wait-for-all.ts";

/** The end of an answer that is complete. `finishAnswer` calls `record` and `keep`, then either `write` or `lose`, each once. */
export interface AnswerEnd {
  /** What the whole answer reports. */
  readonly facts: AnswerFacts;
  /** Settles the attempt. `isBilled`: its usage is billed with this request. */
  record(isBilled: boolean): Promise<void> | undefined;
  /** Stores what later requests need of the answer: the response, proofs of reasoning. */
  keep(): Promise<unknown> | undefined;
  /** Sends the headers, if they have not gone out, and the last bytes. */
  write(): void;
  /** The record, or what is to be kept, could not be written. */
  lose(error: unknown): void;
}

/**
 * Ends every answer in one order: claim the billing of a stored response, record the attempt, keep what is stored, then send headers and bytes; or lose the
 * answer. A request is recorded before its answer ends, so a crash loses nothing. A promise only if something must be waited for; it rejects with what `lose` throws.
 */
export function finishAnswer(call: ModelCall, end: AnswerEnd): Promise<void> | undefined {
  const claim = claimBilling(call, end.facts);
  if (claim === undefined) return recordAnswer(call, end, call.request.traits.isBilled);
  return claim.then(
    (isFirst) => recordAnswer(call, end, isFirst),
    (error: unknown) => {
      end.lose(error);
    },
  );
}

function recordAnswer(call: ModelCall, end: AnswerEnd, isBilled: boolean): Promise<void> | undefined {
  const recorded = waitForAll(end.record(isBilled), end.keep());
  if (recorded === undefined) {
    end.write();
    return undefined;
  }
  return recorded.then(
    () => {
      end.write();
    },
    (error: unknown) => {
      if (isBilled && call.stored !== undefined) void call.deps.responses.returnBill(call.stored.id).catch(() => undefined);
      end.lose(error);
    },
  );
}
