import type { ReasoningBlock, ReasoningProof } from "../../ir/index.ts";
import { isObject, type WireObject } from "../shared/fields.ts";
import { detailFields, detailsOf } from "./returned-reasoning.ts";

/**
 * The fields of reasoning beside its text. Entries of a Chat server go to the client as they came. Any other proof is a block of `thinking_blocks`, as LiteLLM
 * has it, whose signature the client gives back.
 */
export function proofFields(blocks: readonly Pick<ReasoningBlock, "text" | "proof">[]): WireObject {
  const details = blocks.flatMap(({ proof }) => detailsOf(proof));
  if (details.length > 0) return detailFields(details);
  const signed = blocks.flatMap(({ text, proof }) => (proof === undefined || proof.kind === "field" ? [] : [blockOf(text, proof)]));
  return signed.length === 0 ? {} : { thinking_blocks: signed };
}

function blockOf(text: string, { data }: ReasoningProof): WireObject {
  return text === "" ? { type: "redacted_thinking", data } : { type: "thinking", thinking: text, signature: data };
}

/** The blocks that a client gives back; those without a signature prove nothing. */
export function readThinkingBlocks(value: unknown): readonly ReasoningBlock[] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((block: unknown): readonly ReasoningBlock[] => {
    if (!isObject(block)) return [];
    const { type, thinking, signature, data } = block;
    const sealed = type === "redacted_thinking" ? data : signature;
    if (typeof sealed !== "string" || sealed === "" || (type !== "thinking" && type !== "redacted_thinking")) return [];
    const text = type === "thinking" && typeof thinking === "string" ? thinking : "";
    return [{ type: "reasoning", text, proof: { protocol: "anthropic-messages", kind: "signature", data: sealed } }];
  });
}
