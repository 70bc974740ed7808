import type { GlobList } from "../core/index.ts";

export type Role = "admin" | "user";

/** Who a request is from. */
export interface Principal {
  readonly userId: string;
  readonly username: string;
  /** Empty where auth is off. */
  readonly keyId: string;
  readonly role: Role;
  /** Each of these lists must allow a model: the key's own and its ancestors'. Left out: all models. */
  readonly modelLists?: readonly GlobList[];
  /** The key that this one was made with, that one's parent, and so on. What is spent counts in their budgets, too. Left out if there are none. */
  readonly ancestorIds?: readonly string[];
}

export interface User {
  readonly id: string;
  readonly username: string;
  readonly email: string | null;
  readonly role: Role;
  /** RFC 3339 in UTC. */
  readonly created_at: string;
}

export interface ApiKey {
  readonly id: string;
  readonly user_id: string;
  readonly name: string | null;
  readonly role: Role;
  /** The first characters, to recognise it by: `tok_ab12`. */
  readonly prefix: string;
  readonly created_at: string;
  readonly revoked_at: string | null;
  /** From then on it is refused. */
  readonly expires_at: string | null;
  /** Globs over the models it may call, `!` before those it may not; `null`: all. */
  readonly models: readonly string[] | null;
  /** The key that it was made with: it is never stronger than that one, and is revoked with it. `null`: an admin made it. */
  readonly parent_id: string | null;
}

/** A key with its text, which is shown once and stored nowhere. */
export interface NewApiKey extends ApiKey {
  readonly key: string;
}

export interface NewKeyInput {
  readonly user: string;
  readonly name?: string;
  /** The user's where left out; an admin's key may be a user key, not the reverse. */
  readonly role?: Role;
  /** A time in RFC 3339, or how long from now: `12h`, `30d`. */
  readonly expires?: string;
  /** Id of the key that makes it, one of the same user: the new one is bounded by it. */
  readonly parent?: string;
  /** Globs over the models it may call, at most 100; `!` before those it may not. */
  readonly models?: readonly string[];
}

/** The request path's side: key → principal. Answers at once where the key is in the cache. */
export interface Authenticator {
  /** `undefined`: no such key, or revoked. @throws GatewayError `expired_api_key`; 503 where the database does not answer. */
  authenticate(key: string): Principal | undefined | Promise<Principal | undefined>;
}

/** Users and keys. A `userRef` is an id or a username. Errors are `GatewayError`: `invalid_request`, `conflict`, `not_found`. */
export interface Accounts extends Authenticator {
  createUser(input: { readonly username: string; readonly email?: string; readonly role?: Role }): Promise<User>;
  listUsers(): Promise<User[]>;
  getUser(userRef: string): Promise<User>;
  createKey(input: NewKeyInput): Promise<NewApiKey>;
  /** Also of a key that is revoked or has expired. */
  getKey(keyId: string): Promise<ApiKey>;
  listKeys(filter?: { readonly user?: string }): Promise<ApiKey[]>;
  /** Revokes the key and all that were made with it. With `user`: only a key of that user, else `not_found`. */
  revokeKey(keyId: string, filter?: { readonly user?: string }): Promise<ApiKey>;
  /** Ends the background check for changes by other processes. */
  close(): void;
}
