import type { Kysely, Selectable } from "kysely";
import type { Clock } from "../../core/index.ts";
import { concludeResponse } from "./kept-changes.ts";
import { readChain, type ChainBounds, type StoredStatus, type ResponseChain } from "./response-chain.ts";
import type { ResponseBody, ResponseOwner } from "./response.ts";
import type { StoredResponsesTable, Tables } from "../tables.ts";
import type { Store } from "../types.ts";

export interface KnownResponse extends ResponseOwner {
  /** The gateway stores the response itself; otherwise the provider does. */
  readonly isStored: boolean;
  /** It runs in the background at the provider, and its tokens have not been billed yet. */
  readonly unbilled: boolean;
}

export interface StoredResponse extends ResponseOwner, ResponseBody {
  /** When the process that runs it last reported that it is alive. */
  readonly touchedMs: number;
}

/**
 * The user, provider and key of each stored response, so that no other user finds it; and the responses that the gateway itself stores. A response
 * past its lifetime is not found, whether it has been deleted yet or not. Nothing is cached in memory: all processes on one database see the same.
 */
export interface ResponseStore {
  /** Records a response that the provider stores. The first record of an id is kept, so no user can take over another user's response. */
  record(owner: ResponseOwner, options?: { readonly unbilled?: boolean }): Promise<void>;
  /** @returns false if the id belongs to another response. */
  hold(owner: ResponseOwner, body: ResponseBody): Promise<boolean>;
  find(id: string): Promise<KnownResponse | undefined>;
  /** Reads a response that the gateway stores. */
  read(id: string): Promise<StoredResponse | undefined>;
  /** The user's response and those it continues, the oldest first; only responses that the gateway stores. */
  chain(id: string, userId: string, bounds: ChainBounds): Promise<ResponseChain>;
  forget(id: string): Promise<void>;
  /** Ends a response that is in progress. @returns false if it has ended already, or was deleted: then nothing has changed. */
  conclude(id: string, status: Exclude<StoredStatus, "in_progress">, response: string): Promise<boolean>;
  /** Which of these are still in progress. `touch`: also records for all of them that their process is alive. */
  running(ids: readonly string[], touch: boolean): Promise<ReadonlySet<string>>;
  /** Claims the billing of a background response. @returns false if it was claimed before. */
  claimBill(id: string): Promise<boolean>;
  /** Releases the claim, because the bill could not be written: another process may claim it. */
  returnBill(id: string): Promise<void>;
  /** Deletes at most `limit` responses that are past their lifetime. @returns how many. */
  sweep(limit: number): Promise<number>;
}

const columns = ["id", "user_id", "provider", "provider_key", "model", "created_ms", "unbilled", "placeholders"] as const;
const bodyColumns = [...columns, "status", "background", "previous_id", "touched_ms", "size_chars", "input", "response"] as const;

/** @param lifetimeMs how long responses are stored, in milliseconds; read at every use. */
export function createResponseStore(store: Store, clock: Clock, lifetimeMs: () => number): ResponseStore {
  const { db } = store;
  const oldest = (): number => clock.now() - lifetimeMs();
  return {
    async record(owner, options) {
      const row = [...ownerValues(owner, clock.now()), options?.unbilled === true ? 1 : 0, owner.placeholders ?? null];
      await store.insertRows("stored_responses", columns, [row]);
    },
    async hold(owner, body) {
      const now = clock.now();
      const { status, background, previousId, input, response } = body;
      const size = input.length + response.length;
      const row = [
        ...ownerValues(owner, now),
        0,
        owner.placeholders ?? null,
        status,
        background ? 1 : 0,
        previousId ?? null,
        now,
        size,
        input,
        response,
      ];
      return (await store.insertRows("stored_responses", bodyColumns, [row])) === 1;
    },
    async find(id) {
      const row = await db
        .selectFrom("stored_responses")
        .select([...columns, "status"])
        .where("id", "=", id)
        .where("created_ms", ">=", oldest())
        .executeTakeFirst();
      return row === undefined ? undefined : { ...ownerOf(row), isStored: row.status !== null, unbilled: row.unbilled === 1 };
    },
    async read(id) {
      const row = await db
        .selectFrom("stored_responses")
        .selectAll()
        .where("id", "=", id)
        .where("created_ms", ">=", oldest())
        .executeTakeFirst();
      return row === undefined || row.status === null ? undefined : responseOf(row, row.status);
    },
    chain: (id, userId, bounds) => readChain(db, { id, userId, oldestMs: oldest() }, bounds),
    async forget(id) {
      await db.deleteFrom("stored_responses").where("id", "=", id).execute();
    },
    conclude: (id, status, response) => concludeResponse(db, { id, status, response }),
    async running(ids, touch) {
      if (ids.length === 0) return new Set();
      if (touch) await touchRunning(db, ids, clock.now());
      return await findRunning(db, ids);
    },
    claimBill: (id) => claimUnbilled(db, id),
    returnBill: (id) => setUnbilled(db, id),
    sweep: (limit) => deleteBefore(db, oldest(), limit),
  };
}

async function claimUnbilled(db: Kysely<Tables>, id: string): Promise<boolean> {
  const done = await db
    .updateTable("stored_responses")
    .set({ unbilled: 0 })
    .where("id", "=", id)
    .where("unbilled", "=", 1)
    .executeTakeFirst();
  return done.numUpdatedRows === 1n;
}

async function setUnbilled(db: Kysely<Tables>, id: string): Promise<void> {
  await db.updateTable("stored_responses").set({ unbilled: 1 }).where("id", "=", id).execute();
}

async function touchRunning(db: Kysely<Tables>, ids: readonly string[], nowMs: number): Promise<void> {
  await db.updateTable("stored_responses").set({ touched_ms: nowMs }).where("id", "in", ids).where("status", "=", "in_progress").execute();
}

async function findRunning(db: Kysely<Tables>, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await db.selectFrom("stored_responses").select("id").where("id", "in", ids).where("status", "=", "in_progress").execute();
  return new Set(rows.map((row) => row.id));
}

async function deleteBefore(db: Kysely<Tables>, beforeMs: number, limit: number): Promise<number> {
  const rows = await db
    .selectFrom("stored_responses")
    .select("id")
    .where("created_ms", "<", beforeMs)
    .orderBy("created_ms")
    .limit(limit)
    .execute();
  if (rows.length === 0) return 0;
  const ids = rows.map((row) => row.id);
  await db.deleteFrom("stored_responses").where("id", "in", ids).execute();
  return rows.length;
}

function ownerValues(owner: ResponseOwner, nowMs: number): (string | number)[] {
  return [owner.id, owner.userId, owner.provider, owner.providerKey, owner.model, nowMs];
}

type OwnerRow = Pick<StoredResponsesTable, "id" | "user_id" | "provider" | "provider_key" | "model" | "placeholders">;

function ownerOf(row: OwnerRow): ResponseOwner {
  const owner = { id: row.id, userId: row.user_id, provider: row.provider, providerKey: row.provider_key, model: row.model };
  return row.placeholders === null ? owner : { ...owner, placeholders: row.placeholders };
}

function responseOf(row: Selectable<StoredResponsesTable>, status: StoredStatus): StoredResponse {
  return {
    ...ownerOf(row),
    status,
    background: row.background === 1,
    previousId: row.previous_id ?? undefined,
    touchedMs: row.touched_ms ?? 0,
    input: row.input ?? "[]",
    response: row.response ?? "{}",
  };
}
