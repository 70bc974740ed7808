import {
  messageOf,
  type Clock,
  type Logger,
  type Schedule,
  type SubjectCaller,
  type SubjectKind,
  type SubjectTarget,
  systemSchedule,
} from "../core/index.ts";
import type { LimitKind } from "../settings/index.ts";
import type { Store } from "../store/index.ts";
import type { Bucket } from "./bucket.ts";
import { isRefusal, type LimitHold, type Limiter, type LimitOutcome } from "./limiter.ts";
import { readLimitRows } from "./limit-rows.ts";
import { LimitTable, type ConfiguredLimits } from "./limit-table.ts";
import { LocalLimiter } from "./local-limiter.ts";
import type { LimitRemote } from "./remote.ts";
import { SharedLimiter } from "./shared-limiter.ts";

/** The limits of requests, as the request path uses them. */
export interface Limits extends Limiter {
  /** Of who sends a request; `undefined` for most. */
  ofCaller(caller: SubjectCaller): readonly Bucket[] | undefined;
  /** Whether there are limits of providers or models. */
  readonly hasTargets: boolean;
  /** Of a provider, its model and the alias that a client asked for; `undefined` for most. */
  ofTarget(target: SubjectTarget): readonly Bucket[] | undefined;
  /** Connects to the place where they are shared. Resolves when it has answered or failed to; never rejects. */
  start(): Promise<void>;
  /** Reads the limits again. Call it when the accounts' revision has changed. */
  refresh(): Promise<void>;
  /** Applies those of the configuration. */
  configure(configured: ConfiguredLimits): void;
  /** Where they are shared, and why they are not at present; `undefined`: they are not shared. */
  sharing(): { readonly title: string; readonly problem: string | undefined } | undefined;
  /** How many requests were refused, by what the limit is for and what it counts. */
  refusals(): Iterable<Refusals>;
  close(): void;
}

export interface Refusals {
  readonly scope: SubjectKind;
  readonly kind: LimitKind;
  readonly count: number;
}

export interface LimitsDeps {
  readonly store: Pick<Store, "db">;
  readonly clock: Pick<Clock, "monotonic">;
  readonly logger: Logger;
  readonly configured: ConfiguredLimits;
  /** Where processes share their limits; this process alone counts them if omitted. */
  readonly remote?: LimitRemote | undefined;
  readonly schedule?: Schedule;
}

/** Reads the limits and keeps them in memory. A request without limits costs two look-ups in a map, and nothing if there are no limits at all. */
export async function createLimits(deps: LimitsDeps): Promise<Limits> {
  const limits = new LimitsOfProcess(deps);
  await limits.refresh();
  return limits;
}

class LimitsOfProcess implements Limits {
  readonly #deps: LimitsDeps;
  readonly #table: LimitTable;
  readonly #limiter: Limiter;
  readonly #shared: SharedLimiter | undefined;
  /** A row for each kind of subject and limit. */
  readonly #refusals = new Map<string, { readonly scope: SubjectKind; readonly kind: LimitKind; count: number }>();

  constructor(deps: LimitsDeps) {
    const { clock, logger, configured, remote, schedule = systemSchedule } = deps;
    this.#deps = deps;
    this.#table = new LimitTable(() => clock.monotonic());
    this.#table.setConfigured(configured);
    this.#shared = remote && new SharedLimiter({ remote, buckets: () => this.#table.buckets(), clock, schedule, logger });
    this.#limiter = this.#shared ?? new LocalLimiter(clock);
  }

  async start(): Promise<void> {
    await this.#shared?.start();
  }

  ofCaller(caller: SubjectCaller): readonly Bucket[] | undefined {
    return this.#table.ofCaller(caller);
  }

  get hasTargets(): boolean {
    return this.#table.hasTargets;
  }

  ofTarget(target: SubjectTarget): readonly Bucket[] | undefined {
    return this.#table.ofTarget(target);
  }

  take(buckets: readonly Bucket[], tokens: number): LimitOutcome | Promise<LimitOutcome> {
    const outcome = this.#limiter.take(buckets, tokens);
    return outcome instanceof Promise ? outcome.then((settled) => this.#counted(settled)) : this.#counted(outcome);
  }

  settle(hold: LimitHold, usedTokens: number | undefined): void {
    this.#limiter.settle(hold, usedTokens);
  }

  async refresh(): Promise<void> {
    this.#table.setStored(await readLimitRows(this.#deps.store.db));
  }

  configure(configured: ConfiguredLimits): void {
    this.#table.setConfigured(configured);
  }

  sharing(): { readonly title: string; readonly problem: string | undefined } | undefined {
    const { remote } = this.#deps;
    return remote && { title: remote.title, problem: this.#shared?.problem };
  }

  refusals(): Iterable<Refusals> {
    return this.#refusals.values();
  }

  close(): void {
    try {
      this.#shared?.close();
    } catch (error) {
      this.#deps.logger.warn({ error: messageOf(error) }, "the place where limits are shared could not be left");
    }
  }

  #counted(outcome: LimitOutcome): LimitOutcome {
    if (!isRefusal(outcome)) return outcome;
    const { subject, kind } = outcome.bucket;
    const name = `${subject.kind} ${kind}`;
    const known = this.#refusals.get(name) ?? { scope: subject.kind, kind, count: 0 };
    known.count += 1;
    this.#refusals.set(name, known);
    return outcome;
  }
}
