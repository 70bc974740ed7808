import { memberOf } from "../../core/index.ts";
import { editsOf, hasSeal } from "../body-edits.ts";
import type { ProofCarrier } from "../capabilities.ts";

/** `encrypted_content` of reasoning items. */
export const proofs: ProofCarrier = {
  carriesOn: "blocks",
  callField: "never",
  hasTrailingProof: false,
  isLastBlockSpeech: false,
  demandsSignature: false,
  signsCalls: false,
  wrap: (data) => ({ protocol: "openai-responses", kind: "encrypted", data }),
  withoutSeals: (text) => editsOf(text, memberOf(text, "input"), (item) => (hasSeal(text, item, "encrypted_content") ? "remove" : [])),
};
