import { hasMark, sealMark, type Edit } from "../../core/index.ts";
import type { OpenSummary, ProofCarrier } from "../../protocols/index.ts";

/**
 * Edits that remove seals from a body that goes to its own protocol's vendor as it is: earlier turns of the conversation were another provider's, and
 * the vendor refuses what it did not sign. `text` is latin1. A body without seals costs one search for their mark.
 * @throws GatewayError `invalid_json`, `ambiguous_json` if the body cannot be edited for sure.
 */
export function withoutSeals(text: string, carrier: ProofCarrier, openSummary?: OpenSummary): readonly Edit[] {
  return hasMark(text, sealMark, "kligen") ? carrier.withoutSeals(text, openSummary) : [];
}
