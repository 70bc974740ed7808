import type { Clock } from "../../core/index.ts";
import type { Store } from "../../store/index.ts";

interface ClaimDeps {
  readonly store: Pick<Store, "db">;
  readonly clock: Pick<Clock, "now">;
  /** What only one process of a database does. */
  readonly work: "selling" | "exchange";
  /** The machine and the address on which this process listens: no other process that runs has both. */
  readonly holder: () => string;
}

/** A process that was not seen for this time has ended, or has lost its database. */
const lostMs = 60_000;

/**
 * The right to do what only one process of a database may do, as its state is in memory. It is taken anew every few seconds. A process that was killed and started again on
 * the same machine and address has it at once; another one after a minute.
 */
export class ProcessClaim {
  readonly #deps: ClaimDeps;
  #isHeld = false;

  constructor(deps: ClaimDeps) {
    this.#deps = deps;
  }

  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** Takes it, or keeps it. @returns the process that has it; `undefined`: this one. */
  async take(): Promise<string | undefined> {
    const { store, clock, work, holder } = this.#deps;
    const [prefix, own, now] = [`${work} `, `${work} ${holder()}`, clock.now()];
    // Writing transactions that name no isolation level run one after another, those of all processes.
    const other = await store.db.transaction().execute(async (db) => {
      const rows = await db.selectFrom("market_uptime").selectAll().where("name", "like", `${prefix}%`).execute();
      const found = rows.find(({ name, seen_ms: seenMs }) => name !== own && seenMs > now - lostMs);
      if (found !== undefined) return found.name.slice(prefix.length);
      await db.deleteFrom("market_uptime").where("name", "like", `${prefix}%`).execute();
      await db.insertInto("market_uptime").values({ name: own, seen_ms: now }).execute();
      return undefined;
    });
    this.#isHeld = other === undefined;
    return other;
  }

  async release(): Promise<void> {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    const { store, work, holder } = this.#deps;
    await store.db.deleteFrom("market_uptime").where("name", "=", `${work} ${holder()}`).execute();
  }
}
