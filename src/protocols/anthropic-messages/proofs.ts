import { elementsOf, memberIn, readString, scanDocument, type Edit, type Span, asBytes } from "../../core/index.ts";
import { editsOf, hasSeal } from "../shared/body-edits.ts";
import { isMadeSearchId } from "../shared/web-search.ts";
import type { ProofCarrier } from "../capabilities.ts";

/** `signature` of thinking blocks. */
export const proofs: ProofCarrier = {
  carriesOn: "blocks",
  callField: "never",
  hasTrailingProof: false,
  isLastBlockSpeech: true,
  demandsSignature: true,
  signsCalls: false,
  wrap: (data) => ({ protocol: "anthropic-messages", kind: "signature", data }),
  withoutSeals: stripMessages,
};

/**
 * Removes sealed thinking blocks, searches that this gateway made of another vendor's, and messages that contain nothing else. Citations of such searches
 * become null.
 */
function stripMessages(text: string): readonly Edit[] {
  const top = scanDocument(text, ["messages", "thinking", "context_management"]);
  const [messages, thinking, context] = top.spans;
  let isStepUnsigned = false;
  const edits = editsOf(text, messages, (message) => {
    const role = readString(text, memberIn(text, message, "role"));
    const blocks = elementsOf(text, memberIn(text, message, "content"));
    const types = blocks.map((block) => readString(text, memberIn(text, block, "type")));
    if (role === "user" && !types.includes("tool_result")) isStepUnsigned = false;
    const sealed = new Set(blocks.filter((block) => hasSeal(text, block, "signature")).map(({ start }) => start));
    const made = new Set(blocks.filter((block) => isMadeAt(text, block)).map(({ start }) => start));
    const rest = types.length - sealed.size - made.size;
    const isSigned = types.filter((type) => type === "thinking" || type === "redacted_thinking").length > sealed.size;
    if (sealed.size > 0 && types.includes("tool_use") && !isSigned) isStepUnsigned = true;
    if (rest === 0 && types.length > 0) return "remove";
    return editsOf(text, memberIn(text, message, "content"), (block) =>
      sealed.has(block.start) || made.has(block.start) ? "remove" : uncited(text, block),
    );
  });
  // With a budget, the vendor refuses to continue a turn whose calls do not begin with thinking that it signed.
  const isBudget = thinking !== undefined && readString(text, memberIn(text, thinking, "type")) === "enabled";
  if (!isStepUnsigned || !isBudget) return edits;
  // Without thinking, it also refuses rules for clearing thinking (Anthropic API, "Context editing", November 2026).
  const rules = editsOf(text, memberIn(text, context, "edits"), (rule) =>
    readString(text, memberIn(text, rule, "type"))?.startsWith("clear_thinking") === true ? "remove" : [],
  );
  return [...edits, ...rules, { ...thinking, text: asBytes('{"type":"disabled"}') }].sort((one, other) => one.start - other.start);
}

function isMadeAt(text: string, block: Span): boolean {
  return ["id", "tool_use_id"].some((key) => isMadeSearchId("srvtoolu_", readString(text, memberIn(text, block, key))));
}

/** The edit that removes citations of another vendor's search. */
function uncited(text: string, block: Span): readonly Edit[] {
  const citations = memberIn(text, block, "citations");
  const isMade = elementsOf(text, citations).some((citation) => hasSeal(text, citation, "encrypted_index"));
  return citations !== undefined && isMade ? [{ ...citations, text: asBytes("null") }] : [];
}
