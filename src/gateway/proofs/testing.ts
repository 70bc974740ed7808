import type { ProofContent, ProofOrigin } from "./proof-content.ts";

/** Not a seal, but it looks like one. */
export const seal = (content: ProofContent): string => `tokligence01 ${JSON.stringify(content)}`;

export function open(sealed: string): ProofContent | undefined {
  return sealed.startsWith("tokligence01 ") ? (JSON.parse(sealed.slice(13)) as ProofContent) : undefined;
}

export const claude: ProofOrigin = { provider: "anthropic", protocol: "anthropic-messages", family: "claude" };
export const gemini: ProofOrigin = { provider: "google", protocol: "gemini-generate", family: "gemini" };
