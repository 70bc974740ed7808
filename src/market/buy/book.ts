import { messageOf, type Clock, type Logger } from "../../core/index.ts";
import { buildProviders, type Provider } from "../../upstream/index.ts";
import { parseCanonical } from "../documents/canonical.ts";
import { documentOf, maxClockSkewMs, verifyDocument, type MarketDocument } from "../documents/document.ts";
import { marketDialects, type Price } from "../documents/kinds.ts";
import type { Peer, Peers } from "../peers/peers.ts";
import { chooseOffer, highestPrice, isWithin, type Choice, type Need } from "./choose.ts";
import { ExchangeOffers } from "./exchange-offers.ts";
import { relayOf } from "../wire.ts";
import { isForbiddenReach, isPublicReach } from "./reach.ts";
import { newerOffer } from "./newer-offer.ts";
import type { KnownOffer, PeerSeller } from "./peer-seller.ts";
import type { SellerRecord } from "./seller-record.ts";
import { transportOf, transportProtocol, type NodeCalls } from "./node-calls.ts";

export type { KnownOffer, PeerSeller } from "./peer-seller.ts";

/** What peers sell, in memory. It is read anew about every 20 seconds, as offers are valid for two minutes. */
export interface Book {
  /** By its name with `@`. */
  seller(provider: string): PeerSeller | undefined;
  /** Also those of exchanges, and the exchanges themselves, without offers. */
  sellers(): readonly PeerSeller[];
  /** Who sells at a clearing, by its node; the clearing alone if the seller offers nothing there now. @param clearing any if `undefined`. */
  sellerAt(seller: string, clearing: string | undefined): PeerSeller | undefined;
  /** Who is asked for a model; `undefined`: nobody offers it now. */
  choose(provider: string, model: string, need: Need): Choice | undefined;
  /** What is offered of a model there: one offer of a peer, or those of an exchange. */
  offersOf(provider: string, model: string): readonly Choice[];
  /** The providers `@name`, one for each peer that sells, with the models that it offers. */
  providers(): readonly Provider[];
  /** The price of a model, for the ledger: at an exchange the highest that is paid. */
  price(provider: string, model: string): Price | undefined;
  /** Asks all peers, or the one of this name. */
  refresh(only?: string): Promise<void>;
  /** Why a peer could not be asked, by its name with `@`. */
  problems(): ReadonlyMap<string, string>;
}

export interface BookDeps {
  readonly peers: Peers;
  readonly calls: NodeCalls;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The peers, their models or the prices have changed. */
  readonly onChange: () => void;
  /** Whether sellers of exchanges may be at private addresses. */
  readonly allowPrivate: () => boolean;
  /** The URL at which this process calls what others know by a URL. */
  readonly calledAt: (url: string) => string;
  readonly record: SellerRecord;
  /** From 0 to 1. */
  readonly random: () => number;
  /** A peer has stated this node's account there. */
  readonly onStatement: (peer: Peer, transport: Provider, statement: MarketDocument<"statement/1">) => Promise<void>;
}

const mostOffers = 500;
const longestOfferMs = 120_000;

export function createBook(deps: BookDeps): Book {
  return new PeerBook(deps);
}

class PeerBook implements Book {
  readonly #deps: BookDeps;
  readonly #sellers = new Map<string, PeerSeller>();
  readonly #transports = new Map<string, { readonly url: string; readonly provider: Provider }>();
  readonly #exchanges = new Map<string, ExchangeOffers>();
  readonly #problems = new Map<string, string>();
  #providers: readonly Provider[] = [];
  #announced = "[]";

  constructor(deps: BookDeps) {
    this.#deps = deps;
  }

  seller(provider: string): PeerSeller | undefined {
    return this.#sellers.get(provider);
  }

