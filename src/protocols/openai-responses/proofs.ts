import { latin1OfUtf8, memberIn, memberOf, readString, type Edit, type Span } from "../../core/index.ts";
import { editsOf, hasSeal } from "../shared/body-edits.ts";
import type { OpenSummary, ProofCarrier } from "../capabilities.ts";
import { summaryText } from "./compaction.ts";
import { isMadeItem } from "./search-items.ts";

/** `encrypted_content` of reasoning items, and of compactions. */
export const proofs: ProofCarrier = {
  carriesOn: "blocks",
  callField: "never",
  hasTrailingProof: false,
  isLastBlockSpeech: false,
  demandsSignature: false,
  signsCalls: false,
  wrap: (data) => ({ protocol: "openai-responses", kind: "encrypted", data }),
  withoutSeals: (text, openSummary) => editsOf(text, memberOf(text, "input"), (item) => stripItem(text, item, openSummary)),
};

/** A summary that another provider's model wrote becomes a user's message; its reasoning and its searches are removed. */
function stripItem(text: string, item: Span, openSummary: OpenSummary | undefined): readonly Edit[] | "remove" {
  const isSearch = isMadeItem({ type: readString(text, memberIn(text, item, "type")), id: readString(text, memberIn(text, item, "id")) });
  if (isSearch) return "remove";
  if (!hasSeal(text, item, "encrypted_content")) return [];
  const isSummary = readString(text, memberIn(text, item, "type")) === "compaction";
  const summary = isSummary ? openSummary?.(readString(text, memberIn(text, item, "encrypted_content")) ?? "") : undefined;
  if (summary === undefined) return "remove";
  const message = { type: "message", role: "user", content: [{ type: "input_text", text: summaryText(summary) }] };
  return [{ ...item, text: latin1OfUtf8(JSON.stringify(message)) }];
}
