/** The wire protocols, with the names that the configuration uses. */
export const protocolIds = ["openai-chat", "openai-responses", "anthropic-messages", "gemini-generate"] as const;

export type ProtocolId = (typeof protocolIds)[number];

/** Fields that the neutral form has no name for, by the protocol that has them, as on its wire. */
export type Extensions = { readonly [P in ProtocolId]?: Readonly<Record<string, unknown>> };
