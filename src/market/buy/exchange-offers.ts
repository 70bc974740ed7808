import type { Provider } from "../../upstream/index.ts";
import { parseCanonical } from "../documents/canonical.ts";
import { documentOf, verifyDocument, type MarketDocument } from "../documents/document.ts";
import { reachOf, type Peer } from "../peers/peers.ts";
import { newerOffer } from "./newer-offer.ts";
import type { KnownOffer, PeerSeller } from "./peer-seller.ts";

interface ExchangeParts {
  readonly peer: Peer;
  readonly transport: Provider;
  readonly nowMs: number;
  /** Where a seller is called; `undefined`: at an address that is not allowed. */
  readonly transportTo: (url: string) => Provider | undefined;
}

/** The sellers of one exchange, by node, as far as its book has been read. */
export class ExchangeOffers {
  readonly #sellers = new Map<string, PeerSeller>();
  rev = 0;

  get sellers(): readonly PeerSeller[] {
    return [...this.#sellers.values()];
  }

  /**
   * Takes what has changed: the whole offers of each seller that is named.
   * @returns the exchange itself, which has no offers of its own here. @throws DocumentError
   */
  take(text: string, parts: ExchangeParts): Omit<PeerSeller, "statement"> & { readonly statement: MarketDocument<"statement/1"> } {
    const { peer, transport, nowMs } = parts;
    const value = parseCanonical(text) as Readonly<Record<string, unknown>>;
    const node = documentOf("node/1", value["node"]);
    verifyDocument(node, peer.node);
    const statement = documentOf("statement/1", value["statement"]);
    verifyDocument(statement, peer.node);
    for (const sent of Array.isArray(value["sellers"]) ? (value["sellers"] as unknown[]) : [])
      this.#takeSeller(sent, { ...parts, statement });
    const { rev } = value;
    // After the exchange's database was made anew, all is read again.
    this.rev = typeof rev === "number" && rev >= this.rev ? rev : 0;
    return { peer, node: node.body, offers: new Map(), statement, transport, clearingTransport: transport, seenMs: nowMs };
  }

  #takeSeller(
    sent: unknown,
    { peer, transport, nowMs, transportTo, statement }: ExchangeParts & { readonly statement: MarketDocument<"statement/1"> },
  ): void {
    const { node: sentNode, offers: sentOffers } = (sent ?? {}) as Readonly<Record<string, unknown>>;
    const node = documentOf("node/1", sentNode);
    const id = node.body.node;
    verifyDocument(node, id);
    const offers = new Map<string, KnownOffer>();
    for (const entry of Array.isArray(sentOffers) ? (sentOffers as unknown[]) : []) {
      const offer = documentOf("offer/1", entry);
      const hash = verifyDocument(offer, id);
      const { model, seller, until } = offer.body;
      if (seller !== id || until <= nowMs) continue;
      offers.set(model, newerOffer(this.#sellers.get(id)?.offers.get(model), { body: offer.body, hash }, nowMs));
    }
    const url = reachOf(node.body);
    const own = url === undefined ? undefined : transportTo(url);
    this.#sellers.delete(id);
    if (own === undefined || offers.size === 0) return;
    this.#sellers.set(id, {
      peer,
      node: node.body,
      offers,
      statement: statement.body,
      transport: own,
      clearingTransport: transport,
      seenMs: nowMs,
    });
  }

  /** Offers that have ended are of sellers that are away. */
  dropOld(nowMs: number): void {
    for (const [id, seller] of this.#sellers) {
      const offers = new Map([...seller.offers].filter(([, { body }]) => body.until > nowMs));
      if (offers.size === 0) this.#sellers.delete(id);
      else if (offers.size !== seller.offers.size) this.#sellers.set(id, { ...seller, offers });
    }
  }
}
