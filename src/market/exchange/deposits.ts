import { GatewayError } from "../../core/index.ts";
import type { Store } from "../../store/index.ts";
import type { Clearing } from "../clearing/clearing.ts";

/** Money that moves outside of the market. */
export interface Deposit {
  readonly id: string;
  readonly owner: string;
  /** Nano-credits; below 0: the owner was paid. */
  readonly amount: bigint;
  readonly actor: string;
  readonly reason: string;
}

/** @throws GatewayError `invalid_request` if the owner was paid more than its account has free. */
export async function bookDeposit(
  { store, clearing, now }: { readonly store: Store; readonly clearing: Clearing; readonly now: number },
  { id, owner, amount, actor, reason }: Deposit,
): Promise<void> {
  if (amount < 0n) {
    const { balance, held } = await clearing.account(owner);
    if (balance - held + amount < 0n) throw new GatewayError("invalid_request", "The member has less than that.", { param: "credit" });
  }
  await store.insertRows("market_deposits", ["id", "owner", "actor", "reason", "at_ms"], [[id, owner, actor, reason, now]]);
  await clearing.deposit(id, owner, amount);
}
