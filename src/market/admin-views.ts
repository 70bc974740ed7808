import { formatUsd } from "../ledger/index.ts";
import type { MarketStatus, PeerState, SharedModel, TradeState } from "./admin-types.ts";
import type { Market } from "./market.ts";
import type { Share } from "./sell/shares.ts";

export async function statusOf(market: Market): Promise<MarketStatus> {
  const { earned, spent } = await sumsOf(market);
  return {
    node: market.keys.node.id,
    reach: market.port === undefined ? null : market.reach(),
    listening: market.port !== undefined,
    paused: market.isPaused,
    shares: (await market.shares.list()).map(shownShare),
    peers: await peersOf(market),
    earned_credits: formatUsd(earned),
    spent_credits: formatUsd(spent),
  };
}

export async function peersOf(market: Market): Promise<readonly PeerState[]> {
  const states: PeerState[] = [];
  for (const peer of await market.peers.list()) {
    const { balance, held } = await market.clearing.account(peer.node);
    const there = market.book.seller(`@${peer.name}`);
    const reserved = market.pool.held(peer.node);
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
      own_reserved_until: reserved.untilMs === 0 || reserved.untilMs < market.now() ? null : new Date(reserved.untilMs).toISOString(),
      problem: market.book.problems().get(`@${peer.name}`) ?? null,
    });
  }
  return states;
}

export const noMarket: MarketStatus = {
  node: null,
  reach: null,
  listening: false,
  paused: false,
  shares: [],
  peers: [],
  earned_credits: "0",
  spent_credits: "0",
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
  const sold = (await market.sales(limit)).map(({ requestId, buyer, model, cost, status, atMs }) => ({
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

export function shownShare({ model, provider, upstreamModel, terms }: Share): SharedModel {
  return {
    model,
    provider,
    upstream_model: upstreamModel,
    input_usd: rateOf(terms.price.input),
    output_usd: rateOf(terms.price.output),
    cache_read_usd: rateOf(terms.price.cache_read),
    licence: terms.licence,
    source: terms.source,
    concurrency: terms.concurrency,
  };
}

/** Nano per million tokens is femto per token; as a decimal of dollars a million. */
export function rateOf(femto: string): string {
  return formatUsd(BigInt(femto));
}

function signedUsd(nano: bigint): string {
  return nano < 0n ? `-${formatUsd(-nano)}` : formatUsd(nano);
}
