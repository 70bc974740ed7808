import type { RequestFacts } from "../request-facts.ts";

/** A longer body is worked on in steps, and between two of them the event loop serves others. */
const heavyLength = 256 * 1024;

export function isHeavy({ text }: Pick<RequestFacts, "text">): boolean {
  return text.length > heavyLength;
}

/** Resolves in the next turn of the event loop. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
