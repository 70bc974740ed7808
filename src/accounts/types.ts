export type Role = "admin" | "user";

/** Who a request is from. */
export interface Principal {
  readonly userId: string;
  readonly username: string;
  /** Empty where auth is off. */
  readonly keyId: string;
  readonly role: Role;
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
}

/** A key with its text, which is shown once and stored nowhere. */
export interface NewApiKey extends ApiKey {
  readonly key: string;
}

/** The request path's side: key → principal. Answers at once where the key is in the cache. */
export interface Authenticator {
  /** `undefined`: no such key, or revoked. */
  authenticate(key: string): Principal | undefined | Promise<Principal | undefined>;
}

/** Users and keys. A `userRef` is an id or a username. Errors are `GatewayError`: `invalid_request`, `conflict`, `not_found`. */
export interface Accounts extends Authenticator {
  createUser(input: { readonly username: string; readonly email?: string; readonly role?: Role }): Promise<User>;
  listUsers(): Promise<User[]>;
  getUser(userRef: string): Promise<User>;
  /** `role` defaults to the user's; an admin's key may be a user key, not the reverse. */
  createKey(input: { readonly user: string; readonly name?: string; readonly role?: Role }): Promise<NewApiKey>;
  listKeys(filter?: { readonly user?: string }): Promise<ApiKey[]>;
  /** With `user`: only a key of that user, else `not_found`. */
  revokeKey(keyId: string, filter?: { readonly user?: string }): Promise<ApiKey>;
  /** Ends the background check for changes by other processes. */
  close(): void;
}
