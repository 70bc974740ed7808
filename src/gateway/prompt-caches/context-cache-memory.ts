import { createBoundedCache, type BoundedCache, type Clock } from "../../core/index.ts";
import type { Usage } from "../../ir/index.ts";
import type { StoredContextCache } from "../../store/index.ts";
import type { CacheAccount, LiveCache, RememberedPrompt } from "./kept-prompt.ts";
import { planCache, planExtension, type CachePlan, type ContextPrices, type ExtensionPlan, type PromptView } from "./plan-context-cache.ts";

/** The beginning of a prompt that was sent not long ago. */
interface KnownPrefix {
  lastMs: number;
  /** How often it was sent, without a longer pause. */
  uses: number;
  /** Of a whole prompt: which request of its conversation it was, from 1 on. */
  step: number;
  /** It was the first of a conversation, and no later one has continued it so far. */
  isUncontinuedFirst: boolean;
}

/** A provider's own cache keeps a prompt for some minutes; a request that comes later begins anew. */
const rememberedMs = 290_000;
/** A cache that ends sooner is not referred to: the request takes a while to arrive. */
const leastLeftMs = 15_000;
/** Older requests count for less: the sums are halved at these counts. */
const maxInput = 20_000_000;
const maxConversations = 64;
/** The least tokens that a provider's own cache begins at. */
const leastEvidence = 1024;
const maxPrefixes = 50_000;
const maxCaches = 2_000;
const maxAccounts = 5_000;
const noCache = { name: "", tokens: 0, expiresMs: 0, uses: 0 } as const;
/** A provider that refuses to make caches is not asked again for this time. */
const refusedMs = 3_600_000;

/**
 * Which prompts were sent, as hashes, which caches there are of them, and whether these have paid. It decides what is worth a cache of its own; see `plan-context-cache.ts`.
 * Bounded, and each process has its own.
 */
export class ContextCacheMemory {
  readonly #clock: Clock;
  readonly #prefixes: BoundedCache<KnownPrefix> = createBoundedCache(maxPrefixes);
  readonly #caches: BoundedCache<LiveCache> = createBoundedCache(maxCaches);
  readonly #accounts = createBoundedCache<CacheAccount>(maxAccounts);
  readonly #leastTokens = createBoundedCache<{ readonly tokens: number }>(maxAccounts);
  readonly #refused = createBoundedCache<{ readonly untilMs: number }>(maxAccounts);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param scope whose requests share a cache. */
  accountOf(scope: string): CacheAccount {
    const found = this.#accounts.get(scope);
    if (found !== undefined) return found;
    const conversations = { begun: 0, continued: 0, requests: 0 };
    const account = { input: 0, balance: 0, pending: 0, created: 0, repeated: 0, found: 0, pausedUntilMs: 0, ends: [], conversations };
    this.#accounts.set(scope, account);
    return account;
  }

  /** The cache of the longest beginning of a prompt, which leaves at least one turn. */
  find(prefixes: readonly string[]): RememberedPrompt["used"] {
    const nowMs = this.#clock.now();
    for (let at = prefixes.length - 2; at >= 0; at--) {
      const cache = this.#caches.get(prefixes[at]!);
      if (cache !== undefined && cache.name !== "" && cache.expiresMs - leastLeftMs > nowMs) return { at, cache };
    }
    return undefined;
  }

