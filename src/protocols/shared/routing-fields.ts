import type { Span } from "../../core/index.ts";

/**
 * Fields by which a request says itself where it may go, as OpenRouter has them (openrouter.ai/docs, model routing and provider routing; November 2026). Dialects put
 * them at the end of the keys of their envelope.
 */
export const routingKeys = ["models", "provider"] as const;

/** Their places, for `Envelope.spans`. `spans` ends with those of `routingKeys`. */
export function routingSpans(spans: readonly (Span | undefined)[]): { readonly [K in (typeof routingKeys)[number]]?: Span } {
  const [models, provider] = spans.slice(-routingKeys.length);
  return { ...(models === undefined ? {} : { models }), ...(provider === undefined ? {} : { provider }) };
}
