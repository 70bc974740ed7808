import { messageOf, type Clock, type Logger } from "../../core/index.ts";
import type { Store } from "../../store/index.ts";
import type { Provider } from "../../upstream/index.ts";
import type { NodeCalls } from "../buy/node-calls.ts";
import { parseCanonical } from "../documents/canonical.ts";
import { DocumentError } from "../documents/document-error.ts";
import { documentText, readDocument, verifyDocument, type MarketDocument } from "../documents/document.ts";
import { checkPosition, followEntries, noEntries, StatementError, type Position } from "./follow-entries.ts";

/** A clearing, and where it is called. */
export interface ClearingAddress {
  readonly clearing: string;
  readonly transport: Provider;
}

export interface CheckedStatement {
  readonly statement: MarketDocument<"statement/1">;
  /** Entries that were hashed for it. */
  readonly entries: number;
  /** Why there is no trade with the clearing; `undefined`: the statement fits. */
  readonly problem: string | undefined;
}

/**
 * This node's accounts at clearings. Each statement is checked against the entries since the last one. If it contradicts them, nothing is bought at that
 * clearing any more, and both documents are kept, until a person decides.
 */
export interface Statements {
  /** Reads what was found before. */
  load(): Promise<void>;
  /** Why nothing is bought at a clearing. */
  problem(clearing: string): string | undefined;
  /**
   * Looks at a statement that the clearing has sent with something else. A new one is asked for and checked.
   * @throws MarketRefusal if the clearing cannot be asked.
   */
  take(address: ClearingAddress, statement: MarketDocument<"statement/1">): Promise<void>;
  /** Asks for a statement and checks it. @param isWhole against all entries, from the first one. @throws MarketRefusal */
  check(address: ClearingAddress, isWhole: boolean): Promise<CheckedStatement>;
  /** A person has decided to trade with the clearing again: what it states next counts. */
  forget(clearing: string): Promise<void>;
}

export interface StatementsDeps {
  readonly store: Store;
  readonly calls: NodeCalls;
  readonly owner: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The most pages of entries that one statement is checked against. */
const mostPages = 5_000;

export function createStatements(deps: StatementsDeps): Statements {
  return new NodeStatements(deps);
}

interface Evidence {
  readonly statement: MarketDocument<"statement/1">;
  readonly entries: readonly unknown[];
}

class NodeStatements implements Statements {
  readonly #deps: StatementsDeps;
  readonly #known = new Map<string, Position>();
  readonly #problems = new Map<string, string>();
  /** The check that runs: one at a time, so that no older statement comes after a newer one. */
  #running: Promise<unknown> = Promise.resolve();

  constructor(deps: StatementsDeps) {
    this.#deps = deps;
  }

