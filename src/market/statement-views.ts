import { GatewayError } from "../core/index.ts";
import type { StatementState } from "./admin-types.ts";
import { signedUsd } from "./admin-views.ts";
import { formatUsd } from "../ledger/index.ts";
import { checkClearing } from "./clearing/check.ts";
import type { Market } from "./market.ts";

/** This node's account at each clearing, checked, and its own books. @param name of one peer. @param isWhole from the first entry. */
export async function statementsOf(market: Market, name: string | undefined, isWhole: boolean): Promise<readonly StatementState[]> {
  const wanted = name === undefined ? undefined : (await market.peers.find(name)).name;
  await market.book.refresh(wanted);
  const problems = market.book.problems();
  // An exchange states the account, not the sellers that are bought from over it.
  const clearings = market.book
    .sellers()
    .filter(({ peer, node }) => node.node === peer.node && (wanted === undefined || peer.name === wanted));
  const states: StatementState[] = [];
  for (const { peer, clearingTransport: transport } of clearings) {
    // What it stated before is old.
    if (problems.has(`@${peer.name}`)) continue;
    const { statement, entries, problem } = await market.statements.check({ clearing: peer.node, transport }, isWhole);
    const { seq, balance, held, limit, head, at } = statement.body;
    states.push({
      clearing: peer.name,
      entries: seq,
      checked_entries: entries,
      balance_credits: signedUsd(BigInt(balance)),
      reserved_credits: formatUsd(BigInt(held)),
      limit_credits: formatUsd(BigInt(limit)),
      acknowledged_credits: formatUsd(await market.trades.ackedTo(peer.node)),
      head,
      time: new Date(at).toISOString(),
      state: problem === undefined ? "right" : "wrong",
      problem: problem ?? null,
    });
  }
  for (const { name: peer, url } of await market.peers.list()) {
    const problem = problems.get(`@${peer}`);
    if (problem !== undefined && (wanted === undefined || peer === wanted)) states.push({ ...notAsked, clearing: peer, problem });
    else if (peer === wanted && url === undefined)
      throw new GatewayError("invalid_request", `"${peer}" only buys: this gateway has no account there.`);
  }
  if (wanted === undefined) states.push(...(await ownBooks(market, isWhole)));
  return states;
}

/** Of a peer that cannot be asked. */
const notAsked: Omit<StatementState, "clearing"> = {
  entries: 0,
  checked_entries: 0,
  balance_credits: "0",
  reserved_credits: "0",
  limit_credits: "0",
  head: "",
  time: "",
  state: "unknown",
  problem: "",
};

/** The accounts of others at this node. */
async function ownBooks(market: Market, isWhole: boolean): Promise<readonly StatementState[]> {
  const state = await market.clearing.readAll();
  const broken = checkClearing(state).map(({ rule, found }) => `${rule} (${found})`);
  const names = new Map((await market.peers.list()).map(({ node, name, limit }) => [node, { name, limit }]));
  const states: StatementState[] = [];
  for (const account of state.accounts.values()) {
    const known = names.get(account.owner);
    if (known === undefined) continue;
    const checked = isWhole ? await market.books.checkEntries(account) : undefined;
    const problems = [...broken, ...(checked?.broken ?? []).map(({ rule, found }) => `${rule} (${found})`)];
    states.push({
      clearing: "here",
      owner: known.name,
      entries: account.seq,
      checked_entries: checked?.entries ?? 0,
      balance_credits: signedUsd(account.balance),
      reserved_credits: formatUsd(account.held),
      limit_credits: formatUsd(known.limit),
      head: `sha256:${account.head}`,
      time: new Date(market.now()).toISOString(),
      state: problems.length === 0 ? "right" : "wrong",
      problem: problems[0] ?? null,
    });
  }
  return states;
}
