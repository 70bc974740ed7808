import { randomBytes } from "node:crypto";
import type { Selectable, Transaction } from "kysely";
import { GatewayError, maskGatewayKeys, type Clock, type IdSource } from "../core/index.ts";
import type { SessionsTable, Store, Tables } from "../store/index.ts";
import { readKeyChain } from "./authority.ts";
import { databaseAway, principalOf, withDeadline } from "./key-cache.ts";
import { hashKey } from "./key-text.ts";
import type { PageQuery, Principal } from "./types.ts";

export interface Session {
  readonly id: string;
  readonly user_id: string;
  readonly username: string;
  /** The session ends with this key. */
  readonly key_id: string;
  readonly method: "key" | "sso";
  /** RFC 3339 in UTC. */
  readonly created_at: string;
  /** When it was last used, to about a minute. */
  readonly used_at: string;
  /** When it ends if it is not used meanwhile. */
  readonly idle_at: string;
  /** When it ends in any case. */
  readonly ends_at: string;
  readonly address: string;
  /** The browser, by its user agent. */
  readonly client: string;
}

export interface NewSession {
  readonly userId: string;
  readonly keyId: string;
  readonly method: Session["method"];
  readonly address: string;
  readonly client: string;
}

/** Who the text of a cookie belongs to. */
export interface SessionCaller {
  readonly principal: Principal;
  readonly session: Session;
}

/** Sessions of browsers. They are in the database, so that all workers and gateways know them. */
export interface Sessions {
  /** @returns the text for the cookie, which is stored nowhere, and the session. */
  create(session: NewSession): Promise<{ readonly token: string; readonly session: Session }>;
  /** `undefined`: there is no such session, or it or its key has ended. @throws GatewayError `database_unavailable`. */
  authenticate(token: string): Promise<SessionCaller | undefined>;
  /** Those that have not ended, in the order in which they were made. */
  list(filter?: PageQuery & { readonly user?: string }): Promise<Session[]>;
  /** @throws GatewayError `not_found`, also if it is another user's and `user` is given. */
  end(id: string, filter?: { readonly user?: string }): Promise<Session>;
}

export interface SessionsDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: IdSource;
  /** Must be cryptographically secure. */
  readonly random?: (size: number) => Uint8Array;
}

export const idleMs = 12 * 3_600_000;
export const longestMs = 7 * 24 * 3_600_000;
/** A use is written at most this often. */
const writeEveryMs = 60_000;
/** The oldest session of a user ends when there are more. */
const mostOfUser = 100;
const deadlineMs = 1000;
const mostClientChars = 200;

const tokenPattern = /^tgs_[A-Za-z0-9_-]{43}$/;

type Row = Selectable<SessionsTable> & { readonly username: string };

export function createSessions({ store, clock, ids, random = randomBytes }: SessionsDeps): Sessions {
  return {
    async create({ userId, keyId, method, address, client }) {
      const token = `tgs_${Buffer.from(random(32)).toString("base64url")}`;
      const nowMs = clock.now();
      const row: Selectable<SessionsTable> = {
        id: ids.next("ses"),
        hash: hashKey(token),
        user_id: userId,
        key_id: keyId,
        method,
        created_ms: nowMs,
        used_ms: nowMs,
        ends_ms: nowMs + longestMs,
        address,
        client: shownClient(client),
      };
      const { username } = await store.db.transaction().execute((transaction) => insertSession(transaction, row));
      return { token, session: sessionOf({ ...row, username }) };
    },
    async authenticate(token) {
      if (!tokenPattern.test(token)) return undefined;
      try {
        return await withDeadline(findSession(store, token, clock.now()), deadlineMs);
      } catch (error) {
        throw error instanceof GatewayError ? error : databaseAway(error);
      }
    },
    async list({ user, limit, after } = {}) {
      const nowMs = clock.now();
      let query = selectSessions(store)
        .where("sessions.ends_ms", ">", nowMs)
        .where("sessions.used_ms", ">", nowMs - idleMs)
        .orderBy("sessions.id");
      if (user !== undefined) query = query.where("sessions.user_id", "=", user);
      if (after !== undefined) query = query.where("sessions.id", ">", after);
      if (limit !== undefined) query = query.limit(limit);
      return (await query.execute()).map(sessionOf);
    },
    async end(id, { user } = {}) {
      let query = selectSessions(store).where("sessions.id", "=", id);
      if (user !== undefined) query = query.where("sessions.user_id", "=", user);
      const row = await query.executeTakeFirst();
      if (row === undefined) {
        throw new GatewayError("not_found", "There is no session with this id. `tokligence session list` shows them.", { param: "id" });
      }
      await store.db.deleteFrom("sessions").where("id", "=", row.id).execute();
      return sessionOf(row);
    },
  };
}

async function findSession(store: Store, token: string, nowMs: number): Promise<SessionCaller | undefined> {
  const row = await selectSessions(store).where("sessions.hash", "=", hashKey(token)).executeTakeFirst();
  if (row === undefined || !isActive(row, nowMs)) return undefined;
  const found = principalOf(await readKeyChain(store.db, "id", row.key_id));
  if (found === undefined || (found.expiresMs !== null && found.expiresMs <= nowMs)) return undefined;
  if (nowMs - row.used_ms < writeEveryMs) return { principal: found.principal, session: sessionOf(row) };
  await store.db.updateTable("sessions").set({ used_ms: nowMs }).where("id", "=", row.id).execute();
  return { principal: found.principal, session: sessionOf({ ...row, used_ms: nowMs }) };
}

/** Deletes what has ended, and the oldest of the user if it has too many. */
async function insertSession(transaction: Transaction<Tables>, row: Selectable<SessionsTable>): Promise<{ readonly username: string }> {
  const { user_id: userId, created_ms: nowMs } = row;
  await transaction.deleteFrom("sessions").where("ends_ms", "<=", nowMs).execute();
  const idle = transaction.deleteFrom("sessions").where("user_id", "=", userId);
  await idle.where("used_ms", "<=", nowMs - idleMs).execute();
  const others = await transaction
    .selectFrom("sessions")
    .select("id")
    .where("user_id", "=", userId)
    .orderBy("id", "desc")
    .offset(mostOfUser - 1)
    .limit(mostOfUser)
    .execute();
  const surplus = others.map(({ id }) => id);
  if (surplus.length > 0) await transaction.deleteFrom("sessions").where("id", "in", surplus).execute();
  await transaction.insertInto("sessions").values(row).execute();
  return await transaction.selectFrom("users").select("username").where("id", "=", userId).executeTakeFirstOrThrow();
}

function selectSessions({ db }: Store) {
  return db.selectFrom("sessions").innerJoin("users", "users.id", "sessions.user_id").selectAll("sessions").select("users.username");
}

function isActive({ used_ms: usedMs, ends_ms: endsMs }: Row, nowMs: number): boolean {
  return nowMs < endsMs && nowMs < usedMs + idleMs;
}

/** A user agent is a text of the client's own. */
function shownClient(client: string): string {
  return maskGatewayKeys(client.replaceAll(/[^\x20-\x7e]/g, "")).slice(0, mostClientChars);
}

function sessionOf(row: Row): Session {
  const time = (ms: number): string => new Date(ms).toISOString();
  return {
    id: row.id,
    user_id: row.user_id,
    username: row.username,
    key_id: row.key_id,
    method: row.method,
    created_at: time(row.created_ms),
    used_at: time(row.used_ms),
    idle_at: time(Math.min(row.used_ms + idleMs, row.ends_ms)),
    ends_at: time(row.ends_ms),
    address: row.address,
    client: row.client,
  };
}
