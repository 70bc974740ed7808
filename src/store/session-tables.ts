export interface SessionTables {
  sessions: SessionsTable;
  identities: IdentitiesTable;
  used_sign_ins: UsedSignInsTable;
}

/** A browser that has signed in. A session that has ended has no row. */
export interface SessionsTable {
  id: string;
  /** SHA-256 of the text in the cookie, hex. Unique. */
  hash: string;
  user_id: string;
  /** The key that the session acts with, and ends with: the one that was sent, or that of an identity. */
  key_id: string;
  method: "key" | "sso";
  created_ms: number;
  /** When it was last used, to about a minute. */
  used_ms: number;
  /** It ends then, however much it is used. */
  ends_ms: number;
  /** From where it was made. */
  address: string;
  /** The browser, by its user agent. */
  client: string;
}

/** Who an identity provider says that a user is. Primary key (issuer, subject). */
export interface IdentitiesTable {
  issuer: string;
  subject: string;
  user_id: string;
  /** The parent of all keys and sessions of its sign-ins: they end with it. */
  key_id: string;
  created_ms: number;
  signed_in_ms: number;
  /** When the provider last confirmed it. */
  checked_ms: number;
  /** Sealed; `null`: the provider gave none. */
  refresh_token: string | null;
}

/** A sign-in, or a code for the command line, that was used, until it would have expired. */
export interface UsedSignInsTable {
  id: string;
  ends_ms: number;
}
