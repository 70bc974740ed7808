import { formatUsd } from "../ledger/index.ts";
import type { MarketStatus, PeerState, TradeState, UsedRelayState } from "./admin-types.ts";
import type { Price } from "./documents/kinds.ts";
import type { Market } from "./market.ts";
import type { RelayLink } from "./relay/relay-link.ts";
import type { SharedModel } from "./shared-model.ts";
import type { Share } from "./sell/shares.ts";

export async function statusOf(market: Market): Promise<MarketStatus> {
  const { earned, spent } = await sumsOf(market);
  const peers = await peersOf(market);
  const reserved = market.pool.reserved();
  return {
    node: market.keys.node.id,
    reach: market.presence.isOpen ? market.reach() : null,
    listening: market.presence.isListening,
    paused: market.isPaused,
    shares: (await market.shares.list()).map((share) =>
      shownShare(share, { free: market.freeSlots(share), price: market.selling.priceOf(share) }),
    ),
    peers,
    relays: market.presence.links.map(relayState),
    relayed: market.presence.relay.sellers,
    earned_credits: formatUsd(earned),
    spent_credits: formatUsd(spent),
    reserved_credits: formatUsd(reserved.amount),
    reserved_until: timeOf(reserved.untilMs),
  };
}

export async function peersOf(market: Market): Promise<readonly PeerState[]> {
  const states: PeerState[] = [];
  for (const peer of await market.peers.list()) {
    const { balance, held } = await market.clearing.account(peer.node);
    const there = market.book.seller(`@${peer.name}`);
    const reserved = market.pool.reserved(peer.node);
    states.push({
      name: peer.name,
      node: peer.node,
      url: peer.url ?? null,
      limit_credits: formatUsd(peer.limit),
      blocked: peer.isBlocked,
      balance_credits: signedUsd(balance),
      reserved_credits: formatUsd(held),
      own_balance_credits: there === undefined ? null : signedUsd(BigInt(there.statement.balance)),
      own_reserved_credits: formatUsd(reserved.amount),
      own_reserved_until: timeOf(reserved.untilMs),
      problem: problemOf(market, peer),
    });
  }
  return states;
}

function timeOf(ms: number): string | null {
  return ms === 0 ? null : new Date(ms).toISOString();
}

/** Why nothing is bought from a peer. */
function problemOf(market: Market, { node, name }: { readonly node: string; readonly name: string }): string | null {
  const wrong = market.statements.problem(node);
  if (wrong !== undefined) return `its statement is wrong: ${wrong}`;
  return market.avoided.has(node) ? "avoided for a day, as a receipt was refused" : (market.book.problems().get(`@${name}`) ?? null);
}

export function relayState({ relay, url, connections, problem }: RelayLink): UsedRelayState {
  return { name: relay.name, node: relay.node, url: url ?? null, connections, problem: problem ?? null };
}

export const noMarket: MarketStatus = {
  node: null,
  reach: null,
  listening: false,
  paused: false,
  shares: [],
  peers: [],
  relays: [],
  relayed: [],
  earned_credits: "0",
  spent_credits: "0",
  reserved_credits: "0",
  reserved_until: null,
};

async function sumsOf(market: Market): Promise<{ readonly earned: bigint; readonly spent: bigint }> {
  let [earned, spent] = [0n, 0n];
  for (const { node } of await market.peers.list()) spent += await market.trades.ackedTo(node);
  earned = (await market.clearing.account(market.keys.node.id)).balance;
  return { earned, spent };
}

export async function tradesOf(market: Market, limit: number): Promise<readonly TradeState[]> {
  const names = new Map((await market.peers.list()).map(({ node, name }) => [node, name]));
  const bought = (await market.trades.list({ limit })).map(({ requestId, seller, model, cost, state, atMs }) => ({
    request_id: requestId,
    direction: "bought" as const,
    peer: names.get(seller) ?? seller,
    model,
    credits: formatUsd(cost),
    state,
    time: new Date(atMs).toISOString(),
  }));
  const sold = (await market.books.sales(limit)).map(({ requestId, buyer, model, cost, status, atMs }) => ({
    request_id: requestId,
    direction: "sold" as const,
    peer: names.get(buyer) ?? buyer,
    model,
    credits: formatUsd(cost),
    state: status,
    time: new Date(atMs).toISOString(),
  }));
  return [...bought, ...sold].toSorted((a, b) => (a.time < b.time ? 1 : -1)).slice(0, limit);
}

/** @param now what is asked, and how many requests would be taken. */
export function shownShare(
  { model, provider, upstreamModel, terms }: Share,
  { free, price }: { readonly free: number; readonly price: Price },
): SharedModel {
  return {
    model,
    provider,
    upstream_model: upstreamModel,
    input_usd: rateOf(price.input),
    output_usd: rateOf(price.output),
    cache_read_usd: rateOf(price.cache_read),
    licence: terms.licence,
    source: terms.source,
    contract: terms.contract ?? null,
    concurrency: terms.concurrency,
    rule: terms.rule?.kind ?? "fixed",
    hours: terms.hours ?? [],
    free,
  };
}

/** Nano per million tokens is femto per token; as a decimal of dollars a million. */
export function rateOf(femto: string): string {
  return formatUsd(BigInt(femto));
}

/** A decimal, with a minus sign if it is below 0. */
export function signedUsd(nano: bigint): string {
  return nano < 0n ? `-${formatUsd(-nano)}` : formatUsd(nano);
}
