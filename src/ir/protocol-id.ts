/** The wire protocols, as configuration spells them. */
export const protocolIds = ["openai-chat", "openai-responses", "anthropic-messages", "gemini-generate"] as const;

export type ProtocolId = (typeof protocolIds)[number];

/** Fields that the neutral form has no name for, by the protocol that has, as on its wire. */
export type Extensions = { readonly [P in ProtocolId]?: Readonly<Record<string, unknown>> };
