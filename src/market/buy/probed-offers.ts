import type { Provider } from "../../upstream/index.ts";
import type { Book } from "./book.ts";
import { isWithin, type Choice } from "./choose.ts";

/** An offer that may be probed. */
export interface ProbedOffer {
  readonly provider: Provider;
  readonly model: string;
  readonly choice: Choice;
  /** Names the offer and its seller. */
  readonly key: string;
}

export interface ProbedRules {
  readonly book: Pick<Book, "providers" | "offersOf" | "price">;
  /** Why nothing is bought from a seller at all. */
  readonly problem: (choice: Choice) => string | undefined;
  /** Clearings at which something was bought of late: sellers of other exchanges are not asked. */
  readonly clearings: ReadonlySet<string>;
}

/** The offers that requests may go to, of peers and of exchanges that are bought from. */
export function probedOffers({ book, problem, clearings }: ProbedRules): readonly ProbedOffer[] {
  return book.providers().flatMap((provider) =>
    provider.models.flatMap((model) => {
      const isExchange = provider.isExchange === true;
      const most = isExchange ? book.price(provider.name, model) : undefined;
      return book.offersOf(provider.name, model).flatMap((choice: Choice) => {
        const { seller, offer } = choice;
        if (problem(choice) !== undefined) return [];
        // No request is drawn to a seller of an exchange that is dearer than the three cheapest.
        const isAsked = !isExchange || (clearings.has(seller.peer.node) && most !== undefined && isWithin(offer.body.price, most));
        return isAsked ? [{ provider, model, choice, key: `${provider.name}/${model} ${seller.node.node}` }] : [];
      });
    }),
  );
}

/** Offers that state to be of the same model: of one name, and of the same weights and quantization where both state them. */
export function isSameModel(one: ProbedOffer, other: ProbedOffer): boolean {
  const [a, b] = [one.choice.offer.body, other.choice.offer.body];
  const agrees = (left: string, right: string): boolean => left === "" || right === "" || left === right;
  return a.model === b.model && a.seller !== b.seller && agrees(a.weights, b.weights) && agrees(a.quantization, b.quantization);
}
