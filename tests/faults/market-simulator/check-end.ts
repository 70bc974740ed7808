import assert from "node:assert/strict";
import type { SimNode } from "./node.ts";
import type { SimWorld } from "./world.ts";

interface Sold {
  readonly requestCost: bigint;
  readonly seller: string;
}

/** After all: what each node has, compared with what the others have. @returns how many requests were bought. */
export async function checkEnd(nodes: readonly SimNode[], world: SimWorld): Promise<number> {
  const sold = new Map<string, Sold>();
  const leases = new Map<string, { readonly state: string; readonly charged: bigint; readonly acked: bigint; readonly clearing: string }>();
  for (const node of nodes) {
    await checkOwnBooks(node);
    for (const row of await node.store.db.selectFrom("market_sales").select(["lease", "seq", "cost_nano_usd"]).execute())
      sold.set(`${row.lease} ${row.seq}`, { requestCost: row.cost_nano_usd, seller: node.name });
    for (const lease of (await node.market.clearing.readAll()).leases.values())
      leases.set(lease.id, { state: lease.state, charged: lease.charged, acked: lease.paid, clearing: node.name });
  }
  const accepted = new Map<string, bigint>();
  let bought = 0;
  for (const node of nodes) {
    const trades = await node.store.db.selectFrom("market_trades").selectAll().execute();
    const byRequest = new Map<string, number>();
    for (const trade of trades) {
      const key = `${trade.lease} ${trade.seq}`;
      assert.equal(sold.get(key)?.requestCost, trade.cost_nano_usd, `${node.name} has bought what nobody has sold at that cost: ${key}`);
      // An answer that was cut: its receipt does not fit what arrived.
      if (trade.state === "refused") continue;
      accepted.set(trade.lease, (accepted.get(trade.lease) ?? 0n) + trade.cost_nano_usd);
      if (trade.cost_nano_usd > 0n) byRequest.set(trade.request_id, (byRequest.get(trade.request_id) ?? 0) + 1);
    }
    for (const { outcome, requestId, model } of node.asked) {
      if (outcome === "answered")
        assert.equal(byRequest.get(requestId), 1, `${requestId} (${model}) was answered, and is not in the buyer's ledger once`);
      assert.notEqual(outcome, "open", `${requestId} (${model}) has no end`);
    }
    bought += byRequest.size;
  }
  checkLosses(leases, sold, accepted);
  await checkStatements(nodes, world);
  return bought;
}

async function checkOwnBooks(node: SimNode): Promise<void> {
  const { broken } = await node.market.books.check();
  assert.deepEqual(broken, [], node.name);
  const { accounts, leases } = await node.market.clearing.readAll();
  for (const { owner, held } of accounts.values()) assert.equal(held, 0n, `${node.name}: ${owner} has ${held} reserved for ever`);
  for (const { id, state } of leases.values()) assert.notEqual(state, "open", `${node.name}: the lease ${id} is open for ever`);
  const avoided = await node.store.db.selectFrom("market_avoided").selectAll().execute();
  assert.deepEqual(avoided, [], `${node.name} avoids an honest node`);
}

/** A lease charges what its seller has sold, and what is not acknowledged is what a cut line has lost. */
function checkLosses(
  leases: ReadonlyMap<string, { readonly state: string; readonly charged: bigint; readonly acked: bigint; readonly clearing: string }>,
  sold: ReadonlyMap<string, Sold>,
  accepted: ReadonlyMap<string, bigint>,
): void {
  const sums = new Map<string, bigint>();
  for (const [key, { requestCost }] of sold) {
    const lease = key.split(" ")[0]!;
    sums.set(lease, (sums.get(lease) ?? 0n) + requestCost);
  }
  for (const [id, { state, charged, acked, clearing }] of leases) {
    const [sum, known] = [sums.get(id) ?? 0n, accepted.get(id) ?? 0n];
    // A lease whose buyer never got it, or never used it, is settled by nobody.
    if (state === "void") assert.equal(sum, 0n, `${clearing}: the seller of ${id} has lost ${sum}`);
    assert.notEqual(state, "split", `${clearing}: ${id} was contested`);
    assert.equal(charged, sum, `${clearing}: ${id} charges ${charged} for ${sum}`);
    assert.ok(acked >= known, `${clearing}: ${id} has paid ${acked} of ${known} that its buyer has accepted`);
  }
  for (const id of sums.keys()) assert.ok(leases.has(id), `${id} was served, and its clearing does not know it`);
}

/** What each clearing states of an account is what its owner finds in the entries, from the first one on. */
async function checkStatements(nodes: readonly SimNode[], world: SimWorld): Promise<void> {
  for (const node of nodes) {
    for (const { name, url } of await node.market.peers.list()) {
      // One that only buys keeps no account of this node.
      if (url === undefined) continue;
      const states = await world.until(node.admin.statements(name, true));
      for (const { clearing, problem, state } of states)
        assert.equal(problem, null, `${node.name}: the statement of ${clearing} is ${state}`);
    }
  }
}
