import { GatewayError } from "../../core/index.ts";
import type { BookedBy, Clearing } from "../clearing/clearing.ts";

/** Money that moves outside of the market. */
export interface Deposit extends BookedBy {
  readonly id: string;
  readonly owner: string;
  /** Nano-credits; below 0: the owner was paid. */
  readonly amount: bigint;
}

/** @throws GatewayError `invalid_request` if the owner was paid more than its account has free. */
export async function bookDeposit(clearing: Clearing, { id, owner, amount, actor, reason }: Deposit): Promise<void> {
  const result = await clearing.deposit(id, owner, amount, { actor, reason });
  if (result !== "ok") throw new GatewayError("invalid_request", "The member has less than that.", { param: "credit" });
}