  has(prefix: string): boolean {
    return (this.#caches.get(prefix)?.name ?? "") !== "";
  }

  /** The least tokens of a cache of a model, if its provider has named another number. */
  leastTokens(model: string, usual: number): number {
    return this.#leastTokens.get(model)?.tokens ?? usual;
  }

  /** @param target the provider, its key and the model. */
  isRefused(target: string): boolean {
    return (this.#refused.get(target)?.untilMs ?? 0) > this.#clock.monotonic();
  }

  /** The request is over. @returns what to do now. */
  settle(
    prompt: RememberedPrompt,
    usage: Usage & { readonly input: number },
    prices: ContextPrices,
  ): CachePlan | ExtensionPlan | undefined {
    const { account, prefixes, sizes, used } = prompt;
    const nowMs = this.#clock.monotonic();
    const known = prefixes.map((prefix) => this.#recent(prefix, nowMs));
    const longest = known.findLastIndex((each) => each !== undefined);
    const gapMs = longest < 0 ? 0 : nowMs - known[longest]!.lastMs;
    const tokensTo = (at: number): number => Math.floor((sizes[at]! / sizes.at(-1)!) * usage.input);
    learn(account, { usage, prices, used: used?.cache, seenTokens: longest < 0 ? 0 : tokensTo(longest) });
    const step = this.#remember(prompt, known, longest, nowMs);
    const view: PromptView = { ...prompt, tokensTo, step, fixedUses: this.#prefixes.get(prefixes[0]!)?.uses ?? 0, gapMs };
    account.ends = account.ends.filter((endMs) => endMs > this.#clock.now());
    const plan = account.pausedUntilMs > nowMs ? undefined : planCache(view, prices);
    if (plan !== undefined && this.#isFree(plan.prefix)) return this.#reserve(account, plan);
    return planExtension(view, prices, this.#clock.now());
  }

  /** The cache that a plan made, or that another process had made. @param paidTokens what it has cost, 0 if another process has paid. */
  made({ prefix, account, costTokens }: CachePlan, cache: StoredContextCache, paidTokens: number): void {
    account.pending -= costTokens;
    account.balance -= paidTokens;
    account.ends = [...account.ends, cache.expiresMs];
    this.#caches.set(prefix, { ...cache, uses: 0, isChanging: false });
  }

  /** There is no cache; it is not asked for within this time. `isForAll`: nor is any other one of the account. */
  notMade({ prefix, account, costTokens }: CachePlan, retryMs: number, isForAll: boolean): void {
    account.pending -= costTokens;
    account.created -= 1;
    if (isForAll) account.pausedUntilMs = this.#clock.monotonic() + retryMs;
    this.#caches.set(prefix, { ...noCache, expiresMs: this.#clock.now() + leastLeftMs + retryMs, isChanging: false });
  }

  /** A refusal of the provider to make a cache. @param leastTokens as it names it. */
  refused(target: string, model: string, leastTokens: number | undefined): void {
    if (leastTokens === undefined) this.#refused.set(target, { untilMs: this.#clock.monotonic() + refusedMs });
    else this.#leastTokens.set(model, { tokens: leastTokens });
  }

  extended({ account, cache }: ExtensionPlan, expiresMs: number, paidTokens: number): void {
    account.balance -= paidTokens;
    cache.expiresMs = expiresMs;
    cache.uses = 0;
    cache.isChanging = false;
  }

  /** The provider has no such cache any more. */
  forget(prefix: string): void {
    this.#caches.set(prefix, { ...noCache, isChanging: false });
  }

  #isFree(prefix: string): boolean {
    const cache = this.#caches.get(prefix);
    return cache === undefined || (!cache.isChanging && cache.expiresMs - leastLeftMs <= this.#clock.now());
  }

  #reserve(account: CacheAccount, plan: CachePlan): CachePlan {
    account.pending += plan.costTokens;
    account.created += 1;
    this.#caches.set(plan.prefix, { ...noCache, isChanging: true });
    return plan;
  }

  #recent(prefix: string, nowMs: number): KnownPrefix | undefined {
    const known = this.#prefixes.get(prefix);
    return known === undefined || nowMs - known.lastMs > rememberedMs ? undefined : known;
  }

  /** What later requests may begin with: what is before the turns, and all of this one. @returns which request of its conversation it is. */
  // The look-up's results belong together, and are made once for each request.
  // oxlint-disable-next-line max-params
  #remember(
    { account: { conversations }, prefixes }: RememberedPrompt,
    known: readonly (KnownPrefix | undefined)[],
    longest: number,
    nowMs: number,
  ): number {
    const last = prefixes.length - 1;
    const before = longest > 0 ? known[longest]! : undefined;
    const step = before === undefined ? 1 : before.step + (longest < last ? 1 : 0);
    conversations.requests += 1;
    if (before === undefined) conversations.begun += 1;
    else if (before.isUncontinuedFirst && longest < last) {
      conversations.continued += 1;
      before.isUncontinuedFirst = false;
    }
    if (conversations.begun > maxConversations) for (const name of ["begun", "continued", "requests"] as const) conversations[name] /= 2;
    for (const at of last === 0 ? [0] : [0, last]) {
      const found = known[at];
      if (found === undefined)
        this.#prefixes.set(prefixes[at]!, { lastMs: nowMs, uses: 1, step, isUncontinuedFirst: at > 0 && step === 1 });
      else Object.assign(found, { lastMs: nowMs, uses: found.uses + 1 });
    }
    return step;
  }
}

interface Lesson {
  readonly usage: Usage & { readonly input: number };
  readonly prices: ContextPrices;
  readonly used: LiveCache | undefined;
  /** Of this prompt, sent before. */
  readonly seenTokens: number;
}

function learn(account: CacheAccount, { usage, prices, used, seenTokens }: Lesson): void {
  const read = usage.cacheRead ?? 0;
  const kept = used === undefined ? 0 : Math.min(read, used.tokens);
  if (used !== undefined) used.uses += 1;
  account.input += usage.input;
  account.balance += kept * prices.discount;
  // A prompt of a few tokens more than the cache says nothing of the provider's own.
  const rest = seenTokens - (used?.tokens ?? 0);
  if (rest >= leastEvidence) {
    account.repeated += rest;
    account.found += Math.min(rest, read - kept);
  }
  if (account.input <= maxInput) return;
  for (const name of ["input", "balance", "repeated", "found"] as const) account[name] /= 2;
}
