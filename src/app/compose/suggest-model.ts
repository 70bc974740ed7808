import type { AnnouncedState, Catalog } from "../../upstream/index.ts";
import { isMarketProvider, listModels } from "../../upstream/index.ts";
import type { ModelInfo } from "../../protocols/index.ts";

export interface SuggestInput {
  readonly catalog: Catalog;
  /** What the providers answered when asked for their models. */
  readonly states: readonly AnnouncedState[];
  /** Price of a million tokens in and a million out, in any unit; `undefined` if it is not known. */
  readonly costOf: (model: ModelInfo) => bigint | undefined;
}

/** Models that answer a chat cheaply, by what vendors call them; never those that do something else. */
const small = /mini|nano|haiku|flash|small|lite|8b|7b/i;
const noChat = /embed|tts|whisper|image|audio|realtime|moderation|transcri|dall|rerank|live|veo|imagen|sora|babbage|davinci|search|guard/i;
/** A name that needs no quoting in a shell or a program. */
const plainName = /^[\w.:/@+-]+$/;
/** A look-up of a price that was not looked up before takes some ten microseconds. */
const mostPriced = 300;

/**
 * A model to try the gateway with: the cheapest of those with a known price whose provider can be reached, else one with a small model's name, else
 * any; "loopback" if no provider can be used.
 */
export function suggestModel({ catalog, states, costOf }: SuggestInput): string {
  const failing = new Set(states.filter(isFailing).map(({ provider }) => provider));
  const real = listModels(catalog).filter(
    ({ id, provider }) =>
      catalog.provider(provider)?.builtin === false &&
      !isMarketProvider(provider) &&
      !failing.has(provider) &&
      !noChat.test(id) &&
      plainName.test(id),
  );
  const likely = real.filter(({ id }) => small.test(id));
  let cheapest: { readonly id: string; readonly cost: bigint } | undefined;
  for (const model of [...likely, ...real].slice(0, mostPriced)) {
    const cost = costOf(model);
    // A model with a price of 0 often answers badly or not at all.
    if (cost !== undefined && cost > 0n && (cheapest === undefined || cost < cheapest.cost)) cheapest = { id: model.id, cost };
  }
  return cheapest?.id ?? likely[0]?.id ?? real[0]?.id ?? "loopback";
}

/** Whether requests to a provider would fail: it cannot be reached, or refuses the key. A provider without a list of models may still serve. */
function isFailing({ message, status }: AnnouncedState): boolean {
  return message !== undefined && (status === undefined || status === 401 || status === 403);
}
