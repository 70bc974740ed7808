import type { GlobList, MarketScope } from "../core/index.ts";

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
  /** The tags that an admin bound to the user, to the key's ancestors and to the key: at most 8, on every request. Left out if there are none. */
  readonly boundTags?: readonly string[];
  /** Equal requests are answered from the response cache, if there is one. Left out if not. */
  readonly hasCache?: true;
  /** Where its requests may go beside this gateway's providers. Left out: to peers. */
  readonly market?: MarketScope;
}

export interface User {
  readonly id: string;
  readonly username: string;
  readonly email: string | null;
  readonly role: Role;
  /** RFC 3339 in UTC. */
  readonly created_at: string;
  /** Since then all its keys are refused; `null`: it is not disabled. */
  readonly disabled_at: string | null;
  /** Tags that an admin bound to the user: they are on every request of its keys. */
  readonly tags: readonly string[];
}

export interface ApiKey {
  readonly id: string;
  readonly user_id: string;
  readonly username: string;
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
  /** Refused since then; `null`: it is not disabled. */
  readonly disabled_at: string | null;
  /** It was rotated, and its former text is accepted until then. */
  readonly previous_until: string | null;
  /** Tags that an admin bound to the key: they are on every request of it, and of the keys made with it. Its user's come first on a request. */
  readonly tags: readonly string[];
  /** `on`: equal requests are answered from the response cache, if there is one. */
  readonly cache: "on" | "off";
  /** Where its requests may go beside this gateway's own providers. A key made with it goes no further. */
  readonly market: MarketScope;
}

/** A key with its text, which is shown once and stored nowhere. */
export interface NewApiKey extends ApiKey {
  readonly key: string;
}

export interface NewKeyInput {
  readonly user: string;
  readonly name?: string;
  /** The user's role by default. An admin may have a key with the role `user`, not the reverse. */
  readonly role?: Role;
  /** A time in RFC 3339, a day, or how long from now: `12h`, `30d`. */
  readonly expires?: string;
  /** Id of the key that makes it, one of the same user: the new one is bounded by it. */
  readonly parent?: string;
  /** Globs over the models it may call, at most 100; `!` before those it may not. */
  readonly models?: readonly string[];
  /** On every request of the key, and of the keys made with it. Only an admin gives them. */
  readonly tags?: readonly string[];
  /** Whether equal requests are answered from the response cache; `off` if omitted. */
  readonly cache?: "on" | "off";
  /** Where its requests may go beside this gateway's own providers; `peers` if omitted. */
  readonly market?: MarketScope;
}

/** The request path's side: key → principal. Answers at once where the key is in the cache. */
export interface Authenticator {
  /** `undefined`: no such key, or revoked. @throws GatewayError `expired_api_key`; 503 where the database does not answer. */
  authenticate(key: string): Principal | undefined | Promise<Principal | undefined>;
}

/** A part of a list in the order in which its rows were made. */
export interface PageQuery {
  /** All rows if omitted. */
  readonly limit?: number;
  /** Only rows made after the one with this id. */
  readonly after?: string;
}

/** What people call users and keys, by id. Ids that are not known are absent. */
export interface Names {
  readonly users: ReadonlyMap<string, string>;
  /** As in `laptop (tok_ab12…)`, or `tok_ab12…` for a key without a name. */
  readonly keys: ReadonlyMap<string, string>;
}

/** Users and keys. A `userRef` is an id or a username. Errors are `GatewayError`: `invalid_request`, `conflict`, `not_found`. */
export interface Accounts extends Authenticator {
  createUser(input: {
    readonly username: string;
    readonly email?: string;
    readonly role?: Role;
    readonly tags?: readonly string[];
  }): Promise<User>;
  listUsers(page?: PageQuery): Promise<User[]>;
  getUser(userRef: string): Promise<User>;
  /**
   * Changes what is given; `tags` replaces all tags of the user. Keys of a user who is no admin any more lose what is the admins'. @throws GatewayError also `conflict` if no admin would be left.
   */
  updateUser(
    userRef: string,
    changes: { readonly email?: string | null; readonly role?: Role; readonly tags?: readonly string[] },
  ): Promise<User>;
  /** Refuses all keys of the user from now on; everything else of the user stays. @throws GatewayError also `conflict` if no admin would be left. */
  disableUser(userRef: string): Promise<User>;
  /** Accepts the keys of the user again, but for those that were revoked. */
  enableUser(userRef: string): Promise<User>;
  /** Takes name, email and tags from the user, and the names of its keys, which are revoked. Rows of usage stay under the id. It cannot be undone. */
  eraseUser(userRef: string): Promise<User>;
  createKey(input: NewKeyInput): Promise<NewApiKey>;
  /** Also of a key that is revoked or has expired. A key is referred to by its id, or by its prefix if no other key has the same. */
  getKey(keyRef: string): Promise<ApiKey>;
  /** @throws GatewayError `conflict` if the key is revoked. */
  updateKey(
    keyRef: string,
    changes: {
      readonly market?: MarketScope;
      readonly name?: string | null;
      readonly models?: readonly string[] | null;
      readonly expires?: string | null;
      readonly tags?: readonly string[];
    },
  ): Promise<ApiKey>;
  /** Refuses the key, and those made with it, until it is enabled again. @throws GatewayError `conflict` if the key is revoked. */
  disableKey(keyRef: string): Promise<ApiKey>;
  enableKey(keyRef: string): Promise<ApiKey>;
  /**
   * Gives the key a new text; everything else of it stays, as its id, budgets, limits and the keys made with it.
   * @param options `overlap`: how long the former text is accepted, too (`24h`); if omitted it ends at once
   */
  rotateKey(keyRef: string, options?: { readonly overlap?: string }): Promise<NewApiKey>;
  listKeys(filter?: PageQuery & { readonly user?: string }): Promise<ApiKey[]>;
  readNames(userIds: readonly string[], keyIds: readonly string[]): Promise<Names>;
  /** Revokes the key and all that were made with it. With `user`: only a key of that user, else `not_found`. */
  revokeKey(keyRef: string, filter?: { readonly user?: string }): Promise<ApiKey>;
  /** What a user, or the keys made with a key, may do has changed outside these functions, and is in the database. */
  noteChange(id: string): void;
  /** Ends the background check for changes by other processes. */
  close(): void;
}
