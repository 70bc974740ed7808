import type { KnownOffer } from "./peer-seller.ts";

/**
 * Of two offers with one number the first counts, as long as it is valid; one with a smaller number was sent again by somebody, or overtaken.
 * @returns which of them a buyer may use.
 */
export function newerOffer(known: KnownOffer | undefined, sent: KnownOffer, nowMs: number): KnownOffer {
  if (known === undefined || known.hash === sent.hash || known.body.offer !== sent.body.offer) return sent;
  return sent.body.seq <= known.body.seq && known.body.until > nowMs ? known : sent;
}
