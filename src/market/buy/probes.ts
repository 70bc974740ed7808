import type { ProtocolTable } from "../../protocols/index.ts";
import type { Store } from "../../store/index.ts";
import type { UpstreamCall, UpstreamHandler, UpstreamRequest } from "../../upstream/index.ts";
import { maxCost } from "../documents/cost.ts";
import type { BuySettings } from "./buy-section.ts";
import { askProbe, bodyOfProbe, type ProbeAnswer, type ProbeQuestion } from "./probe-answer.ts";
import { isSameModel, probedOffers, type ProbedOffer, type ProbedRules } from "./probed-offers.ts";
import {
  areAlike,
  comparedQuestion,
  countQuestion,
  judgeCount,
  judgeNeedle,
  needleBytes,
  needleQuestion,
  needleTokens,
} from "./probe-questions.ts";
import type { SellerRecord } from "./seller-record.ts";

interface ProbesDeps {
  readonly store: Pick<Store, "db">;
  readonly book: ProbedRules["book"];
  readonly problem: ProbedRules["problem"];
  readonly record: SellerRecord;
  readonly protocols: ProtocolTable;
  readonly settings: () => Pick<BuySettings, "probeShare">;
  /** @param seller the node that is asked, and no other one. */
  readonly dispatch: (request: UpstreamRequest, handler: UpstreamHandler, seller: string) => UpstreamCall;
  readonly now: () => number;
  /** From 0 to 1. */
  readonly random: () => number;
}

/** A question to one offer, or to two that state to be of the same model. */
interface Probe {
  readonly key: string;
  /** At most, in nano-credits. */
  readonly cost: bigint;
  run(): Promise<void>;
}

/** The ids of their requests begin with it. */
const prefix = "probe_";
const everyMs = 600_000;
/** What was spent in this time bounds what probes may cost in it. */
const spentMs = 7 * 86_400_000;

/**
 * Asks sellers for what shows whether they keep their word: a limit of tokens, a number that is hidden in as long a text as the context that is claimed, and the same
 * question for two sellers of a model. The texts are public, and what all probes cost is at most a share of what was spent.
 */
export class Probes {
  readonly #deps: ProbesDeps;
  readonly #probedMs = new Map<string, number>();
  #lastMs: number;
  #serial = 0;

  constructor(deps: ProbesDeps) {
    this.#deps = deps;
    this.#lastMs = deps.now();
  }

  /** One probe, if it is time for one and it may be paid: the one that was last asked the longest time ago. */
  async run(): Promise<void> {
    const { settings, now } = this.#deps;
    const { probeShare } = settings();
    if (probeShare === 0 || now() - this.#lastMs < everyMs) return;
    this.#lastMs = now();
    const { allowed, clearings } = await this.#budget(probeShare);
    if (allowed <= 0n) return;
    const offers = probedOffers({ ...this.#deps, clearings });
    const probes = offers.flatMap((offer, index) => [...this.#ofOffer(offer), ...this.#ofPair(offer, offers.slice(index + 1))]);
    const next = probes
      .filter(({ cost }) => cost <= allowed)
      .toSorted((a, b) => (this.#probedMs.get(a.key) ?? 0) - (this.#probedMs.get(b.key) ?? 0))[0];
    if (next === undefined) return;
    this.#probedMs.set(next.key, now());
    await next.run();
  }

  /** Nano-credits, and where they were spent. */
  async #budget(share: number): Promise<{ readonly allowed: bigint; readonly clearings: ReadonlySet<string> }> {
    const { store, now } = this.#deps;
    const sums = async (isProbe: boolean): Promise<ReadonlyMap<string, bigint>> => {
      const rows = await store.db
        .selectFrom("market_trades")
        .select((eb) => ["clearing", eb.fn.sum<bigint | string | null>("cost_nano_usd").as("cost_nano_usd")])
        .where("at_ms", ">", now() - spentMs)
        .where("request_id", isProbe ? "like" : "not like", `${prefix}%`)
        .groupBy("clearing")
        .execute();
      return new Map(rows.map(({ clearing, cost_nano_usd: cost }) => [clearing, BigInt(cost ?? 0n)]));
    };
    const [spent, probed] = [await sums(false), await sums(true)];
    return { allowed: (sumOf(spent) * BigInt(Math.round(share * 10_000))) / 10_000n - sumOf(probed), clearings: new Set(spent.keys()) };
  }

  #ofOffer(offer: ProbedOffer): readonly Probe[] {
    const { record, random, now } = this.#deps;
    const { key, model, choice } = offer;
    const judged = (isRight: boolean | undefined): void => {
      if (isRight !== undefined) record.probed(choice.seller.node.node, model, isRight, now());
    };
    const count = {
      key: `count ${key}`,
      cost: costAt(offer, countQuestion),
      run: async () => {
        judged(judgeCount(await this.#ask(offer, countQuestion)));
      },
    };
    const { context } = choice.offer.body;
    const needle = {
      key: `needle ${key}`,
      cost: needleCost(offer),
      run: async () => {
        const question = needleQuestion(context, random)!;
        judged(judgeNeedle(await this.#ask(offer, question), question.needle));
      },
    };
    return needle.cost === undefined ? [count] : [count, { ...needle, cost: needle.cost }];
  }

  /** One question for two sellers. Who of two is right is not known: what is compared with many others shows it. */
  #ofPair(offer: ProbedOffer, others: readonly ProbedOffer[]): readonly Probe[] {
    const { record, random, now } = this.#deps;
    return others
      .filter((other) => isSameModel(offer, other))
      .map((other) => ({
        key: `pair ${offer.key} ${other.key}`,
        cost:
          costAt(
            offer,
            comparedQuestion(() => 0),
          ) +
          costAt(
            other,
            comparedQuestion(() => 0),
          ),
        run: async () => {
          const question = comparedQuestion(random);
          const [one, two] = [await this.#ask(offer, question), await this.#ask(other, question)];
          const isAlike = areAlike(one, two);
          if (isAlike === undefined) return;
          for (const { choice, model } of [offer, other]) record.compared(choice.seller.node.node, model, isAlike, now());
        },
      }));
  }

  #ask(offer: ProbedOffer, question: ProbeQuestion): Promise<ProbeAnswer> {
    const requestId = `${prefix}${this.#deps.now()}-${(this.#serial += 1)}`;
    return askProbe(this.#deps, offer, { requestId, body: bodyOfProbe(offer.model, question) });
  }
}

function costAt({ choice, model }: ProbedOffer, question: ProbeQuestion): bigint {
  // Some letters more: the numbers of a question differ.
  return maxCost(choice.offer.body.price, Buffer.byteLength(bodyOfProbe(model, question)) + 64, question.maxTokens);
}

/** By the size of its text, which is made only if it is asked. */
function needleCost({ choice }: ProbedOffer): bigint | undefined {
  const { context, price } = choice.offer.body;
  const sizeBytes = needleBytes(context);
  return sizeBytes === undefined ? undefined : maxCost(price, sizeBytes, needleTokens);
}

function sumOf(amounts: ReadonlyMap<string, bigint>): bigint {
  let sum = 0n;
  for (const amount of amounts.values()) sum += amount;
  return sum;
}
