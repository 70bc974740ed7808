import { protocolIds, type ReasoningBlock, type ReasoningProof } from "../../ir/index.ts";
import { isObject } from "./fields.ts";

/**
 * A client of this dialect echoes the `thoughtSignature` of a part, but may drop the thoughts themselves. So the reasoning of another provider travels
 * whole in the signature of the next function call, or of the answer's last part: base64 of `gw1.` + `[{"t":text,"p":protocol,"k":kind,"d":data,
 * "i":item id},…]`; keys without a value are left out. The field is bytes in base64, so nothing may stand outside.
 */
const prefix = "gw1.";
/** What the encoded form of the first three bytes of `prefix` looks like. */
const encodedPrefix = "Z3cx";

/** What clients send instead of a signature that they do not have (Gemini API, "Thought signatures", November 2026). */
const placeholders: ReadonlySet<string> = new Set(["skip_thought_signature_validator", "context_engineering_is_the_way_to_go"]);

/** What a signature stands for: the vendor's own proof, reasoning that was tunnelled, or nothing. */
export type DecodedSignature =
  | { readonly type: "none" }
  | { readonly type: "own"; readonly proof: ReasoningProof }
  | { readonly type: "tunnel"; readonly blocks: readonly ReasoningBlock[] };

export function encodeTunnel(blocks: readonly ReasoningBlock[]): string {
  const fields = blocks.map(({ text, proof, id }) => ({ t: text, p: proof?.protocol, k: proof?.kind, d: proof?.data, i: id }));
  return Buffer.from(prefix + JSON.stringify(fields), "utf8").toString("base64");
}

/** A tunnel that can't be read is nothing. */
export function decodeSignature(signature: string | undefined): DecodedSignature {
  if (signature === undefined || signature === "" || placeholders.has(signature)) return { type: "none" };
  const text = signature.startsWith(encodedPrefix) ? Buffer.from(signature, "base64").toString("utf8") : "";
  if (!text.startsWith(prefix)) return { type: "own", proof: { protocol: "gemini-generate", kind: "signature", data: signature } };
  const fields = parseJson(text.slice(prefix.length));
  return Array.isArray(fields) ? { type: "tunnel", blocks: fields.flatMap(readBlock) } : { type: "none" };
}

function readBlock(fields: unknown): ReasoningBlock[] {
  if (!isObject(fields)) return [];
  const { t: text, d: data, i: id } = fields as { t?: unknown; d?: unknown; i?: unknown };
  const protocol = protocolIds.find((known) => known === fields["p"]);
  const kind = (["signature", "encrypted", "redacted"] as const).find((known) => known === fields["k"]);
  const proof = protocol !== undefined && kind !== undefined && typeof data === "string" ? { protocol, kind, data } : undefined;
  return [
    {
      type: "reasoning",
      text: typeof text === "string" ? text : "",
      ...(proof === undefined ? {} : { proof }),
      ...(typeof id === "string" ? { id } : {}),
    },
  ];
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // Cut or altered on the client's side: as good as no proof.
  }
}
