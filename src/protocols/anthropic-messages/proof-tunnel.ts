import { protocolIds, type ReasoningProof } from "../../ir/index.ts";
import { isObject } from "./fields.ts";

/**
 * A client of this dialect echoes the `signature` of a thinking block verbatim, whatever it holds. So a proof that another provider made travels in
 * it: `gw1.` + base64 of `{"p":protocol,"k":kind,"d":data,"i":item id}`; keys without a value are left out. `gw1.e30=` says that there is no proof:
 * some clients ask again without streaming when a thinking block has no signature at all.
 */
const prefix = "gw1.";

interface SignedReasoning {
  readonly proof?: ReasoningProof | undefined;
  /** Wire id of the item in the protocol that made it. */
  readonly id?: string | undefined;
}

export function encodeSignature({ proof, id }: SignedReasoning): string {
  if (proof?.protocol === "anthropic-messages" && proof.kind === "signature") return proof.data;
  const fields = { p: proof?.protocol, k: proof?.kind, d: proof?.data, i: id };
  return prefix + Buffer.from(JSON.stringify(fields), "utf8").toString("base64");
}

/** What a signature stands for. A tunnel that can't be read, or says nothing, is no proof. */
export function decodeSignature(signature: string): SignedReasoning {
  if (signature === "") return {};
  if (!signature.startsWith(prefix)) return { proof: { protocol: "anthropic-messages", kind: "signature", data: signature } };
  const fields = parseTunnel(signature.slice(prefix.length));
  if (!isObject(fields)) return {};
  const protocol = protocolIds.find((known) => known === fields["p"]);
  const kind = (["signature", "encrypted", "redacted"] as const).find((known) => known === fields["k"]);
  const data = fields["d"];
  return {
    ...(protocol !== undefined && kind !== undefined && typeof data === "string" ? { proof: { protocol, kind, data } } : {}),
    ...(typeof fields["i"] === "string" ? { id: fields["i"] } : {}),
  };
}

function parseTunnel(base64: string): unknown {
  try {
    return JSON.parse(Buffer.from(base64, "base64").toString("utf8"));
  } catch {
    return undefined; // Cut or altered on the client's side: as good as no proof.
  }
}
