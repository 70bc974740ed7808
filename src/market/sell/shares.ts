import { GatewayError } from "../../core/index.ts";
import type { Store } from "../../store/index.ts";
import type { PriceRule } from "./ask-price.ts";
import type { DocumentBody, Price } from "../documents/kinds.ts";

/** The terms on which a model is sold. */
export interface ShareTerms {
  readonly price: Price;
  /** SPDX id of the model's licence, or text; "" if it is not stated. */
  readonly licence: string;
  readonly source: DocumentBody<"offer/1">["source"];
  /** The contract that allows to resell a vendor's API, as its owner named it. It goes to no buyer. */
  readonly contract?: string | undefined;
  /** Requests that its server bears at a time: those of others, and this gateway's own. */
  readonly concurrency: number;
  readonly context: number;
  readonly maxOutput: number;
  /** Windows of a day of UTC in which it is sold; always if omitted. */
  readonly hours?: readonly string[] | undefined;
  /** How its price follows something; `price` is asked if omitted. */
  readonly rule?: PriceRule | undefined;
  readonly features: DocumentBody<"offer/1">["features"];
  readonly weights: string;
  readonly quantization: string;
  /** Nano-credits: the most that one lease reserves. */
  readonly hold: string;
}

/** A model that this node sells. */
export interface Share {
  readonly model: string;
  /** Id of its offer, `ofr_…`. */
  readonly offer: string;
  readonly provider: string;
  readonly upstreamModel: string;
  readonly terms: ShareTerms;
}

/** What this node sells, in the database. */
export interface Shares {
  list(): Promise<readonly Share[]>;
  /** Adds the model, or changes its terms. Its offer keeps its id. */
  set(share: Share): Promise<void>;
  /** @throws GatewayError `not_found` */
  remove(model: string): Promise<void>;
}

export function createShares(store: Store, now: () => number): Shares {
  return {
    async list() {
      const rows = await store.db.selectFrom("market_shares").selectAll().orderBy("created_ms").execute();
      return rows.map(({ model, offer, provider, upstream_model: upstreamModel, terms }) => ({
        model,
        offer,
        provider,
        upstreamModel,
        terms: JSON.parse(terms) as ShareTerms,
      }));
    },
    async set({ model, offer, provider, upstreamModel, terms }) {
      const values = { provider, upstream_model: upstreamModel, terms: JSON.stringify(terms) };
      await store.db
        .insertInto("market_shares")
        .values({ model, offer, created_ms: now(), ...values })
        .onConflict((oc) => oc.column("model").doUpdateSet(values))
        .execute();
    },
    async remove(model) {
      const gone = await store.db.deleteFrom("market_shares").where("model", "=", model).returning("model").execute();
      if (gone.length === 0) throw new GatewayError("not_found", `The model "${model.slice(0, 128)}" is not shared.`);
    },
  };
}
