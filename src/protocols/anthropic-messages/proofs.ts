import { elementsOf, memberIn, readString, scanDocument, type Edit, asBytes } from "../../core/index.ts";
import { editsOf, hasSeal } from "../shared/body-edits.ts";
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

/** Removes sealed thinking blocks, and messages that contain nothing else. */
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
    if (sealed.size === 0) return [];
    const rest = types.length - sealed.size;
    const isSigned = types.filter((type) => type === "thinking" || type === "redacted_thinking").length > sealed.size;
    if (types.includes("tool_use") && !isSigned) isStepUnsigned = true;
    return rest === 0 ? "remove" : editsOf(text, memberIn(text, message, "content"), (block) => (sealed.has(block.start) ? "remove" : []));
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
