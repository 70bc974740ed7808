import { randomInt } from "node:crypto";
import { hostname } from "node:os";
import { GatewayError, type Clock, type Logger } from "../../core/index.ts";
import type { Store } from "../../store/index.ts";
import { ProcessClaim } from "../clearing/process-claim.ts";
import type { Exchange } from "./exchange.ts";

interface ProcessWorkDeps {
  readonly store: Store;
  readonly clock: Pick<Clock, "now">;
  readonly logger: Logger;
  /** Where this process listens, or would: a seller behind a relay does not. Port 0 is one that the system chooses. */
  readonly address: () => { readonly host: string; readonly port: number };
}

/** What of a market this process does. */
interface Worker {
  readonly exchange: Exchange;
  readonly shares: { list(): Promise<readonly unknown[]> };
  readonly offers: { changed(): void };
}

/**
 * What this process does, of all that share its database: one sells, as the leases that are served are in memory. On PostgreSQL each may be the exchange, which has nothing in
 * memory; on SQLite one is.
 */
export class ProcessWork {
  readonly #deps: ProcessWorkDeps;
  readonly #selling: ProcessClaim;
  readonly #clearing: ProcessClaim;

  constructor(deps: ProcessWorkDeps) {
    this.#deps = deps;
    // The same after a restart, if the port is. No other process has the number that stands for a port that the system chooses.
    const chosen = randomInt(100_000, 2 ** 40);
    const holder = (): string => {
      const { host, port } = deps.address();
      return `${hostname()} ${host}:${port === 0 ? chosen : port}`;
    };
    this.#selling = new ProcessClaim({ ...deps, work: "selling", holder });
    this.#clearing = new ProcessClaim({ ...deps, work: "exchange", holder });
  }

  get sells(): boolean {
    return this.#selling.isHeld;
  }

  /** @throws GatewayError `conflict` if another process sells. */
  async sell(): Promise<void> {
    const other = await this.#selling.take();
    if (other === undefined) return;
    throw new GatewayError(
      "conflict",
      `Another process (${other}) sells on this database, and only one may. Share there, or end it: its place is free after a minute.`,
    );
  }

  /** @throws GatewayError `conflict` if another process is the exchange on this SQLite database. */
  async clear(): Promise<void> {
    if (this.#isForAll) return;
    const other = await this.#clearing.take();
    if (other === undefined) return;
    throw new GatewayError(
      "conflict",
      `Another process (${other}) is the exchange on this database. On SQLite an exchange is one process; several need PostgreSQL (database.type: postgresql).`,
    );
  }

  get #isForAll(): boolean {
    return this.#deps.store.dialect === "postgresql";
  }

  /** Every few seconds: keeps what this process does alone, or takes it over from a process that has ended. */
  async keep({ exchange, shares, offers }: Worker): Promise<void> {
    const didSell = this.sells;
    if (didSell || (await shares.list()).length > 0) await this.#selling.take();
    if (didSell !== this.sells) offers.changed();
    if (didSell && !this.sells) this.#deps.logger.error({}, "another process of this database sells now; this one has stopped");
    if (!(await exchange.wasStarted())) return;
    if (!this.#isForAll && (await this.#clearing.take()) !== undefined) exchange.stop();
    else if (!exchange.isStarted) await exchange.start();
  }

  async release(): Promise<void> {
    await Promise.allSettled([this.#selling.release(), this.#clearing.release()]);
  }
}
