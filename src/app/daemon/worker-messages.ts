import type { LimitQuestion, LimitReply } from "../../limits/index.ts";
import type { MetricsSnapshot } from "../../server/index.ts";
import type { Drain } from "../compose/compose-gateway.ts";

/** The arguments that the daemon was started with. */
export interface WorkerStart {
  readonly config: string | undefined;
  readonly overrides: Readonly<Record<string, unknown>>;
}

/** The first message to a worker. */
export interface WorkerTask extends WorkerStart {
  /** What the configuration file held when the primary read it: the file may be broken by now. */
  readonly text: string;
  /** How many workers there are. */
  readonly workers: number;
  /** Its first requests come as soon as it serves: it loads what they need before that. */
  readonly isPrepared: boolean;
  /** The configuration file as it is now cannot be used. */
  readonly configurationFailed: boolean;
  /** What the primary has repaired lately of its own files, for `/health`. */
  readonly repaired: string | undefined;
}

/** From the primary to a worker. Strings are the ledger's own messages. */
export type ToWorker =
  | string
  | { readonly type: "apply"; readonly text: string }
  | { readonly type: "configuration-failed"; readonly failed: boolean }
  | { readonly type: "repaired"; readonly message: string }
  /** Comes with a socket, which is confirmed with `taken`. */
  | { readonly type: "connection" }
  | { readonly type: "reopen-log" }
  | { readonly type: "limits"; readonly reply: LimitReply }
  /** What another process knows of targets. */
  | { readonly type: "targets"; readonly news: string }
  /** Comes again to shorten the grace. */
  | ({ readonly type: "stop" } & Drain)
  | { readonly type: "count"; readonly id: number }
  | { readonly type: "total"; readonly id: number; readonly snapshot: MetricsSnapshot }
  | { readonly type: "reloaded"; readonly id: number; readonly error?: string };

/** From a worker to the primary. */
export type ToPrimary =
  | string
  | { readonly type: "serving" }
  | { readonly type: "taken" }
  | { readonly type: "limits"; readonly question: LimitQuestion }
  | { readonly type: "targets"; readonly news: string }
  | { readonly type: "failed"; readonly message: string }
  | { readonly type: "counted"; readonly id: number; readonly snapshot: MetricsSnapshot }
  | { readonly type: "total-wanted"; readonly id: number }
  | { readonly type: "reload-wanted"; readonly id: number }
  /** The last counts of a worker that ends in order. */
  | { readonly type: "ended"; readonly snapshot: MetricsSnapshot };
