import type { BudgetAdmin, ChangingSink, LedgerSink, Retention } from "../../ledger/index.ts";

export interface PrimaryRoleOptions {
  /** This process has the role from the start. */
  readonly isPrimary: boolean;
  /** Another gateway serves the same database until it has. */
  readonly isSuccessor: boolean;
  readonly sink: ChangingSink;
  readonly createDatabaseSink: () => LedgerSink;
  /** Writes what dead processes have left in their journals into the database. */
  readonly replay: (alone: boolean) => Promise<void>;
  readonly budgetAdmin: Pick<BudgetAdmin, "realign">;
  readonly startRetention: () => Retention;
}

/** What one process does for all that serve a database: it writes their rows, brings over journals of dead processes, and deletes what is past its time. */
export class PrimaryRole {
  readonly #options: PrimaryRoleOptions;
  #retention: Retention | undefined;
  isPrimary: boolean;
  /** Another gateway serves the same database. */
  isShared: boolean;

  constructor(options: PrimaryRoleOptions) {
    this.#options = options;
    this.isPrimary = options.isPrimary;
    this.isShared = options.isSuccessor;
  }

  /** Another gateway is about to serve the same database. */
  share(): void {
    this.isShared = true;
  }

  /** Brings over what is left of earlier processes, before this one serves. */
  async begin(): Promise<void> {
    if (!this.isPrimary) return;
    await this.#options.replay(true);
    await this.#options.budgetAdmin.realign();
    this.#retention = this.#options.startRetention();
  }

  /** The process that had the role has ended. @throws what the database throws; then it may be called again. */
  async take(): Promise<void> {
    const { sink, createDatabaseSink, replay, budgetAdmin, startRetention } = this.#options;
    if (!this.isPrimary) sink.change(createDatabaseSink());
    this.isPrimary = true;
    this.isShared = false;
    this.#retention ??= startRetention();
    await replay(false);
    await budgetAdmin.realign();
  }

  async close(): Promise<void> {
    await this.#retention?.close();
  }
}
