import type { MetricsSnapshot } from "../../server/index.ts";

/** How a worker is told what to serve: the arguments that the daemon was started with. */
export interface WorkerStart {
  readonly config: string | undefined;
  readonly overrides: Readonly<Record<string, unknown>>;
  /** How many workers there are; absent for the primary. */
  readonly workers?: number;
}

/** From the primary to a worker. Strings are the ledger's own messages. */
export type ToWorker =
  | string
  | { readonly type: "apply" }
  /** Comes with a socket, which is confirmed with `taken`. */
  | { readonly type: "connection" }
  | { readonly type: "reopen-log" }
  | { readonly type: "stop"; readonly graceMs: number }
  | { readonly type: "count"; readonly id: number }
  | { readonly type: "total"; readonly id: number; readonly snapshot: MetricsSnapshot }
  | { readonly type: "reloaded"; readonly id: number; readonly error?: string };

/** From a worker to the primary. */
export type ToPrimary =
  | string
  | { readonly type: "serving" }
  | { readonly type: "taken" }
  | { readonly type: "failed"; readonly message: string }
  | { readonly type: "counted"; readonly id: number; readonly snapshot: MetricsSnapshot }
  | { readonly type: "total-wanted"; readonly id: number }
  | { readonly type: "reload-wanted"; readonly id: number }
  /** The last counts of a worker that ends in order. */
  | { readonly type: "ended"; readonly snapshot: MetricsSnapshot };
