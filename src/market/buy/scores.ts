import type { Store } from "../../store/index.ts";
import type { Evidence, SellerRecord } from "./seller-record.ts";

/** Evidence about sellers in the database: it outlives a restart. */
export class Scores {
  readonly #db: Store["db"];
  readonly #record: SellerRecord;

  constructor({ db }: Pick<Store, "db">, record: SellerRecord) {
    this.#db = db;
    this.#record = record;
  }

  async load(): Promise<void> {
    for (const { node, model, evidence } of await this.#db.selectFrom("market_scores").selectAll().execute())
      this.#record.restore(node, model, JSON.parse(evidence) as Partial<Evidence>);
  }

  /** Stores what has changed. Of several processes that buy, the last one counts. */
  async save(): Promise<void> {
    for (const { node, model, evidence } of this.#record.takeChanged()) {
      const values = { evidence: JSON.stringify(evidence), at_ms: evidence.atMs };
      await this.#db
        .insertInto("market_scores")
        .values({ node, model, ...values })
        .onConflict((oc) => oc.columns(["node", "model"]).doUpdateSet(values))
        .execute();
    }
  }
}
