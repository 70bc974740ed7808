import { sql } from "kysely";
import { asRefusal } from "../documents/as-refusal.ts";
import { MarketRefusal } from "../refusal.ts";
import { Disputes } from "./disputes.ts";
import type { ExchangeDeps } from "./exchange-deps.ts";
import { ExchangeDesk } from "./exchange-desk.ts";
import { OfferBook } from "./offer-book.ts";

/**
 * This node as an exchange, once it is started: members post offers, read the book, and get leases on each other's offers. It has no state in memory, so that
 * several processes may serve one database.
 */
export class Exchange {
  readonly #deps: ExchangeDeps;
  readonly #book: OfferBook;
  readonly #desk: ExchangeDesk;
  readonly #disputes: Disputes;
  #isStarted = false;

  constructor(deps: ExchangeDeps) {
    this.#deps = deps;
    this.#book = new OfferBook(deps);
    this.#desk = new ExchangeDesk(deps, this.#book);
    this.#disputes = new Disputes(deps);
  }

  get isStarted(): boolean {
    return this.#isStarted;
  }

  get members(): ExchangeDeps["members"] {
    return this.#deps.members;
  }

  get settings(): ReturnType<ExchangeDeps["settings"]> {
    return this.#deps.settings();
  }

  /** Whether it was started before. */
  async wasStarted(): Promise<boolean> {
    return (await this.#deps.store.db.selectFrom("market_exchange").select("id").execute()).length > 0;
  }

  /** From now on this node is an exchange, after restarts too. Starting it again does nothing. */
  async start(): Promise<void> {
    const { store, clock } = this.#deps;
    await store.insertRows("market_exchange", ["id", "started_ms", "rev"], [[1, clock.now(), 1]]);
    // A settlement that was confirmed to a member must survive a power cut.
    if (store.dialect === "sqlite") await sql`pragma synchronous = full`.execute(store.db);
    this.#isStarted = true;
  }

  /** This process is the exchange no more. */
  stop(): void {
    this.#isStarted = false;
  }

  offers(text: string): Promise<string> {
    return this.#run(() => this.#book.post(text));
  }

  book(member: string, after: number, model: string | undefined): Promise<string> {
    return this.#run(() => this.#book.read(member, after, model));
  }

  countOffers(member: string): Promise<number> {
    return this.#book.count(member);
  }

  rev(): Promise<number> {
    return this.#book.rev();
  }

  lease(text: string): Promise<string> {
    return this.#run(() => this.#desk.lease(text));
  }

  /** Whether it has given the lease. */
  async has(lease: string): Promise<boolean> {
    return this.#isStarted && (await this.#desk.has(lease));
  }

  settle(lease: string, text: string): Promise<string> {
    return this.#run(() => this.#desk.settle(lease, text));
  }

  acknowledge(lease: string, text: string): Promise<string> {
    return this.#run(() => this.#desk.acknowledge(lease, text));
  }

  contest(lease: string, text: string): Promise<string> {
    return this.#run(() => this.#desk.contest(lease, text));
  }

  /** A buyer shows an answer, and the exchange counts it again. */
  open(lease: string, text: string): Promise<string> {
    return this.#run(() => this.#disputes.open(lease, text));
  }

  verdicts(): ReturnType<Disputes["list"]> {
    return this.#disputes.list();
  }

  async #run(step: () => Promise<string>): Promise<string> {
    if (!this.#isStarted) throw new MarketRefusal("not_found", "This node is not an exchange.");
    return await asRefusal(step);
  }
}
