import { hash } from "node:crypto";
import { createBoundedCache, type BoundedCache, type Clock } from "../../core/index.ts";
import type { Usage } from "../../ir/index.ts";
import type { CacheMarker, CachePlace, MarkablePrompt } from "../../protocols/index.ts";

/** The beginning of a prompt that was sent within the lifetime of the provider's cache. */
interface KnownPrefix {
  untilMs: number;
  /** It was marked: the provider has it in its cache. */
  isWritten: boolean;
  /** It was the whole prompt of the first request of a conversation, and no later request has continued it so far. */
  isUncontinuedFirst: boolean;
}

/** A prompt with what is known of each of its places. */
interface SeenPrompt {
  readonly places: readonly CachePlace[];
  readonly known: readonly (KnownPrefix | undefined)[];
  /** The index of the longest prefix that was seen, or -1. */
  readonly longest: number;
}

/** What is known of the requests of one key to one model of a provider. Counts of tokens. */
interface Account {
  /** The prompts so far. */
  input: number;
  /** What marks have saved less what they have cost, in tokens of the prompt at full price. */
  balance: number;
  /** What marks that are under way may cost. */
  pending: number;
  markedRequests: number;
  /** Conversations that began, and those of them that went on. */
  firsts: number;
  continuedFirsts: number;
}

/** The marks of one request, until its usage is known. */
export interface MarkedRequest {
  readonly account: Account;
  readonly isMarked: boolean;
  pendingTokens: number;
}

/** Anthropic's cache keeps a prefix for five minutes after it was last used. Slightly less, as the answer takes time. */
const lifetimeMs = 290_000;
/** Writing to the cache costs 1.25 times the price of the prompt, reading at most a tenth ("Prompt caching", platform.claude.com, November 2026). */
const writeSurcharge = 0.25;
const readDiscount = 0.9;
/** The part of the prompts' cost that marks may lose before the gateway stops setting new ones. */
const maxLoss = 0.04;
/** If at least `leastFirsts` conversations began, and this share of them went on, the first request of a conversation is marked. */
const leastFirsts = 3;
const continuedShare = 0.5;
/** After this number of requests with marks, reads are expected only if they have paid. */
const leastMarked = 8;
/** Older requests count for less: the sums are halved at this count. */
const maxInput = 20_000_000;
const maxFirsts = 64;
const bytesOfToken = 4;
/** An estimate of tokens may be this much too low. */
const estimateMargin = 0.7;
/** About 150 bytes each. */
const maxPrefixes = 100_000;
const maxAccounts = 5_000;

/**
 * Which prompts were seen within the lifetime of a provider's cache, as hashes, and whether marks have paid so far. It decides where the gateway sets
 * marks. Bounded, and each process has its own.
 */
export class PrefixMemory {
  readonly #clock: Clock;
  readonly #prefixes: BoundedCache<KnownPrefix>;
  readonly #accounts = createBoundedCache<Account>(maxAccounts);

  constructor(clock: Clock, capacity = maxPrefixes) {
    this.#clock = clock;
    this.#prefixes = createBoundedCache(capacity);
  }

  /** @param scope whose requests share a cache: the key, the provider and its model. @param onMarked receives the decision. */
  marker(scope: string, onMarked: (marked: MarkedRequest) => void): CacheMarker {
    return {
      // Each scope has prefixes of its own, although all of them are in one memory.
      hash: (before, part) => hash("sha1", `${before === "" ? scope : before}\n${part}`, "base64"),
      choose: (prompt) => {
        const { places, marked } = this.#choose(this.#accountOf(scope), prompt);
        onMarked(marked);
        return places;
      },
    };
  }

  /** The request is over. Without a usage, nothing is learned. */
  settle(marked: MarkedRequest, usage: Usage | undefined): void {
    const { account } = marked;
    account.pending -= marked.pendingTokens;
    marked.pendingTokens = 0;
    if (usage?.input === undefined) return;
    account.input += usage.input;
    if (marked.isMarked) {
      const { cacheRead = 0, cacheWrite5m = 0, cacheWrite1h = 0 } = usage;
      account.balance += cacheRead * readDiscount - cacheWrite5m * writeSurcharge - cacheWrite1h;
    }
    if (account.input > maxInput) {
      account.input /= 2;
      account.balance /= 2;
    }
  }