  async load(): Promise<void> {
    const rows = await this.#deps.store.db.selectFrom("market_statements").selectAll().execute();
    this.#problems.clear();
    for (const { clearing, seq, head, balance_nano_usd: balance, problem } of rows) {
      if ((this.#known.get(clearing)?.seq ?? 0) <= seq) this.#known.set(clearing, { seq, head, balance });
      if (problem !== null) this.#problems.set(clearing, problem);
    }
  }

  problem(clearing: string): string | undefined {
    return this.#problems.get(clearing);
  }

  async take(address: ClearingAddress, statement: MarketDocument<"statement/1">): Promise<void> {
    const { clearing } = address;
    const known = this.#known.get(clearing);
    const { seq, head, balance } = statement.body;
    const isKnown = known !== undefined && seq === known.seq && head === `sha256:${known.head}` && balance === String(known.balance);
    // Another process of this gateway may have learnt what a person decided.
    if (this.#problems.has(clearing)) await this.load();
    if (this.#problems.has(clearing) || (isKnown && this.#isOurs(clearing, statement))) return;
    await this.check(address, false);
  }

  check(address: ClearingAddress, isWhole: boolean): Promise<CheckedStatement> {
    const run = (): Promise<CheckedStatement> => this.#check(address, isWhole);
    const result = this.#running.then(run, run);
    this.#running = result.catch(() => undefined);
    return result;
  }

  async #check(address: ClearingAddress, isWhole: boolean): Promise<CheckedStatement> {
    const { clearing, transport } = address;
    const statement = readDocument("statement/1", await this.#deps.calls.get(transport, clearing, "/statement"));
    verifyDocument(statement, clearing);
    const from = isWhole ? noEntries : (this.#known.get(clearing) ?? noEntries);
    const entries = await this.#verify(address, statement, from);
    return { statement, entries, problem: this.#problems.get(clearing) };
  }

  async forget(clearing: string): Promise<void> {
    await this.#deps.store.db.deleteFrom("market_statements").where("clearing", "=", clearing).execute();
    this.#known.delete(clearing);
    this.#problems.delete(clearing);
  }

  #isOurs(clearing: string, { body }: MarketDocument<"statement/1">): boolean {
    return body.clearing === clearing && body.owner === this.#deps.owner;
  }

  /** @returns how many entries were hashed. */
  async #verify({ clearing, transport }: ClearingAddress, statement: MarketDocument<"statement/1">, from: Position): Promise<number> {
    const { body } = statement;
    const known = this.#known.get(clearing) ?? noEntries;
    let position = from;
    let entries: readonly unknown[] = [];
    try {
      if (!this.#isOurs(clearing, statement)) throw new StatementError("it is of another account");
      if (body.seq < known.seq) throw new StatementError(`it has ${body.seq} entries; it had ${known.seq}`);
      for (let pages = 0; position.seq < body.seq && pages < mostPages; pages++) {
        entries = entriesOf(await this.#deps.calls.get(transport, clearing, `/entries?after=${position.seq}`));
        const before = position;
        // An earlier statement lies on the way: its head must be there.
        if (before.seq < known.seq) {
          position = followEntries(before, entries, Math.min(known.seq, body.seq));
          if (position.seq === known.seq && position.head !== known.head)
            throw new StatementError(`its first ${known.seq} entries were changed`);
        } else {
          position = followEntries(before, entries, body.seq);
        }
        if (position.seq === before.seq) break;
      }
      checkPosition(position, body);
    } catch (error) {
      if (!(error instanceof StatementError) && !(error instanceof DocumentError)) throw error;
      await this.#contradicted(clearing, messageOf(error), { statement, entries });
      return position.seq - from.seq;
    }
    await this.#fits(clearing, position, statement);
    return position.seq - from.seq;
  }

  async #fits(clearing: string, { seq, head, balance }: Position, statement: MarketDocument<"statement/1">): Promise<void> {
    this.#known.set(clearing, { seq, head, balance });
    const values = { seq, head, balance_nano_usd: balance, at_ms: this.#deps.clock.now(), statement: documentText(statement) };
    await this.#deps.store.db
      .insertInto("market_statements")
      .values({ clearing, ...values, problem: null, other_statement: null, other_entries: null })
      .onConflict((oc) => oc.column("clearing").doUpdateSet(values))
      .execute();
  }

  async #contradicted(clearing: string, problem: string, { statement, entries }: Evidence): Promise<void> {
    this.#problems.set(clearing, problem);
    const values = { problem, other_statement: documentText(statement), other_entries: JSON.stringify(entries) };
    const none = { seq: 0, head: noEntries.head, balance_nano_usd: 0n, at_ms: this.#deps.clock.now(), statement: "" };
    await this.#deps.store.db
      .insertInto("market_statements")
      .values({ clearing, ...none, ...values })
      .onConflict((oc) => oc.column("clearing").doUpdateSet(values))
      .execute();
    this.#deps.logger.error({ clearing, problem }, "a statement of a clearing contradicts its entries: nothing is bought there any more");
  }
}

/** `{"entries":[…]}` @throws DocumentError */
function entriesOf(text: string): readonly unknown[] {
  const { entries } = parseCanonical(text) as { readonly entries?: unknown };
  if (Array.isArray(entries)) return entries as unknown[];
  throw new DocumentError("bad_field", "The entries are missing.");
}
