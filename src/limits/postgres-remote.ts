import { sql, type Kysely } from "kysely";
import { messageOf, type Logger } from "../core/index.ts";
import type { Store, Tables } from "../store/index.ts";
import {
  mostPeriods,
  nodeLifeMs,
  type Adjustment,
  type Level,
  type LimitRemote,
  type OwnSlots,
  type TakenAnswer,
  type TakenPart,
} from "./remote.ts";

/** One request that waits for the next transaction. */
interface Waiting {
  readonly parts: readonly TakenPart[];
  readonly resolve: (answer: TakenAnswer) => void;
  readonly reject: (error: unknown) => void;
}

/** What is known of the limits of a transaction, whose rows it has locked. */
interface Locked {
  readonly nowMs: number;
  /** By name: milliseconds until the bucket is full. */
  readonly used: Map<string, number>;
  /** By name: slots of other processes. */
  readonly others: Map<string, number>;
  /** By name: slots of this process that were changed. */
  readonly own: Map<string, number>;
}

const tolerance = 1e-3;

/**
 * Limits in PostgreSQL. One transaction takes all requests that wait for it, so that the number of transactions does not grow with that of requests. It locks
 * the rows of its limits in the order of their names, and uses the server's clock.
 */
export class PostgresRemote implements LimitRemote {
  readonly title = "PostgreSQL";
  readonly #db: Kysely<Tables>;
  readonly #node: string;
  readonly #logger: Logger;
  #waiting: Waiting[] = [];
  #adjustments: Adjustment[] = [];
  #slots = new Map<string, number>();
  #isBusy = false;

  /** @param node the name of this process, unlike that of any other. */
  constructor(store: Pick<Store, "db">, node: string, logger: Logger) {
    this.#db = store.db;
    this.#node = node;
    this.#logger = logger;
  }

  take(parts: readonly TakenPart[]): Promise<TakenAnswer> {
    const { promise, resolve, reject } = Promise.withResolvers<TakenAnswer>();
    this.#waiting.push({ parts, resolve, reject });
    void this.#run();
    return promise;
  }

  settle(adjustments: readonly Adjustment[], slots: readonly OwnSlots[]): void {
    this.#adjustments.push(...adjustments);
    for (const { name, count } of slots) this.#slots.set(name, count);
    void this.#run();
  }

