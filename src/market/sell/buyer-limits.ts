import { MarketRefusal } from "../refusal.ts";

/** What one buyer may use of this node. */
export interface BuyerLimitSettings {
  /** Requests that are served at a time. */
  readonly concurrency: number;
  /** Leases that are open at a time. */
  readonly leases: number;
  /** Calls of this node's interface in a second. */
  readonly callsPerSecond: number;
  /** Tokens, prompts and answers together, in a minute and in a day of UTC since the gateway's start; `undefined`: not limited. */
  readonly tokensPerMinute: number | undefined;
  readonly tokensPerDay: number | undefined;
}

interface Used {
  second: number;
  calls: number;
  minute: number;
  minuteTokens: number;
  day: number;
  dayTokens: number;
}

const minuteMs = 60_000;
const dayMs = 86_400_000;

/** Counts what each buyer uses, in memory: there are as many entries as nodes that this one knows. */
export class BuyerLimits {
  readonly #settings: () => BuyerLimitSettings;
  readonly #now: () => number;
  readonly #used = new Map<string, Used>();

  constructor(settings: () => BuyerLimitSettings, now: () => number) {
    this.#settings = settings;
    this.#now = now;
  }

  get settings(): BuyerLimitSettings {
    return this.#settings();
  }

  /** A call whose signature has been checked. @throws MarketRefusal `too_many_requests` */
  call(node: string): void {
    const used = this.#current(node);
    used.calls += 1;
    if (used.calls > this.#settings().callsPerSecond) {
      throw new MarketRefusal("too_many_requests", "Your node calls too often.", { retry_after_ms: 1000 });
    }
  }

  /** Before a request. What it will use is not known yet, so the last one may go past a limit. @throws MarketRefusal `too_many_requests` */
  checkTokens(node: string): void {
    const { tokensPerMinute = Infinity, tokensPerDay = Infinity } = this.#settings();
    const { minuteTokens, dayTokens } = this.#current(node);
    const now = this.#now();
    if (dayTokens >= tokensPerDay) {
      throw new MarketRefusal("too_many_requests", "Your node's tokens of today are used up.", { retry_after_ms: dayMs - (now % dayMs) });
    }
    if (minuteTokens >= tokensPerMinute) {
      throw new MarketRefusal("too_many_requests", "Your node's tokens of this minute are used up.", {
        retry_after_ms: minuteMs - (now % minuteMs),
      });
    }
  }

  /** A request has ended. */
  used(node: string, tokens: number): void {
    const used = this.#current(node);
    used.minuteTokens += tokens;
    used.dayTokens += tokens;
  }

  #current(node: string): Used {
    const now = this.#now();
    const [second, minute, day] = [Math.floor(now / 1000), Math.floor(now / minuteMs), Math.floor(now / dayMs)];
    let used = this.#used.get(node);
    if (used === undefined) {
      used = { second, calls: 0, minute, minuteTokens: 0, day, dayTokens: 0 };
      this.#used.set(node, used);
    }
    if (used.second !== second) Object.assign(used, { second, calls: 0 });
    if (used.minute !== minute) Object.assign(used, { minute, minuteTokens: 0 });
    if (used.day !== day) Object.assign(used, { day, dayTokens: 0 });
    return used;
  }
}
