import { sql } from "kysely";
import type { Store } from "../../store/index.ts";
import { parseCanonical } from "../documents/canonical.ts";
import { checkTime, documentOf, documentText, verifyDocument, type MarketDocument } from "../documents/document.ts";
import { MarketRefusal } from "../refusal.ts";
import type { Peer } from "../peers/peers.ts";
import type { ExchangeDeps } from "./exchange-deps.ts";

/** An offer is valid for this time at most: its seller signs it anew every 30 seconds. */
const longestMs = 120_000;
/** A lease may name an offer of this time. */
const keptMs = 600_000;
const mostOffers = 200;

interface PostedOffer {
  readonly document: MarketDocument<"offer/1">;
  readonly hash: string;
}

/** What the members of an exchange offer, in its database. */
export class OfferBook {
  readonly #deps: ExchangeDeps;

  constructor(deps: ExchangeDeps) {
    this.#deps = deps;
  }

  /**
   * Takes all that a member offers now: `{"node":{…},"offers":[…]}`. Offers that it does not repeat are withdrawn.
   * @returns `{"rev":…,"statement":{…}}`
   */
  async post(text: string): Promise<string> {
    const { members, clock, count, statement } = this.#deps;
    const { node: sentNode, offers: sent } = parseCanonical(text) as Readonly<Record<string, unknown>>;
    const node = documentOf("node/1", sentNode);
    const member = await members.byNode(node.body.node);
    if (member === undefined || member.isBlocked) throw new MarketRefusal("unknown_node", "Your node is not a member of this exchange.");
    verifyDocument(node, member.node);
    checkTime(node.body.at, clock.now());
    count(member.node);
    if (!Array.isArray(sent) || sent.length > mostOffers)
      throw new MarketRefusal("bad_document", `A node has at most ${mostOffers} offers.`);
    const offers = sent.map((one) => this.#check(documentOf("offer/1", one), member));
    if (node.body.seq >= member.document.body.seq) await members.update(member.node, node);
    const rev = await this.#store(member.node, offers);
    return JSON.stringify({ rev, statement: await statement(member.node) });
  }

  #check(document: MarketDocument<"offer/1">, { node }: Peer): PostedOffer {
    const { settings, clock } = this.#deps;
    const { seller, at, until, source, model } = document.body;
    if (seller !== node) throw new MarketRefusal("bad_document", "An offer is of the node that posts it.");
    const hash = verifyDocument(document, node);
    checkTime(at, clock.now());
    if (until - at > longestMs) throw new MarketRefusal("bad_document", "An offer is valid for at most 120 s.");
    if (source === "organisation" && settings().organisation === "") {
      throw new MarketRefusal(
        "bad_document",
        `"${model}" may be shared inside an organisation only, and this exchange is not one of an organisation.`,
      );
    }
    return { document, hash };
  }

