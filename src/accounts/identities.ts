import { randomBytes } from "node:crypto";
import { sql, type Selectable, type Transaction } from "kysely";
import { GatewayError, type Clock, type IdSource } from "../core/index.ts";
import { readKeyDescendants, type ApiKeysTable, type IdentitiesTable, type Store, type Tables, type UsersTable } from "../store/index.ts";
import { hashKey, makeKeyText, shownPrefix } from "./key-text.ts";
import type { Role } from "./types.ts";
import { checkUsername } from "./validate.ts";

/** Who somebody is at an identity provider. A name or an e-mail address is no identity: both change, and are given to others. */
export interface IdentityRef {
  readonly issuer: string;
  readonly subject: string;
}

/** What a provider says of a person who may use the gateway. */
export interface AdmittedIdentity extends IdentityRef {
  /** Of a new user; another one has it already, a number is added. */
  readonly username: string;
  readonly email: string | null;
  readonly role: Role;
  /** Until then the identity's keys are accepted. */
  readonly keysEndMs: number;
  /** Sealed; `undefined`: the known one stays. */
  readonly refreshToken: string | undefined;
  /** A person has signed in; otherwise the provider has confirmed a former sign-in. */
  readonly isSignIn: boolean;
}

export interface IdentityUser {
  readonly userId: string;
  readonly username: string;
  /** The parent of all keys and sessions of the identity. */
  readonly keyId: string;
}

export interface CheckedIdentity extends IdentityRef {
  /** Sealed. */
  readonly refreshToken: string;
  /** When it was last confirmed. */
  readonly checkedMs: number;
}

/**
 * Users by their identity at a provider. Each identity has a key whose text nobody knows: it is the parent of the keys and sessions of its sign-ins, which
 * therefore end with it.
 */
export interface Identities {
  /**
   * The user of an identity, made if there is none, with the role and address that the provider gives now. A user who has the same name and was made otherwise is another person.
   * @throws GatewayError `sign_in_refused` for a disabled user or key.
   */
  admit(identity: AdmittedIdentity): Promise<IdentityUser>;
  /** Ends all keys and sessions of an identity. `undefined`: it is not known, or was ended before. */
  end(identity: IdentityRef): Promise<IdentityUser | undefined>;
  /** Ends the sessions of browsers of an identity, and lets it be checked at once. `undefined`: it is not known. */
  signOut(identity: IdentityRef): Promise<IdentityUser | undefined>;
  /** Identities with keys that are accepted, and a token, that were not confirmed since then; the longest first. */
  due(beforeMs: number, limit: number): Promise<CheckedIdentity[]>;
  /**
   * Takes an identity that is due, to check it now. `false`: another gateway on the database has taken it, or the person has signed in meanwhile. A refresh token
   * must not be sent twice: many providers take that for a theft, and end the sign-in.
   */
  claim(identity: CheckedIdentity): Promise<boolean>;
  /** Marks something as used. `false`: it was used before. It is forgotten after `endsMs`. */
  useOnce(id: string, endsMs: number): Promise<boolean>;
}

export interface IdentitiesDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly random?: (size: number) => Uint8Array;
  /** Called after a change of what a user's keys may do is in the database and before it is answered. */
  readonly onChanged: (id: string) => void;
}

const keyName = "single sign-on";

