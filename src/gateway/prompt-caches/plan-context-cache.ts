import type { CacheAccount, LiveCache, RememberedPrompt } from "./kept-prompt.ts";

/** What a cache costs and saves, as shares of the price of a token of the prompt. */
export interface ContextPrices {
  /** What a token that is read from a cache costs less. */
  readonly discount: number;
  /** To keep a token for an hour. */
  readonly storage: number;
}

/** A request that is over. */
export interface PromptView extends RememberedPrompt {
  /** Tokens of the prompt up to a place. */
  readonly tokensTo: (at: number) => number;
  /** Which request of its conversation it is, from 1 on. */
  readonly step: number;
  /** How often what is before the turns was sent. */
  readonly fixedUses: number;
  /** Since the longest beginning of the prompt that is known was sent. */
  readonly gapMs: number;
}

/** To keep the prompt up to a place. */
export interface CachePlan {
  readonly kind: "make";
  readonly account: CacheAccount;
  readonly prefix: string;
  readonly at: number;
  readonly tokens: number;
  /** In tokens at the full price. */
  readonly costTokens: number;
}

/** To keep a cache for longer. */
export interface ExtensionPlan {
  readonly kind: "extend";
  readonly account: CacheAccount;
  readonly prefix: string;
  readonly cache: LiveCache;
}

export const ttlMs = 300_000;
const hourMs = 3_600_000;
/** A cache whose rest is shorter is kept for longer, if it is used. */
const extendAtMs = ttlMs / 3;
/** The part of the prompts' cost that caches may lose before no new ones are made. */
const maxLoss = 0.04;
/** If at least this number of conversations began, and this share of them went on, the first request of a conversation is expected to be continued. */
const leastBegun = 3;
const continuedShare = 0.5;
const mostOfAccount = 10;

/** What it costs to make a cache and to keep it for its first lifetime, in tokens at the full price. */
export function costOf(tokens: number, { storage }: ContextPrices, keptMs = ttlMs): number {
  return tokens * (1 + (storage * keptMs) / hourMs);
}

/**
 * Whether the prompt is worth a cache: the whole of it, which its conversation goes on with, or what is before its turns. To make one costs its tokens at the full price and
 * their storage; each further request saves the discount on what was not kept before, as far as the provider does not find it by itself.
 */
export function planCache(view: PromptView, prices: ContextPrices): CachePlan | undefined {
  const { account, prefixes, sizes, step, fixedUses } = view;
  const last = prefixes.length - 1;
  const { begun, continued } = account.conversations;
  const goesOn = begun >= leastBegun && continued >= begun * continuedShare;
  const whole = step >= 2 || goesOn ? candidate(view, prices, last, expectedSteps(view, goesOn)) : undefined;
  const fixed = sizes[0]! > 0 && fixedUses >= 2 ? candidate(view, prices, 0, fixedUses) : undefined;
  const best = (fixed?.gain ?? 0) > (whole?.gain ?? 0) ? fixed : whole;
  if (best === undefined || best.gain <= 0 || account.ends.length >= mostOfAccount) return undefined;
  const costTokens = costOf(best.tokens, prices);
  // That a conversation goes on is proof enough for the first cache; one request after another with the same instructions is not.
  const isFirst = account.created === 0 && best.at === last && step >= 2;
  if (!isFirst && account.balance - account.pending - costTokens < -maxLoss * account.input) return undefined;
  return { kind: "make", account, prefix: prefixes[best.at]!, at: best.at, tokens: best.tokens, costTokens };
}

/**
 * Of a key whose conversations are known, as many further requests as they have on average. Else as many as there were; half of them where the beginning is in a cache already,
 * as the next cache costs as much as the first one, and saves only what was added.
 */
function expectedSteps({ account, step, used }: PromptView, goesOn: boolean): number {
  const { requests, begun } = account.conversations;
  if (goesOn) return Math.max(requests / begun - step, step / 8);
  return used === undefined ? step : step / 2;
}

interface Candidate {
  readonly at: number;
  readonly tokens: number;
  readonly gain: number;
}

/** @param uses the further requests that are expected. */
// The candidates of one request differ in the last two.
// oxlint-disable-next-line max-params
function candidate(view: PromptView, prices: ContextPrices, at: number, uses: number): Candidate | undefined {
  const { account, used, minTokens, gapMs } = view;
  const tokens = view.tokensTo(at);
  // Without a request that was sent twice, it is not known whether the provider finds it by itself.
  if (tokens < minTokens || account.repeated === 0 || (used !== undefined && used.at >= at)) return undefined;
  const fresh = tokens - (used?.cache.tokens ?? 0);
  const saved = uses * fresh * prices.discount * (1 - account.found / account.repeated);
  return { at, tokens, gain: saved - costOf(tokens, prices, Math.max(ttlMs, uses * gapMs)) };
}

/** Whether the cache of a request that is over is kept for longer: it will end soon, and has saved more than that costs. */
export function planExtension(
  { account, used, prefixes }: PromptView,
  { discount, storage }: ContextPrices,
  nowMs: number,
): ExtensionPlan | undefined {
  if (used === undefined) return undefined;
  const { at, cache } = used;
  if (cache.isChanging || cache.name === "" || cache.expiresMs - nowMs > extendAtMs) return undefined;
  if (cache.uses * discount <= (storage * ttlMs) / hourMs) return undefined;
  cache.isChanging = true;
  return { kind: "extend", account, prefix: prefixes[at]!, cache };
}
