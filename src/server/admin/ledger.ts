import type { AdminOperation } from "./api.ts";

/** The state of the ledger: its level, what waits, its journals. */
export function ledgerOperations(status: () => Promise<unknown>): AdminOperation[] {
  return [{ method: "GET", path: "/api/v1/ledger", access: "admin", run: () => status() }];
}