export function createIdentities({ store, clock, ids, random = randomBytes, onChanged }: IdentitiesDeps): Identities {
  return {
    async admit(identity) {
      const makes = { clock, ids, random };
      const found = await store.db.transaction().execute(async (transaction) => {
        const user = await admitIn(transaction, identity, makes);
        await store.bumpRevision(transaction);
        return user;
      });
      onChanged(found.userId);
      return found;
    },
    async end({ issuer, subject }) {
      const nowMs = clock.now();
      const ended = await store.db.transaction().execute(async (transaction) => {
        const found = await selectIdentity(transaction, { issuer, subject });
        if (found === undefined || found.key.revoked_ms !== null) return undefined;
        const keys = [found.key.id, ...(await readKeyDescendants(transaction, found.key.id))];
        const left = transaction.updateTable("api_keys").set({ revoked_ms: nowMs }).where("id", "in", keys);
        await left.where("revoked_ms", "is", null).execute();
        await transaction.deleteFrom("sessions").where("key_id", "in", keys).execute();
        const known = transaction.updateTable("identities").set({ refresh_token: null });
        await known.where("issuer", "=", issuer).where("subject", "=", subject).execute();
        await store.bumpRevision(transaction);
        return { userId: found.user.id, username: found.user.username, keyId: found.key.id };
      });
      if (ended !== undefined) onChanged(ended.keyId);
      return ended;
    },
    async signOut({ issuer, subject }) {
      const found = await store.db.transaction().execute(async (transaction) => {
        const known = await selectIdentity(transaction, { issuer, subject });
        if (known === undefined) return undefined;
        await transaction.deleteFrom("sessions").where("key_id", "=", known.key.id).execute();
        const checked = transaction.updateTable("identities").set({ checked_ms: 0 });
        await checked.where("issuer", "=", issuer).where("subject", "=", subject).execute();
        return { userId: known.user.id, username: known.user.username, keyId: known.key.id };
      });
      if (found !== undefined) onChanged(found.userId);
      return found;
    },
    due: (beforeMs, limit) => readDue(store, { beforeMs, limit, nowMs: clock.now() }),
    async claim({ issuer, subject, checkedMs }) {
      const claimed = store.db.updateTable("identities").set({ checked_ms: clock.now() }).where("checked_ms", "=", checkedMs);
      const { numUpdatedRows } = await claimed.where("issuer", "=", issuer).where("subject", "=", subject).executeTakeFirstOrThrow();
      return numUpdatedRows === 1n;
    },
    async useOnce(id, endsMs) {
      await store.db.deleteFrom("used_sign_ins").where("ends_ms", "<=", clock.now()).execute();
      return (await store.insertRows("used_sign_ins", ["id", "ends_ms"], [[id, endsMs]])) === 1;
    },
  };
}

interface DueQuery {
  readonly beforeMs: number;
  readonly limit: number;
  readonly nowMs: number;
}

async function readDue(store: Store, { beforeMs, limit, nowMs }: DueQuery): Promise<CheckedIdentity[]> {
  const rows = await store.db
    .selectFrom("identities")
    .innerJoin("api_keys", "api_keys.id", "identities.key_id")
    .innerJoin("users", "users.id", "identities.user_id")
    .select(["identities.issuer", "identities.subject", "identities.refresh_token", "identities.checked_ms"])
    .where("identities.checked_ms", "<=", beforeMs)
    .where("identities.refresh_token", "is not", null)
    .where("api_keys.revoked_ms", "is", null)
    .where("api_keys.expires_ms", ">", nowMs)
    .where("users.disabled_ms", "is", null)
    .orderBy("identities.checked_ms")
    .limit(limit)
    .execute();
  return rows.map((row) => ({
    issuer: row.issuer,
    subject: row.subject,
    refreshToken: row.refresh_token!,
    checkedMs: row.checked_ms,
  }));
}

interface Makes {
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly random: (size: number) => Uint8Array;
}

interface Found {
  readonly row: Selectable<IdentitiesTable>;
  readonly user: Selectable<UsersTable>;
  readonly key: Selectable<ApiKeysTable>;
}

async function selectIdentity(transaction: Transaction<Tables>, { issuer, subject }: IdentityRef): Promise<Found | undefined> {
  const query = transaction.selectFrom("identities").selectAll().where("issuer", "=", issuer);
  const row = await query.where("subject", "=", subject).executeTakeFirst();
  if (row === undefined) return undefined;
  const user = await transaction.selectFrom("users").selectAll().where("id", "=", row.user_id).executeTakeFirstOrThrow();
  const key = await transaction.selectFrom("api_keys").selectAll().where("id", "=", row.key_id).executeTakeFirstOrThrow();
  return { row, user, key };
}