  sellers(): readonly PeerSeller[] {
    return [...this.#sellers.values(), ...[...this.#exchanges.values()].flatMap(({ sellers }) => sellers)];
  }

  sellerAt(seller: string, clearing: string | undefined): PeerSeller | undefined {
    const all = this.sellers();
    const isThere = ({ peer }: PeerSeller): boolean => clearing === undefined || peer.node === clearing;
    return all.find((one) => one.node.node === seller && isThere(one)) ?? all.find((one) => one.node.node === clearing && isThere(one));
  }

  choose(provider: string, model: string, need: Need): Choice | undefined {
    const { clock, record, random } = this.#deps;
    const choices = this.offersOf(provider, model);
    if (!this.#exchanges.has(provider)) return choices[0];
    const most = highestPrice(choices.map(({ offer }) => offer));
    const affordable = most === undefined ? [] : choices.filter(({ offer }) => isWithin(offer.body.price, most));
    return chooseOffer(affordable, need, { record, nowMs: clock.now(), random });
  }

  offersOf(provider: string, model: string): readonly Choice[] {
    const sellers = this.#exchanges.get(provider)?.sellers ?? [this.#sellers.get(provider)];
    return sellers.flatMap((seller) => {
      const offer = seller?.offers.get(model);
      return seller === undefined || offer === undefined ? [] : [{ seller, offer }];
    });
  }

  providers(): readonly Provider[] {
    return this.#providers;
  }

  price(provider: string, model: string): Price | undefined {
    const found = this.#exchanges.get(provider);
    if (found === undefined) return this.#sellers.get(provider)?.offers.get(model)?.body.price;
    return highestPrice(found.sellers.flatMap((seller) => seller.offers.get(model) ?? []));
  }

  problems(): ReadonlyMap<string, string> {
    return this.#problems;
  }

  async refresh(only?: string): Promise<void> {
    const peers = (await this.#deps.peers.list()).filter((peer) => peer.url !== undefined && !peer.isBlocked);
    const wanted = peers.filter((peer) => only === undefined || peer.name === only);
    await Promise.all(wanted.map((peer) => this.#ask(peer, this.#deps.calledAt(peer.url!))));
    const names = new Set(peers.map(({ name }) => `@${name}`));
    for (const name of this.#sellers.keys()) if (!names.has(name)) this.#sellers.delete(name);
    for (const name of this.#exchanges.keys()) if (!names.has(name)) this.#exchanges.delete(name);
    for (const name of this.#problems.keys()) if (!names.has(name)) this.#problems.delete(name);
    this.#dropOld();
    this.#announce();
  }

  async #ask(peer: Peer, url: string): Promise<void> {
    const name = `@${peer.name}`;
    let known = this.#transports.get(name);
    if (known?.url !== url) {
      known = { url, provider: transportOf(name, url) };
      this.#transports.set(name, known);
      this.#deps.calls.register([known.provider]);
    }
    const transport = known.provider;
    try {
      const { statement, ...seller } = await (peer.role === "exchange"
        ? this.#readExchange(name, peer, transport)
        : this.#readPeer(name, peer, transport));
      this.#sellers.set(name, { ...seller, statement: statement.body });
      await this.#deps.onStatement(peer, transport, statement);
      this.#problems.delete(name);
    } catch (error) {
      const message = messageOf(error);
      const isNew = this.#problems.get(name) !== message;
      if (isNew) this.#deps.logger.warn({ peer: name, error: message }, "a node of the market cannot be asked for its offers");
      this.#problems.set(name, message);
    }
  }

  async #readPeer(name: string, peer: Peer, transport: Provider): Promise<ReturnType<typeof readBook>> {
    const text = await this.#deps.calls.get(transport, peer.node, "/book");
    const known = this.#sellers.get(name)?.offers;
    return readBook(text, { peer, transport, nowMs: this.#deps.clock.now(), known });
  }

  async #readExchange(name: string, peer: Peer, transport: Provider): Promise<ReturnType<typeof readBook>> {
    const { calls, clock } = this.#deps;
    let known = this.#exchanges.get(name);
    if (known === undefined) {
      known = new ExchangeOffers();
      this.#exchanges.set(name, known);
    }
    const text = await calls.get(transport, peer.node, `/book?after=${known.rev}`);
    return known.take(text, { peer, transport, nowMs: clock.now(), transportTo: (url) => this.#transportTo(peer, url) });
  }

  /** The way to a seller that only the exchange knows. Its name is that of the exchange, as no label or message names the seller. */
  #transportTo({ name, url: own }: Peer, url: string): Provider | undefined {
    const exchange = `@${name}`;
    // The exchange itself as a relay is where this node's owner has joined it.
    const allowPrivate = this.#deps.allowPrivate() || (own !== undefined && relayOf(url)?.relay === own);
    if (isForbiddenReach(url) || (!allowPrivate && !isPublicReach(url))) return undefined;
    const key = `${exchange} ${url} ${allowPrivate}`;
    let known = this.#transports.get(key);
    if (known === undefined) {
      known = { url, provider: { ...transportOf(exchange, url), isPublicOnly: !allowPrivate } };
      this.#transports.set(key, known);
      this.#deps.calls.register([known.provider]);
    }
    return known.provider;
  }

  /** An offer that has ended is of a seller that is away. */
  #dropOld(): void {
    const now = this.#deps.clock.now();
    for (const exchange of this.#exchanges.values()) exchange.dropOld(now);
    for (const [name, seller] of this.#sellers) {
      const offers = new Map([...seller.offers].filter(([, { body }]) => body.until > now));
      if (offers.size !== seller.offers.size) this.#sellers.set(name, { ...seller, offers });
    }
  }

  #announce(): void {
    const listed = [...this.#sellers].map(([name, seller]) => ({ name, seller, models: this.#modelsOf(name, seller) }));
    const announced = JSON.stringify(listed.map(({ name, models }) => [name, models.map((model) => [model, this.price(name, model)])]));
    if (announced === this.#announced) return;
    this.#announced = announced;
    this.#providers = listed.map(({ name, seller: { peer, transport }, models }) => {
      const baseUrl = Object.fromEntries(marketDialects.map((id) => [id, transport.baseUrls[transportProtocol]!]));
      const settings = { name, enabled: true, protocols: marketDialects, baseUrl, keys: [], models };
      const provider = buildProviders([settings]).at(-1)!;
      return peer.role === "exchange" ? { ...provider, isExchange: true } : provider;
    });
    this.#deps.onChange();
  }

  #modelsOf(name: string, { offers }: PeerSeller): readonly string[] {
    const found = this.#exchanges.get(name);
    if (found === undefined) return [...offers.keys()];
    return [...new Set(found.sellers.flatMap((seller) => [...seller.offers.keys()]))].toSorted();
  }
}

/** `{"node":…,"offers":[…],"statement":…}`: everything is signed by the peer. @throws DocumentError */
function readBook(
  text: string,
  { peer, transport, nowMs, known }: { peer: Peer; transport: Provider; nowMs: number; known: PeerSeller["offers"] | undefined },
): Omit<PeerSeller, "statement"> & { readonly statement: MarketDocument<"statement/1"> } {
  const value = parseCanonical(text) as Readonly<Record<string, unknown>>;
  const node = documentOf("node/1", value["node"]);
  verifyDocument(node, peer.node);
  const statement = documentOf("statement/1", value["statement"]);
  verifyDocument(statement, peer.node);
  const offers = new Map<string, KnownOffer>();
  for (const entry of Array.isArray(value["offers"]) ? (value["offers"] as unknown[]).slice(0, mostOffers) : []) {
    const offer = documentOf("offer/1", entry);
    const hash = verifyDocument(offer, peer.node);
    const { model, seller } = offer.body;
    if (seller === peer.node && isCurrent(offer.body, nowMs))
      offers.set(model, newerOffer(known?.get(model), { body: offer.body, hash }, nowMs));
  }
  return { peer, node: node.body, offers, statement, transport, clearingTransport: transport, seenMs: nowMs };
}

/** It is valid now, and for at most two minutes: nobody keeps a price for longer, nor makes offers for later. */
function isCurrent({ at, until }: MarketDocument<"offer/1">["body"], nowMs: number): boolean {
  return until > nowMs && until - at <= longestOfferMs && at <= nowMs + maxClockSkewMs;
}
