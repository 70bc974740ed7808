import { latin1OfUtf8, memberIn, memberOf, parseSpan, type Edit, type Span, asBytes } from "../../core/index.ts";
import { editsOf, isSeal } from "../shared/body-edits.ts";
import type { ProofCarrier } from "../capabilities.ts";

/** The placeholder that Gemini accepts for an unknown signature (Gemini API, "Thought signatures", November 2026). */
const noSignature = '"skip_thought_signature_validator"';

/** Families of models that sign calls on any protocol: the word before the first dash of a model's name. */
export const familiesThatSignCalls: ReadonlySet<string> = new Set(["gemini"]);

/** `thoughtSignature` of parts. */
export const proofs: ProofCarrier = {
  carriesOn: "calls",
  callField: "always",
  hasTrailingProof: true,
  isLastBlockSpeech: false,
  demandsSignature: false,
  signsCalls: true,
  wrap: (data) => ({ protocol: "gemini-generate", kind: "signature", data }),
  withoutSeals: (text) =>
    editsOf(text, memberOf(text, "contents"), (content) =>
      editsOf(text, memberIn(text, content, "parts"), (part) => stripPart(text, part)),
    ),
};

function stripPart(text: string, part: Span): readonly Edit[] | "remove" {
  const signature = memberIn(text, part, "thoughtSignature");
  if (signature === undefined || !isSeal(text, signature)) return [];
  if (memberIn(text, part, "functionCall") !== undefined) return [{ ...signature, text: asBytes(noSignature) }];
  const { thoughtSignature: _, ...rest } = parseSpan(text, part) as { readonly thoughtSignature: unknown; readonly text?: unknown };
  return rest.text === "" || Object.keys(rest).length === 0 ? "remove" : [{ ...part, text: latin1OfUtf8(JSON.stringify(rest)) }];
}