  /** All changes of one post have one number, and numbers are given one after another, so that a reader misses none. */
  async #store(seller: string, offers: readonly PostedOffer[]): Promise<number> {
    const { store, clock } = this.#deps;
    const now = clock.now();
    return await store.db.transaction().execute(async (db) => {
      const old = await db
        .selectFrom("market_offers")
        .select(["hash", "offer", "seq", "until_ms"])
        .where("seller", "=", seller)
        .where("is_current", "=", 1)
        .execute();
      const known = new Map(old.map((row) => [row.offer, row]));
      // One that is older than what is known was sent again by somebody, or overtaken. Of two with the same number the first counts.
      const isStale = ({ hash, document: { body } }: PostedOffer): boolean => {
        const row = known.get(body.offer);
        return row !== undefined && row.hash !== hash && body.seq <= row.seq && row.until_ms > now;
      };
      if (offers.some(isStale)) throw new MarketRefusal("bad_document", "The offers are older than those that are known.");
      const hashes = new Set(offers.map(({ hash }) => hash));
      const isSame = old.length === hashes.size && old.every(({ hash }) => hashes.has(hash));
      if (isSame) return await revOf(db);
      const { rev } = await db
        .updateTable("market_exchange")
        .set((eb) => ({ rev: eb("rev", "+", 1) }))
        .returning("rev")
        .executeTakeFirstOrThrow();
      await db.updateTable("market_offers").set({ is_current: 0, rev }).where("seller", "=", seller).where("is_current", "=", 1).execute();
      const columns = ["hash", "offer", "seller", "model", "seq", "rev", "at_ms", "until_ms", "is_current", "document"];
      const rows = offers.map(({ hash, document: { body, ...rest } }) => [
        hash,
        body.offer,
        seller,
        body.model,
        body.seq,
        rev,
        body.at,
        body.until,
        1,
        documentText({ ...rest, body }),
      ]);
      await db
        .deleteFrom("market_offers")
        .where("hash", "in", [...hashes, ""])
        .execute();
      await store.insertRows("market_offers", columns, rows, db);
      await db
        .deleteFrom("market_offers")
        .where("at_ms", "<", now - keptMs)
        .execute();
      return rev;
    });
  }

  /** Offers of a member that have not ended. */
  async count(member: string): Promise<number> {
    const { store, clock } = this.#deps;
    const rows = await store.db
      .selectFrom("market_offers")
      .select("hash")
      .where("seller", "=", member)
      .where("is_current", "=", 1)
      .where("until_ms", ">", clock.now())
      .execute();
    return rows.length;
  }

  /** The number of the last change. */
  rev(): Promise<number> {
    return revOf(this.#deps.store.db);
  }

  /** `{"rev":…,"node":{…},"sellers":[{"node":{…},"offers":[…]}],"statement":{…}}`: the whole offers of each seller that has changed since. */
  async read(reader: string, after: number, model: string | undefined): Promise<string> {
    const { store, members, clock, document, statement } = this.#deps;
    const rev = await this.rev();
    const changed = await store.db.selectFrom("market_offers").select("seller").distinct().where("rev", ">", after).execute();
    const sellers: { node: unknown; offers: unknown[] }[] = [];
    for (const { seller } of changed) {
      const member = await members.byNode(seller);
      if (member === undefined || seller === reader) continue;
      let query = store.db.selectFrom("market_offers").select("document").where("seller", "=", seller).where("is_current", "=", 1);
      if (model !== undefined) query = query.where("model", "=", model);
      const rows = member.isBlocked ? [] : await query.where("until_ms", ">", clock.now()).execute();
      const offers = rows.map((row) => documentOf("offer/1", JSON.parse(row.document))).filter(({ body }) => isFor(body.audience, reader));
      sellers.push({ node: member.document, offers });
    }
    return JSON.stringify({ rev, node: await document(), sellers, statement: await statement(reader) });
  }

  /** An offer of the last ten minutes that has not ended. @throws MarketRefusal `unknown_offer` */
  async find(hash: string, buyer: string): Promise<MarketDocument<"offer/1">> {
    const { store, clock } = this.#deps;
    const now = clock.now();
    const row = await store.db
      .selectFrom("market_offers")
      .select("document")
      .where("hash", "=", hash)
      .where("until_ms", ">", now)
      .where("at_ms", ">", now - keptMs)
      .executeTakeFirst();
    const offer = row === undefined ? undefined : documentOf("offer/1", JSON.parse(row.document));
    if (offer !== undefined && isFor(offer.body.audience, buyer)) return offer;
    throw new MarketRefusal("unknown_offer", "The offer is not known here, or has ended. Read the offers again.");
  }
}

function isFor(audience: readonly string[], node: string): boolean {
  return audience[0] === "*" || audience.includes(node);
}

async function revOf(db: Store["db"]): Promise<number> {
  const { rows } = await sql<{ rev: number }>`select rev from market_exchange where id = 1`.execute(db);
  return rows[0]?.rev ?? 0;
}
