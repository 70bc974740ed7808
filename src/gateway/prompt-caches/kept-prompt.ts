import type { CacheablePrompt } from "../../protocols/index.ts";
import type { Target } from "../../upstream/index.ts";

/** A cache at the provider. */
export interface LiveCache {
  /** Empty: it is being made, or cannot be made at present. */
  readonly name: string;
  readonly tokens: number;
  /** Milliseconds since 1970. */
  expiresMs: number;
  /** Since it was made, or its end was moved. */
  uses: number;
  isChanging: boolean;
}

/** What is known of the requests of one key to one model by one of its provider's keys. Counts of tokens at the full price of the prompt. */
export interface CacheAccount {
  input: number;
  /** What caches have saved less what they have cost. */
  balance: number;
  /** What caches that are being made will cost. */
  pending: number;
  created: number;
  /** Prompts that were sent before and were in no cache of the gateway's, and how much of them the provider has found by itself. */
  repeated: number;
  found: number;
  /** No cache is made before, monotonic milliseconds. */
  pausedUntilMs: number;
  /** When the caches that there are will end. */
  ends: readonly number[];
  readonly conversations: Conversations;
}

export interface Conversations {
  /** How many began, and how many of them went on. */
  begun: number;
  continued: number;
  /** Of all. */
  requests: number;
}

/** A prompt on its way, with what was looked up of it. */
export interface RememberedPrompt {
  readonly account: CacheAccount;
  /** Hashes of what is before the turns, and of the prompt up to each turn. */
  readonly prefixes: readonly string[];
  /** Bytes up to the same places. */
  readonly sizes: readonly number[];
  readonly minTokens: number;
  /** The cache that the request refers to, and the place where it ends. */
  readonly used: { readonly at: number; readonly cache: LiveCache } | undefined;
}

/** A request whose prompt a vendor can keep under a name. */
export interface KeptPrompt extends RememberedPrompt {
  readonly target: Target;
  readonly prompt: CacheablePrompt;
}
