import type { Clock } from "../../core/index.ts";
import { signDocument, verifyDocument, type MarketDocument } from "../documents/document.ts";
import { marketDialects, type Price } from "../documents/kinds.ts";
import type { NodeKey } from "../identity/node-key.ts";
import { nextNumber, type OfferNumbers } from "./offer-numbers.ts";
import type { Share, Shares } from "./shares.ts";

/** An offer and the share that it is of. */
export interface SignedOffer {
  readonly document: MarketDocument<"offer/1">;
  readonly hash: string;
  readonly share: Share;
}

/** The offers of this node. Each is valid for two minutes and signed anew every 30 seconds, so that a buyer sees only sellers that are alive. */
export interface Offers {
  /** The offers that buyers are shown now. */
  current(): Promise<readonly SignedOffer[]>;
  /** An offer of the last ten minutes, whose price a lease may still use. */
  byHash(hash: string): SignedOffer | undefined;
  /** The shares or their prices have changed. */
  changed(): void;
  /** The room for requests has changed, which buyers learn within ten seconds. */
  roomChanged(): void;
}

interface OffersDeps {
  readonly shares: Pick<Shares, "list">;
  readonly key: NodeKey;
  readonly numbers: OfferNumbers;
  readonly clock: Pick<Clock, "now">;
  /** Requests that would be taken now. */
  readonly freeSlots: (share: Share) => number;
  /** What is asked for it now. */
  readonly priceOf: (share: Share) => Price;
}

const renewMs = 30_000;
/** Changes of the room are signed no more often, as each is a new number of the offer. */
const soonestMs = 10_000;
const validMs = 120_000;
const keptMs = 600_000;

// A factory: its functions share what was signed last.
// oxlint-disable-next-line max-lines-per-function
export function createOffers({ shares, key, numbers, clock, freeSlots, priceOf }: OffersDeps): Offers {
  let signedAt = -Infinity;
  let hasNewRoom = false;
  let current: readonly SignedOffer[] = [];
  let past: readonly SignedOffer[] = [];
  let seq: number | undefined;
  /** How often something was changed by a command. */
  let changes = 0;
  let signing: Promise<readonly SignedOffer[]> | undefined;
  const freeOf = (share: Share): number => Math.max(0, Math.min(1000, freeSlots(share)));
  // Own requests take places too, hours begin and end, and prices follow others.
  const isOld = ({ share, document: { body } }: SignedOffer): boolean =>
    body.free !== freeOf(share) || JSON.stringify(body.price) !== JSON.stringify(priceOf(share));
  const sign = (share: Share, seq: number, at: number): SignedOffer => {
    const { terms } = share;
    const document = signDocument(key, "offer/1", {
      offer: share.offer,
      seq,
      seller: key.id,
      at,
      until: at + validMs,
      model: share.model,
      weights: terms.weights,
      quantization: terms.quantization,
      context: terms.context,
      max_output: terms.maxOutput,
      dialects: marketDialects.toSorted(),
      features: terms.features,
      unit: "credit",
      price: priceOf(share),
      free: freeOf(share),
      limits: { hold: terms.hold, ttl_s: 300, unacked: 2 },
      policy: { retention: "unknown", training: false, region: "" },
      source: terms.source,
      licence: terms.licence,
      audience: ["*"],
    });
    return { document, hash: verifyDocument(document, key.id), share };
  };
  const signAll = async (now: number): Promise<readonly SignedOffer[]> => {
    hasNewRoom = false;
    const before = changes;
    const list = await shares.list();
    const number = nextNumber(seq ?? (await numbers.last()), now);
    await numbers.store(number);
    seq = number;
    // What was changed meanwhile is signed the next time.
    signedAt = changes === before ? now : -Infinity;
    past = [...current, ...past].filter(({ document }) => document.body.at > now - keptMs);
    current = list.map((share) => sign(share, number, now));
    return current;
  };
  return {
    async current() {
      const now = clock.now();
      const age = now - signedAt;
      // A clock that was set back is no reason to wait.
      const isNew = age >= 0 && (age < soonestMs || (age < renewMs && !hasNewRoom && !current.some(isOld)));
      if (isNew) return current;
      signing ??= signAll(now).finally(() => (signing = undefined));
      return await signing;
    },
    byHash: (hash) => [...current, ...past].find((offer) => offer.hash === hash && offer.document.body.at > clock.now() - keptMs),
    changed() {
      changes += 1;
      signedAt = -Infinity;
    },
    roomChanged() {
      hasNewRoom = true;
    },
  };
}
