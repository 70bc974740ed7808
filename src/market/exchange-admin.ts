import { GatewayError, type IdSource } from "../core/index.ts";
import { formatUsd } from "../ledger/index.ts";
import type { MemberReport } from "./exchange/report.ts";
import { createInvite } from "./join.ts";
import type { Market } from "./market.ts";
import type { Peer } from "./peers/peers.ts";
import { creditsOf } from "./share-request.ts";

export interface MemberState {
  readonly name: string;
  readonly node: string;
  readonly url: string | null;
  readonly blocked: boolean;
  readonly limit_credits: string;
  readonly balance_credits: string;
  readonly reserved_credits: string;
  readonly offers: number;
}

export interface ExchangeState {
  readonly node: string;
  readonly reach: string;
  readonly organisation: string;
  readonly fee_ppm: number;
  readonly members: number;
}

export interface DisputeState {
  readonly time: string;
  readonly lease: string;
  readonly buyer: string;
  readonly seller: string;
  readonly credits: string;
  /** Of the receipt. */
  readonly result: "right" | "wrong" | "undecided";
  readonly reason: string;
}

/** The operations of an exchange, for the admin API and the command line. */
export interface ExchangeAdmin {
  start(): Promise<ExchangeState>;
  invite(limit: string): Promise<{ readonly invite: string; readonly reach: string; readonly limit_credits: string }>;
  members(): Promise<readonly MemberState[]>;
  /** @param actor who asks, for the books. */
  update(
    reference: string,
    change: { limit?: string | undefined; blocked?: boolean | undefined; credit?: string | undefined; reason?: string | undefined },
    actor: string,
  ): Promise<MemberState>;
  check(): Promise<{
    readonly ok: boolean;
    readonly accounts: number;
    readonly leases: number;
    readonly transfers: number;
    readonly broken: readonly { readonly rule: string; readonly found: string }[];
  }>;
  /** What was decided about receipts whose answers were shown, the last ones first. */
  disputes(): Promise<readonly DisputeState[]>;
  report(): Promise<{ readonly fees_credits: string; readonly data: readonly MemberReport[] }>;
}

interface ExchangeAdminDeps {
  readonly open: () => Promise<Market>;
  readonly opened: () => Promise<Market | undefined>;
  readonly ids: IdSource;
}

export function createExchangeAdmin({ open, opened, ids }: ExchangeAdminDeps): ExchangeAdmin {
  const started = async (): Promise<Market> => {
    const market = await opened();
    if (market?.exchange.isStarted === true) return market;
    throw new GatewayError("conflict", "This gateway is not an exchange. Start one with `tokligence exchange start`.");
  };
  return {
    async start() {
      const market = await open();
      await market.startExchange();
      const { organisation, feePpm } = market.exchange.settings;
      const members = (await market.exchange.members.list()).length;
      return { node: market.keys.node.id, reach: market.reach(), organisation, fee_ppm: feePpm, members };
    },
    async invite(limit) {
      const nano = creditsOf("limit", limit);
      const market = await started();
      return { invite: await createInvite(market, nano, "member"), reach: market.reach(), limit_credits: formatUsd(nano) };
    },
    async members() {
      const market = await started();
      const states: MemberState[] = [];
      for (const member of await market.exchange.members.list()) states.push(await stateOf(market, member));
      return states;
    },
    async update(reference, { limit, blocked, credit, reason = "" }, actor) {
      const market = await started();
      const { members } = market.exchange;
      const { node } = await members.find(reference);
      if (limit !== undefined) await members.setLimit(node, creditsOf("limit", limit));
      if (blocked !== undefined) await members.setBlocked(node, blocked);
      if (credit !== undefined)
        await market.books.deposit({ id: `deposit-${ids.next("mkt")}`, owner: node, ...amountOf(credit), actor, reason });
      return await stateOf(market, (await members.byNode(node))!);
    },
    async check() {
      const market = await started();
      const { broken, ...counts } = await market.books.check();
      return { ok: broken.length === 0, ...counts, broken };
    },
    async disputes() {
      const market = await started();
      const names = new Map((await market.exchange.members.list()).map(({ node, name }) => [node, name]));
      return (await market.exchange.verdicts()).map(({ lease, buyer, seller, result, reason, cost, atMs }) => ({
        time: new Date(atMs).toISOString(),
        lease,
        buyer: names.get(buyer) ?? buyer,
        seller: names.get(seller) ?? seller,
        credits: formatUsd(cost),
        result,
        reason,
      }));
    },
    async report() {
      const market = await started();
      return { fees_credits: formatUsd((await market.clearing.account("#fees")).balance), data: await market.books.reportMembers() };
    },
  };
}

function amountOf(credit: string): { readonly amount: bigint } {
  return { amount: credit.startsWith("-") ? -creditsOf("credit", credit.slice(1)) : creditsOf("credit", credit) };
}

async function stateOf(market: Market, { node, name, url, limit, isBlocked }: Peer): Promise<MemberState> {
  const { balance, held } = await market.clearing.account(node);
  return {
    name,
    node,
    url: url ?? null,
    blocked: isBlocked,
    limit_credits: formatUsd(limit),
    balance_credits: signedUsd(balance),
    reserved_credits: formatUsd(held),
    offers: await market.exchange.countOffers(node),
  };
}

function signedUsd(nano: bigint): string {
  return nano < 0n ? `-${formatUsd(-nano)}` : formatUsd(nano);
}

/** The exchange of a process that does not serve. */
export function exchangeWithout(problem: () => GatewayError): ExchangeAdmin {
  const refuse = (): Promise<never> => Promise.reject(problem());
  return { start: refuse, invite: refuse, members: refuse, update: refuse, check: refuse, disputes: refuse, report: refuse };
}