  async raise(levels: readonly Level[]): Promise<void> {
    await this.#within(
      levels.map(({ name }) => name),
      [],
      ({ used }) => {
        for (const { name, usedMs } of levels) used.set(name, Math.max(used.get(name) ?? 0, usedMs));
      },
    );
  }

  async beat(slots: readonly OwnSlots[]): Promise<readonly string[]> {
    await this.#within([], ["", ...slots.map(({ name }) => name)], ({ own }) => {
      own.set("", 1);
      for (const { name, count } of slots) own.set(name, count);
    });
    const rows = await this.#db.selectFrom("limit_slots").select("node").where("name", "=", "").where("until_ms", ">", now).execute();
    await this.#db.deleteFrom("limit_slots").where("until_ms", "<=", now).execute();
    return rows.map(({ node }) => node);
  }

  close(): void {
    this.#db
      .deleteFrom("limit_slots")
      .where("node", "=", this.#node)
      .execute()
      .catch(() => {});
  }

  /** One transaction after the other; those who come meanwhile are in the next one. */
  async #run(): Promise<void> {
    if (this.#isBusy) return;
    this.#isBusy = true;
    // What is asked in the same turn of the event loop goes together.
    await Promise.resolve();
    while (this.#waiting.length > 0 || this.#adjustments.length > 0 || this.#slots.size > 0) await this.#runOnce();
    this.#isBusy = false;
  }

  async #runOnce(): Promise<void> {
    const [waiting, adjustments, slots] = [this.#waiting, this.#adjustments, this.#slots];
    this.#waiting = [];
    this.#adjustments = [];
    this.#slots = new Map();
    const parts = waiting.flatMap((request) => request.parts);
    const rates = [...parts.filter(({ periodMs }) => periodMs > 0), ...adjustments].map(({ name }) => name);
    const slotNames = [...parts.filter(({ periodMs }) => periodMs === 0).map(({ name }) => name), ...slots.keys()];
    try {
      const answers = await this.#within(rates, slotNames, (locked) => {
        for (const adjustment of adjustments) adjust(locked, adjustment);
        for (const [name, count] of slots) locked.own.set(name, count);
        return waiting.map((request) => takeFrom(locked, request.parts));
      });
      for (const [index, { resolve }] of waiting.entries()) resolve(answers[index]!);
    } catch (error) {
      for (const { reject } of waiting) reject(error);
      if (waiting.length === 0)
        this.#logger.debug({ error: messageOf(error) }, "what requests gave back to their limits could not be written");
    }
  }

  /** Locks the rows of these limits, makes the change, and writes it. */
  async #within<T>(rates: readonly string[], slots: readonly string[], change: (locked: Locked) => T): Promise<T> {
    return await this.#db
      .transaction()
      // Statements see what others have committed while they waited for a lock.
      .setIsolationLevel("read committed")
      .execute(async (transaction) => {
        const locked = await this.#lock(transaction, sorted([...rates, ...slots]), slots.length > 0);
        const before = new Map(locked.used);
        const result = change(locked);
        await this.#write(transaction, locked, before);
        return result;
      });
  }

  /** A row of levels is also the lock of the slots of that name. */
  async #lock(transaction: Kysely<Tables>, names: readonly string[], hasSlots: boolean): Promise<Locked> {
    const locked: Locked = { nowMs: 0, used: new Map(), others: new Map(), own: new Map() };
    if (names.length === 0) return locked;
    await transaction
      .insertInto("limit_levels")
      .values(names.map((name) => ({ name, full_at_us: 0 })))
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    const rows = await transaction
      .selectFrom("limit_levels")
      .select(["name", "full_at_us"])
      .where("name", "in", names)
      .orderBy("name")
      .forUpdate()
      .execute();
    // After the locks, as waiting for them took time.
    const { us } = await transaction
      .selectNoFrom(sql<number>`(extract(epoch from clock_timestamp()) * 1000000)::bigint`.as("us"))
      .executeTakeFirstOrThrow();
    const nowMs = us / 1000;
    for (const row of rows) locked.used.set(row.name, Math.max(0, row.full_at_us / 1000 - nowMs));
    if (hasSlots) {
      const slots = await transaction
        .selectFrom("limit_slots")
        .selectAll()
        .where("name", "in", names)
        .where("until_ms", ">", Math.floor(nowMs))
        .execute();
      for (const { name, node, count } of slots) {
        if (node !== this.#node) locked.others.set(name, (locked.others.get(name) ?? 0) + count);
      }
    }
    return { ...locked, nowMs };
  }

  async #write(transaction: Kysely<Tables>, { nowMs, used, own }: Locked, before: ReadonlyMap<string, number>): Promise<void> {
    const levels = [...used].filter(([name, ms]) => ms !== before.get(name));
    if (levels.length > 0) {
      await transaction
        .insertInto("limit_levels")
        .values(levels.map(([name, ms]) => ({ name, full_at_us: Math.round((nowMs + ms) * 1000) })))
        .onConflict((conflict) => conflict.column("name").doUpdateSet({ full_at_us: (eb) => eb.ref("excluded.full_at_us") }))
        .execute();
    }
    if (own.size > 0) {
      const until_ms = Math.round(nowMs + nodeLifeMs);
      await transaction
        .insertInto("limit_slots")
        .values([...own].map(([name, count]) => ({ name, node: this.#node, count, until_ms })))
        .onConflict((conflict) =>
          conflict
            .columns(["name", "node"])
            .doUpdateSet({ count: (eb) => eb.ref("excluded.count"), until_ms: (eb) => eb.ref("excluded.until_ms") }),
        )
        .execute();
    }
  }
}

/** Milliseconds of the server's clock. */
const now = sql<number>`(extract(epoch from clock_timestamp()) * 1000)::bigint`;

function sorted(names: readonly string[]): readonly string[] {
  return [...new Set(names)].toSorted();
}

function adjust({ used }: Locked, { name, periodMs, deltaMs }: Adjustment): void {
  used.set(name, Math.max(0, Math.min((used.get(name) ?? 0) + deltaMs, mostPeriods * periodMs)));
}

function takeFrom({ used, others, own }: Locked, parts: readonly TakenPart[]): TakenAnswer {
  const stateOf = ({ name, periodMs }: TakenPart): number => (periodMs === 0 ? others : used).get(name) ?? 0;
  const isAdmitted = parts.every((part) => {
    if (part.periodMs === 0) return stateOf(part) + part.cost <= part.most;
    return stateOf(part) + Math.min(part.cost, part.periodMs) <= part.periodMs + tolerance;
  });
  if (isAdmitted) {
    for (const part of parts) {
      if (part.periodMs === 0) own.set(part.name, part.cost);
      else used.set(part.name, stateOf(part) + part.cost);
    }
  }
  return { isAdmitted, states: parts.map(stateOf) };
}
