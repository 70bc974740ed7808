import { elementsOf, latin1OfUtf8, memberIn, memberOf, memberSpan, noBytes, parseSpan, type Edit, type Span } from "../../core/index.ts";
import { editsOf, hasSeal } from "../shared/body-edits.ts";
import type { ProofCarrier } from "../capabilities.ts";

/** Few clients of Chat carry reasoning (LiteLLM's `thinking_blocks`), and the proof of a call only those that know Google's `extra_content`. */
export const proofs: ProofCarrier = {
  carriesOn: "calls",
  showsBlocks: true,
  callField: "signed",
  hasTrailingProof: false,
  isLastBlockSpeech: false,
  demandsSignature: false,
  signsCalls: false,
  // The field is Google's own: `extra_content.google.thought_signature`.
  wrap: (data) => ({ protocol: "gemini-generate", kind: "signature", data }),
  withoutSeals: (text) =>
    editsOf(text, memberOf(text, "messages"), (message) =>
      [...stripBlocks(text, message), ...editsOf(text, memberIn(text, message, "tool_calls"), (call) => stripCall(text, call))].sort(
        (one, other) => one.start - other.start,
      ),
    ),
};

/** Servers of Chat refuse unknown members, so the list goes as a whole if it contains a seal. */
function stripBlocks(text: string, message: Span): readonly Edit[] {
  const blocks = memberIn(text, message, "thinking_blocks");
  const isSealed = elementsOf(text, blocks).some((block) => hasSeal(text, block, "signature") || hasSeal(text, block, "data"));
  return blocks === undefined || !isSealed ? [] : [{ ...memberSpan(text, "thinking_blocks", blocks), text: noBytes }];
}

/** Arguments are a string, so the call can be rewritten. */
function stripCall(text: string, call: Span): readonly Edit[] {
  const google = memberIn(text, memberIn(text, call, "extra_content"), "google");
  if (!hasSeal(text, google, "thought_signature")) return [];
  const { extra_content: _, ...rest } = parseSpan(text, call) as { readonly extra_content: unknown };
  return [{ ...call, text: latin1OfUtf8(JSON.stringify(rest)) }];
}
