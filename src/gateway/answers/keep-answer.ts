import type { AnswerFacts, storedResponses } from "../../protocols/index.ts";
import type { Delivery } from "../delivery.ts";
import { storeAnswer } from "../responses/store-answer.ts";
import { waitForAll } from "./wait-for-all.ts";

/**
 * Keeps what later requests need of a whole answer, before the client learns that it is complete: the response, and proofs of reasoning.
 * @param ended reads what goes to the client. Not called if nothing is stored.
 */
export function keepAnswer(
  delivery: Delivery,
  facts: AnswerFacts,
  ended: () => storedResponses.EndedResponse | undefined,
): Promise<unknown> | undefined {
  const stored = storeAnswer(delivery, facts, ended);
  return delivery.lane.kind === "translated" ? waitForAll(stored, delivery.lane.keepProofs()) : stored;
}
