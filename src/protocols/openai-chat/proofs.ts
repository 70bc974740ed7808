import { latin1OfUtf8, memberIn, memberOf, parseSpan, type Edit, type Span } from "../../core/index.ts";
import { editsOf, hasSeal } from "../shared/body-edits.ts";
import type { ProofCarrier } from "../capabilities.ts";

/** A client of Chat carries no reasoning, and the proof of a call only if it knows Google's `extra_content`. */
export const proofs: ProofCarrier = {
  carriesOn: "calls",
  callField: "signed",
  hasTrailingProof: false,
  isLastBlockSpeech: false,
  demandsSignature: false,
  signsCalls: false,
  // The field is Google's own: `extra_content.google.thought_signature`.
  wrap: (data) => ({ protocol: "gemini-generate", kind: "signature", data }),
  withoutSeals: (text) =>
    editsOf(text, memberOf(text, "messages"), (message) =>
      editsOf(text, memberIn(text, message, "tool_calls"), (call) => stripCall(text, call)),
    ),
};

/** Arguments are a string, so the call can be rewritten. */
function stripCall(text: string, call: Span): readonly Edit[] {
  const google = memberIn(text, memberIn(text, call, "extra_content"), "google");
  if (!hasSeal(text, google, "thought_signature")) return [];
  const { extra_content: _, ...rest } = parseSpan(text, call) as { readonly extra_content: unknown };
  return [{ ...call, text: latin1OfUtf8(JSON.stringify(rest)) }];
}