async function admitIn(transaction: Transaction<Tables>, identity: AdmittedIdentity, makes: Makes): Promise<IdentityUser> {
  const nowMs = makes.clock.now();
  const found = await selectIdentity(transaction, identity);
  if (found === undefined) return await insertIdentity(transaction, identity, makes);
  const { user, key, row } = found;
  if (user.disabled_ms !== null) throw refused(`the user "${user.username}" is disabled`);
  if (key.disabled_ms !== null) throw refused(`the key "${keyName}" of the user "${user.username}" is disabled`);
  const { role, email, keysEndMs } = identity;
  // The provider's word counts, also for the last admin: commands on the gateway's machine need no admin.
  await transaction.updateTable("users").set({ role, email }).where("id", "=", user.id).execute();
  const isEnded = key.revoked_ms !== null;
  // A check renews what is there, and never brings back what was ended meanwhile.
  if (isEnded && !identity.isSignIn) throw refused("the sign-in was ended");
  const keyId = isEnded ? await insertKey(transaction, { userId: user.id, role, endMs: keysEndMs }, makes) : key.id;
  if (!isEnded) await renewKeys(transaction, key, role, keysEndMs);
  await transaction
    .updateTable("identities")
    .set({
      key_id: keyId,
      checked_ms: nowMs,
      ...(identity.isSignIn ? { signed_in_ms: nowMs } : {}),
      ...(identity.refreshToken === undefined ? {} : { refresh_token: identity.refreshToken }),
    })
    .where("issuer", "=", row.issuer)
    .where("subject", "=", row.subject)
    .execute();
  return { userId: user.id, username: user.username, keyId };
}

/** Keys that were to end with the identity's key end later, too; those with an end of their own keep it. */
async function renewKeys(transaction: Transaction<Tables>, key: Selectable<ApiKeysTable>, role: Role, endMs: number): Promise<void> {
  const children = await readKeyDescendants(transaction, key.id);
  if (children.length > 0 && key.expires_ms !== null) {
    const tied = transaction.updateTable("api_keys").set({ expires_ms: endMs }).where("id", "in", children);
    await tied.where("expires_ms", "=", key.expires_ms).execute();
  }
  await transaction.updateTable("api_keys").set({ role, expires_ms: endMs }).where("id", "=", key.id).execute();
}

async function insertIdentity(transaction: Transaction<Tables>, identity: AdmittedIdentity, makes: Makes): Promise<IdentityUser> {
  const { issuer, subject, email, role, keysEndMs, refreshToken = null } = identity;
  const nowMs = makes.clock.now();
  const username = await freeName(transaction, identity.username);
  const userId = makes.ids.next("usr");
  const user = { id: userId, username, email, role, created_ms: nowMs, disabled_ms: null, tags: null, erased_ms: null };
  await transaction.insertInto("users").values(user).execute();
  const keyId = await insertKey(transaction, { userId, role, endMs: keysEndMs }, makes);
  const times = { created_ms: nowMs, signed_in_ms: nowMs, checked_ms: nowMs };
  await transaction
    .insertInto("identities")
    .values({ issuer, subject, user_id: userId, key_id: keyId, ...times, refresh_token: refreshToken })
    .execute();
  return { userId, username, keyId };
}

interface IdentityKey {
  readonly userId: string;
  readonly role: Role;
  readonly endMs: number;
}

/** A key whose text is thrown away: nobody can send it, and its children and sessions depend on it. */
async function insertKey(transaction: Transaction<Tables>, { userId, role, endMs }: IdentityKey, makes: Makes): Promise<string> {
  const text = makeKeyText(makes.random);
  const id = makes.ids.next("key");
  const nothing = { revoked_ms: null, models: null, parent_id: null, tags: null, cache: null, disabled_ms: null, market: null };
  await transaction
    .insertInto("api_keys")
    .values({
      ...nothing,
      id,
      user_id: userId,
      name: keyName,
      role,
      hash: hashKey(text),
      prefix: shownPrefix(text),
      created_ms: makes.clock.now(),
      expires_ms: endMs,
      previous_hash: null,
      previous_until_ms: null,
    })
    .execute();
  return id;
}

/** The name that is wanted, or with the first number that makes it one of nobody else. */
async function freeName(transaction: Transaction<Tables>, wanted: string): Promise<string> {
  const base = checkUsername(wanted);
  const taken = await transaction
    .selectFrom("users")
    .select("username")
    .where(sql<boolean>`lower(username) = lower(${base}) or lower(username) like ${`${base.toLowerCase().replaceAll(/[%_\\]/g, "_")}-%`}`)
    .execute();
  const names = new Set(taken.map(({ username }) => username.toLowerCase()));
  if (!names.has(base.toLowerCase())) return base;
  let number = 2;
  while (names.has(`${base}-${number}`.toLowerCase())) number += 1;
  return checkUsername(`${base}-${number}`);
}

function refused(why: string): GatewayError {
  return new GatewayError("sign_in_refused", `The sign-in is refused: ${why}. Ask an admin of the gateway.`);
}
