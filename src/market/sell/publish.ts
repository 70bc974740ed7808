import type { Clock, Logger } from "../../core/index.ts";
import { messageOf } from "../../core/index.ts";
import type { MarketDocument } from "../documents/document.ts";
import type { Offers } from "./offers.ts";
import type { ExchangeLink } from "./seller-deps.ts";

interface PublishDeps {
  readonly offers: Offers;
  readonly exchanges: () => readonly ExchangeLink[];
  readonly document: () => Promise<MarketDocument<"node/1">>;
  readonly clock: Pick<Clock, "now">;
  readonly logger: Logger;
}

/** Changes of an offer are not posted more often. */
const soonestMs = 10_000;

/** Posts this node's offers to the exchanges that it has joined: every 30 seconds, as they are signed anew, and soon after a change. */
export class Publisher {
  readonly #deps: PublishDeps;
  /** By exchange: the hashes that it has, and since when. */
  readonly #posted = new Map<string, { readonly hashes: string; readonly atMs: number }>();

  constructor(deps: PublishDeps) {
    this.#deps = deps;
  }

  async run(): Promise<void> {
    await Promise.all(this.#deps.exchanges().map((exchange) => this.#post(exchange)));
  }

  async #post(exchange: ExchangeLink): Promise<void> {
    const { offers, document, clock, logger } = this.#deps;
    const now = clock.now();
    const last = this.#posted.get(exchange.node);
    if (last !== undefined && now - last.atMs < soonestMs) return;
    const current = (await offers.current()).filter(({ share }) => share.terms.source !== "organisation" || exchange.organisation !== "");
    const hashes = current.map(({ hash }) => hash).join();
    if (hashes === (last?.hashes ?? "")) return;
    try {
      await exchange.post("/offers", JSON.stringify({ node: await document(), offers: current.map((offer) => offer.document) }));
      this.#posted.set(exchange.node, { hashes, atMs: now });
    } catch (error) {
      logger.warn({ exchange: exchange.name, error: messageOf(error) }, "an exchange did not take this node's offers; it is tried again");
    }
  }

  /** The offers have changed by a command: they are posted now. */
  async now(): Promise<void> {
    for (const [node, { hashes }] of this.#posted) this.#posted.set(node, { hashes, atMs: -Infinity });
    await this.run();
  }
}
