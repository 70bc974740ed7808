import { systemAccounts } from "./account.ts";
import type { ClearingState } from "./engine.ts";

/** A rule of the clearing that its accounts and leases break: the rule, and what was found. */
export interface BrokenRule {
  readonly rule: string;
  readonly found: string;
}

/**
 * Checks the sums of a clearing from scratch: all its accounts and all its leases. Transfers and heads are checked where entries are read.
 * @returns what is broken; nothing if all is right.
 */
export function checkClearing({ accounts, leases }: ClearingState): readonly BrokenRule[] {
  const broken: BrokenRule[] = [];
  const expect = (rule: string, found: bigint, expected: bigint, of: string): void => {
    if (found !== expected) broken.push({ rule, found: `${of}: ${found}, expected ${expected}` });
  };
  let total = 0n;
  const held = new Map<string, bigint>();
  let contested = 0n;
  for (const lease of leases.values()) {
    if (lease.state === "open") held.set(lease.buyer, (held.get(lease.buyer) ?? 0n) + lease.hold);
    expect("paid, contested and refunded are what was charged", lease.paid + lease.contested + lease.refunded, lease.charged, lease.id);
    if (lease.charged > lease.hold) broken.push({ rule: "a lease charges at most its hold", found: lease.id });
    if (lease.state !== "window") expect("only a window is contested", lease.contested, 0n, lease.id);
    contested += lease.contested;
  }
  for (const account of accounts.values()) {
    total += account.balance;
    expect("held is the sum of the open holds", account.held, held.get(account.owner) ?? 0n, account.owner);
  }
  expect("all balances add up to 0", total, 0n, "all accounts");
  expect(
    "#contested is the sum of the windows",
    accounts.get(systemAccounts.contested)?.balance ?? 0n,
    contested,
    systemAccounts.contested,
  );
  return broken;
}
