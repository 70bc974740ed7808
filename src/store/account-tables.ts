export interface UsersTable {
  id: string;
  /** Unique. The case is kept, but names are compared without it: the unique index is on `lower(username)`. */
  username: string;
  email: string | null;
  role: "admin" | "user";
  created_ms: number;
  /** From then on all its keys are refused, until it is `null` again. */
  disabled_ms: number | null;
  /** JSON array: the tags that an admin bound to the user; `null`: none. */
  tags: string | null;
  /** Since then name and email are gone, and the user is disabled for ever. */
  erased_ms: number | null;
}

export interface ApiKeysTable {
  id: string;
  user_id: string;
  name: string | null;
  role: "admin" | "user";
  /** SHA-256 of the key, hex. Unique. */
  hash: string;
  prefix: string;
  created_ms: number;
  revoked_ms: number | null;
  /** The key is refused from this time on. */
  expires_ms: number | null;
  /** JSON array of globs: the models that the key may call; `null`: all. */
  models: string | null;
  /** The key with which this key was made, and which limits it; `null`: an admin made it. */
  parent_id: string | null;
  /** JSON array: the tags that an admin bound to the key; `null`: none. */
  tags: string | null;
  /** 1: equal requests are answered from the response cache. */
  cache: number | null;
  /** Where its requests may go: `off` or `any`; `null`: to peers. */
  market: "off" | "any" | null;
  /** It is refused from then on, until it is `null` again. */
  disabled_ms: number | null;
  /** SHA-256 of the text that the key had before it was rotated, hex. Unique. `null`: there was none, or it ended at once. */
  previous_hash: string | null;
  /** Until then that text is accepted, too. */
  previous_until_ms: number | null;
}