  #choose(account: Account, prompt: MarkablePrompt): { readonly places: readonly number[]; readonly marked: MarkedRequest } {
    const nowMs = this.#clock.monotonic();
    const seen = this.#find(prompt.places, nowMs);
    const chosen = candidates(account, prompt, seen);
    const cost = newTokens(seen, chosen) * writeSurcharge;
    const isMarked = chosen.length > 0 && mayMark(account, seen, chosen, cost);
    const places = isMarked ? chosen : [];
    const isFirst = this.#remember(seen, places, nowMs + lifetimeMs);
    if (isFirst) countFirst(account);
    if (!isMarked) return { places, marked: { account, isMarked, pendingTokens: 0 } };
    account.markedRequests += 1;
    account.pending += cost;
    return { places, marked: { account, isMarked, pendingTokens: cost } };
  }

  #find(places: readonly CachePlace[], nowMs: number): SeenPrompt {
    const known = places.map(() => undefined as KnownPrefix | undefined);
    let longest = -1;
    for (let at = places.length - 1; at >= 0; at--) {
      const { part, prefix } = places[at]!;
      // Before the longest one, only the parts that conversations share are of interest.
      if (longest >= 0 && part === "turn") continue;
      const found = this.#prefixes.get(prefix);
      if (found === undefined || found.untilMs <= nowMs) continue;
      known[at] = found;
      if (longest < 0) longest = at;
    }
    return { places, known, longest };
  }

  /** What the next requests may share with this one: what comes before the turns, and all of it. Returns whether a conversation begins. */
  #remember({ places, known, longest }: SeenPrompt, chosen: readonly number[], untilMs: number): boolean {
    let isFirst = false;
    for (const [at, { part, prefix }] of places.entries()) {
      const isTip = at === places.length - 1;
      if (part === "turn" && !isTip && at !== longest) continue;
      const isWritten = chosen.includes(at);
      const found = known[at];
      if (found !== undefined) {
        found.untilMs = untilMs;
        found.isWritten ||= isWritten;
        continue;
      }
      isFirst = isTip && part === "turn" && (longest < 0 || places[longest]!.part !== "turn");
      this.#prefixes.set(prefix, { untilMs, isWritten, isUncontinuedFirst: isFirst });
    }
    return isFirst;
  }

  #accountOf(scope: string): Account {
    const found = this.#accounts.get(scope);
    if (found !== undefined) return found;
    const account = { input: 0, balance: 0, pending: 0, markedRequests: 0, firsts: 0, continuedFirsts: 0 };
    this.#accounts.set(scope, account);
    return account;
  }
}

/** The places that are worth a mark: the longest prefix that was seen, the whole prompt if it is expected to go on, and what comes before the turns. */
function candidates(
  account: Account,
  { places, isToolStep, minTokens }: MarkablePrompt,
  { known, longest }: SeenPrompt,
): readonly number[] {
  const tip = places.length - 1;
  if (tip < 0) return [];
  const isContinued = longest >= 0 && places[longest]!.part === "turn";
  const first = known[longest];
  if (isContinued && first?.isUncontinuedFirst === true && longest < tip) {
    account.continuedFirsts += 1;
    first.isUncontinuedFirst = false;
  }
  const oftenGoesOn = account.firsts >= leastFirsts && account.continuedFirsts >= account.firsts * continuedShare;
  const marksTip = places[tip]!.part === "turn" && (isToolStep || isContinued || oftenGoesOn);
  const chosen: number[] = [];
  for (const [at, { part }] of places.entries()) {
    const isShared = part !== "turn" && (marksTip || known[at] !== undefined);
    if (isShared || at === longest || (at === tip && marksTip)) chosen.push(at);
  }
  const sizeBytes = chosen.length === 0 ? 0 : places[chosen.at(-1)!]!.sizeBytes;
  return sizeBytes / bytesOfToken < minTokens * estimateMargin ? [] : chosen;
}

function countFirst(account: Account): void {
  account.firsts += 1;
  if (account.firsts <= maxFirsts) return;
  account.firsts /= 2;
  account.continuedFirsts /= 2;
}

/** The tokens up to the last mark that are not in the provider's cache yet. */
function newTokens(seen: SeenPrompt, chosen: readonly number[]): number {
  const last = chosen.at(-1);
  return last === undefined ? 0 : (seen.places[last]!.sizeBytes - writtenBytes(seen)) / bytesOfToken;
}

function writtenBytes({ places, known }: SeenPrompt): number {
  return places.reduce((most, { sizeBytes }, at) => (known[at]?.isWritten === true ? sizeBytes : most), 0);
}

/** A read saves more than a write costs. A new mark is set as long as those before have not lost too much, or if what is read makes up for it. */
function mayMark(account: Account, seen: SeenPrompt, chosen: readonly number[], cost: number): boolean {
  const input = account.input + seen.places[chosen.at(-1)!]!.sizeBytes / bytesOfToken;
  // A provider that bills writes and never reads, as behind a balancer, is not expected to read.
  const hasProof = account.markedRequests < leastMarked || account.balance >= -maxLoss * input;
  const saved = (writtenBytes(seen) / bytesOfToken) * readDiscount;
  if (account.markedRequests === 0 || (hasProof && saved > cost)) return true;
  return account.balance - account.pending - cost >= -maxLoss * input;
}
