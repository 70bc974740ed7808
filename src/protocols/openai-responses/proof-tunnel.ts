import { protocolIds, type ReasoningProof } from "../../ir/index.ts";
import { isObject } from "../openai-shared/fields.ts";

/**
 * A client of this dialect gives `encrypted_content` of a reasoning item back verbatim, whatever it holds. So what another provider must get back
 * travels in it: `gw1.` + base64 of `{"p":protocol,"k":kind,"d":data,"t":text}`. The text goes along because a signature signs it to the byte, and
 * because the client may have been shown none of it.
 */
const prefix = "gw1.";

export interface HiddenReasoning {
  readonly proof?: ReasoningProof | undefined;
  /** Absent where the item's own text is the text. */
  readonly text?: string | undefined;
}

/** `encrypted_content` of an item, or `undefined` where it needs none. */
export function encodeHidden({ proof, text }: HiddenReasoning): string | undefined {
  if (proof?.protocol === "openai-responses") return proof.data;
  if (proof === undefined && text === undefined) return undefined;
  const fields = { p: proof?.protocol, k: proof?.kind, d: proof?.data, t: text };
  return prefix + Buffer.from(JSON.stringify(fields), "utf8").toString("base64");
}

/** What `encrypted_content` stands for. A tunnel that can't be read holds nothing. */
export function decodeHidden(content: string): HiddenReasoning {
  if (content === "") return {};
  if (!content.startsWith(prefix)) return { proof: { protocol: "openai-responses", kind: "encrypted", data: content } };
  const fields = parseTunnel(content.slice(prefix.length));
  if (!isObject(fields)) return {};
  const protocol = protocolIds.find((known) => known === fields["p"]);
  const kind = (["signature", "encrypted", "redacted"] as const).find((known) => known === fields["k"]);
  const { d: data, t: text } = fields;
  return {
    ...(protocol !== undefined && kind !== undefined && typeof data === "string" ? { proof: { protocol, kind, data } } : {}),
    ...(typeof text === "string" ? { text } : {}),
  };
}

function parseTunnel(base64: string): unknown {
  try {
    return JSON.parse(Buffer.from(base64, "base64").toString("utf8"));
  } catch {
    return undefined; // Cut or altered on the client's side: as good as nothing.
  }
}
