import type { ProtocolId, ReasoningBlock, ReasoningProof } from "../../ir/index.ts";
import type { Attempt } from "../../upstream/index.ts";

/** Where a proof is valid. */
export interface ProofOrigin {
  /** Name of the provider. */
  readonly provider: string;
  readonly protocol: ProtocolId;
  /** What the model's name begins with, as in `gpt`: one provider may serve models of many vendors. */
  readonly family: string;
}

/** What goes into a seal: all that a provider wants back of a piece of an answer. Its JSON is sealed; the seal's mark counts its versions. */
export interface ProofContent {
  readonly origin: ProofOrigin;
  /** In the order of the answer. Their texts are whole, as signatures sign them to the byte. */
  readonly reasoning: readonly ReasoningBlock[];
  /** The proof of the tool call itself. */
  readonly call?: ReasoningProof;
  /** A summary of the conversation so far, which the client keeps in its place; it goes to any provider. */
  readonly summary?: string;
}

export function originOf({
  provider,
  protocol,
  upstreamModel,
}: Pick<Attempt, "protocol" | "upstreamModel"> & { readonly provider: { readonly name: string } }): ProofOrigin {
  return { provider: provider.name, protocol, family: modelFamily(upstreamModel) };
}

/** `gpt` of `openai/gpt-5.5`, `claude` of `claude-opus-5`; "" where the name does not begin with letters. */
export function modelFamily(model: string): string {
  const start = model.lastIndexOf("/") + 1;
  let end = start;
  while (isLetter(model.charCodeAt(end))) end++;
  return model.slice(start, end).toLowerCase();
}

function isLetter(code: number): boolean {
  const lower = code | 32;
  return lower >= 97 && lower <= 122;
}

export function isSameOrigin(one: ProofOrigin, other: ProofOrigin): boolean {
  return one.provider === other.provider && one.protocol === other.protocol && one.family === other.family;
}
