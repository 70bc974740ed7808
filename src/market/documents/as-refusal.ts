import { SealError } from "../identity/sealing.ts";
import { MarketRefusal } from "../refusal.ts";
import { DocumentError } from "./document-error.ts";

/** Runs a step of a node's request. What is wrong with its documents or frames becomes a refusal. @throws MarketRefusal, or what is not the node's fault */
export async function asRefusal<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof DocumentError) throw new MarketRefusal("bad_document", error.message);
    if (error instanceof SealError) throw new MarketRefusal("bad_order", error.message);
    throw error;
  }
}
