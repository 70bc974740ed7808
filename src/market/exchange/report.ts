import { sql } from "kysely";
import { formatUsd } from "../../ledger/index.ts";
import type { Store } from "../../store/index.ts";
import type { Peers } from "../peers/peers.ts";

export interface MemberReport {
  readonly name: string;
  readonly node: string;
  /** That it has bought. */
  readonly leases: number;
  readonly paid_credits: string;
  readonly earned_credits: string;
  /** Of its leases, what it has not acknowledged yet. */
  readonly contested_credits: string;
  readonly balance_credits: string;
}

interface Sums {
  readonly node: string;
  readonly leases: number;
  readonly paid_nano_usd: bigint;
  readonly contested_nano_usd: bigint;
  readonly earned_nano_usd: bigint;
  readonly balance_nano_usd: bigint;
}

/** What each member of the exchange has paid and earned, by its leases and transfers. */
export async function reportMembers(store: Store, members: Peers): Promise<readonly MemberReport[]> {
  const { rows } = await sql<Sums>`
    select n.node,
      (select count(*) from market_leases where buyer = n.node) as leases,
      cast(coalesce((select sum(paid_nano_usd) from market_leases where buyer = n.node), 0) as bigint) as paid_nano_usd,
      cast(coalesce((select sum(contested_nano_usd) from market_leases where buyer = n.node), 0) as bigint) as contested_nano_usd,
      cast(coalesce((select sum(amount_nano_usd) from market_transfers where credit = n.node and kind = 'pay'), 0) as bigint) as earned_nano_usd,
      cast(coalesce((select balance_nano_usd from market_accounts where owner = n.node), 0) as bigint) as balance_nano_usd
    from market_nodes n where n.role = 'member'`.execute(store.db);
  const sums = new Map(rows.map((row) => [row.node, row]));
  return (await members.list()).map(({ name, node }) => {
    const row = sums.get(node);
    const balance = row?.balance_nano_usd ?? 0n;
    return {
      name,
      node,
      leases: row?.leases ?? 0,
      paid_credits: formatUsd(row?.paid_nano_usd ?? 0n),
      earned_credits: formatUsd(row?.earned_nano_usd ?? 0n),
      contested_credits: formatUsd(row?.contested_nano_usd ?? 0n),
      balance_credits: balance < 0n ? `-${formatUsd(-balance)}` : formatUsd(balance),
    };
  });
}
