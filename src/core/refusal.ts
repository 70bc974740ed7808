/** Why an attempt has failed. The kind decides what the gateway does next; `docs/routing.md` has the table. */
export type RefusalKind =
  /** The provider limits the rate of this key. */
  | "throttled"
  /** The account of this key has used up its quota or its credit. */
  | "quota"
  /** The provider has no room at the moment. */
  | "overloaded"
  /** The provider failed: 500, a reset, an answer that cannot be read. */
  | "broken"
  /** No connection was made: nothing has been sent. */
  | "unreachable"
  /** The provider kept silent beyond a time limit. */
  | "timeout"
  /** The provider refuses this key. */
  | "credential"
  /** The request is longer than the model's context. */
  | "context"
  /** A content filter refused the request. */
  | "filtered"
  /** The request itself is at fault. */
  | "client";

/** A failed attempt, as far as it decides what comes next. */
export interface Refusal {
  readonly kind: RefusalKind;
  /** How long the provider asks to wait, in milliseconds. */
  readonly waitMs?: number;
  /** The time comes from the words of the message: it is about this request, and others may be served before. */
  readonly isByMessage?: true;
  /** Of `credential`: the key is refused for this model only, not for all. */
  readonly isForModelOnly?: true;
}
