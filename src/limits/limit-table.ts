import { createSubjectIndex, type Subject, type SubjectCaller, type SubjectIndex, type SubjectTarget } from "../core/index.ts";
import { limitKinds, type LimitValues } from "../settings/index.ts";
import { Bucket } from "./bucket.ts";

/** The limits of one subject. */
export interface SubjectLimits {
  /** A user or key by its id. */
  readonly subject: Subject;
  readonly values: LimitValues;
}

/** What the configuration says of limits. */
export interface ConfiguredLimits {
  /** Of a key that has none of its own. */
  readonly default?: LimitValues | undefined;
  /** Of providers. What is set for a provider in the database counts in place of them, kind by kind. */
  readonly providers: readonly SubjectLimits[];
}

/** The most keys whose buckets by default are remembered. */
const mostKeys = 50_000;

/** All limits with their buckets, which outlive changes of the amounts. */
export class LimitTable {
  readonly #nowMs: () => number;
  #stored: readonly SubjectLimits[] = [];
  #configured: ConfiguredLimits = { providers: [] };
  #buckets = new Map<string, Bucket>();
  #index: SubjectIndex<Bucket> = createSubjectIndex<Bucket>([], ({ subject }) => subject);
  /** Ids of users and keys that have limits of their own. */
  #ownIds: ReadonlySet<string> = new Set();
  #byDefault = new Map<string, readonly Bucket[]>();

  /** @param nowMs monotonic milliseconds. */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  setStored(stored: readonly SubjectLimits[]): void {
    this.#stored = stored;
    this.#build();
  }

  setConfigured(configured: ConfiguredLimits): void {
    this.#configured = configured;
    this.#build();
  }

  /**
   * The limits of the user, the key, the keys that it was made with, and their tags. The limits by default are those of the first key of that chain: keys that a
   * key makes share them. `undefined` for most callers.
   */
  ofCaller(caller: SubjectCaller): readonly Bucket[] | undefined {
    const { default: values } = this.#configured;
    const own = this.#index.isEmpty ? undefined : this.#index.ofCaller(caller);
    if (values === undefined) return own;
    const { userId, keyId, ancestorIds } = caller;
    const id = ancestorIds?.at(-1) ?? (keyId === "" ? userId : keyId);
    if (this.#ownIds.has(id)) return own;
    const standard = this.#byDefault.get(id) ?? this.#addDefault(id, values);
    return own === undefined ? standard : [...own, ...standard];
  }

  get hasTargets(): boolean {
    return this.#index.hasTargets;
  }

  /** The limits of a provider and its model; `undefined` for most. */
  ofTarget(target: SubjectTarget): readonly Bucket[] | undefined {
    return this.#index.ofTarget(target);
  }

  *buckets(): Iterable<Bucket> {
    yield* this.#buckets.values();
    for (const buckets of this.#byDefault.values()) yield* buckets;
  }

  #build(): void {
    const before = this.#buckets;
    this.#buckets = new Map();
    for (const { subject, values } of [...this.#configured.providers, ...this.#stored]) {
      for (const bucket of bucketsOf(subject, values, (name) => this.#buckets.get(name) ?? before.get(name)))
        this.#buckets.set(bucket.name, bucket);
    }
    this.#index = createSubjectIndex(this.#buckets.values(), ({ subject }) => subject);
    this.#ownIds = new Set(this.#stored.flatMap(({ subject: { kind, name } }) => (kind === "key" || kind === "user" ? [name] : [])));
    const { default: values } = this.#configured;
    const known = this.#byDefault;
    this.#byDefault = new Map();
    if (values === undefined) return;
    for (const [id, buckets] of known) {
      this.#byDefault.set(
        id,
        bucketsOf({ kind: "key", name: id }, values, (name) => buckets.find((bucket) => bucket.name === name)),
      );
    }
  }

  #addDefault(id: string, values: LimitValues): readonly Bucket[] {
    if (this.#byDefault.size >= mostKeys) this.#dropIdle();
    const made = bucketsOf({ kind: "key", name: id }, values, () => undefined);
    this.#byDefault.set(id, made);
    return made;
  }

  /** Those that are full are as new ones. */
  #dropIdle(): void {
    const nowMs = this.#nowMs();
    const busy = [...this.#byDefault].filter(([, buckets]) => buckets.some((bucket) => bucket.inFlight > 0 || bucket.usedMs(nowMs) > 0));
    this.#byDefault = new Map(busy.slice(-mostKeys / 2));
  }
}

function bucketsOf(subject: Subject, values: LimitValues, known: (name: string) => Bucket | undefined): readonly Bucket[] {
  return limitKinds.flatMap((kind) => {
    const amount = values[kind];
    if (amount === undefined) return [];
    const made = new Bucket({ subject, kind, amount });
    const bucket = known(made.name);
    if (kind === "concurrent") bucket?.setSlots(amount);
    return [bucket ?? made];
  });
}
