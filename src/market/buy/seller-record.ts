/** What counts half as much after this time. */
const halfLifeMs = 7 * 86_400_000;
/** Nobody knows a new seller: it begins as if four of five requests had been answered. */
const prior = { good: 4, all: 5 };
/** A wrong answer of a probe weighs as many right ones. */
const wrongWeight = 5;
/** Answers of a seller, and of others, before their speed is compared. */
const leastTimed = 3;
/** A seller counts as slow below this share of the others' median speed, and its score never falls further than to half for that. */
const slowShare = 0.5;
/** Tokens of a seller before their count is compared with that of others, and how much more it may be. */
const leastCounted = 20_000;
const mostOver = 1.1;

/** What has been seen of a seller's model. Counts are decayed: `atMs` is when they were last right. */
export interface Evidence {
  good: number;
  bad: number;
  /** Probes whose answer was right, or wrong. */
  right: number;
  wrong: number;
  /** Answers that began as those of another seller of the model, or otherwise. */
  alike: number;
  unlike: number;
  /** Answers that were timed, and the sum of their tokens a second. */
  timed: number;
  speed: number;
  /** Tokens of visible output that receipts count, and those that their text was estimated at. */
  counted: number;
  estimated: number;
  /** When it last sent a receipt that was refused; 0: never. */
  cheatedMs: number;
  atMs: number;
}

/** Comparisons of a seller, and of others, before they say something. */
const leastCompared = 8;
/** Who answers otherwise than the others is asked by no policy. */
const unlikeFactor = 0.5;

/** The chance that at most `hits` of `count` happen that each happen with the chance `each`. */
function chanceOfAtMost(hits: number, count: number, each: number): number {
  if (hits >= count) return 1;
  // The terms of the binomial distribution, one from the other.
  let [term, sum] = [(1 - each) ** count, 0];
  for (let k = 0; k <= hits; k++) {
    sum += term;
    term *= ((count - k) / (k + 1)) * (each / (1 - each));
  }
  return sum;
}

/** Evidence in memory, and whether the database has it. */
interface KeptEvidence extends Evidence {
  isStored: boolean;
}

const nothing: Evidence = {
  good: 0,
  bad: 0,
  right: 0,
  wrong: 0,
  alike: 0,
  unlike: 0,
  timed: 0,
  speed: 0,
  counted: 0,
  estimated: 0,
  cheatedMs: 0,
  atMs: 0,
};

/** What an answer has shown, beside that it came. */
export interface SeenAnswer {
  readonly tokensPerSecond?: number | undefined;
  readonly counted: number;
  readonly estimated: number;
}

type SixNumbers = [number, number, number, number, number, number];

/** What was seen of a seller's model of late: a week ago counts half. */
export interface SeenOfSeller {
  readonly answered: number;
  readonly failed: number;
  readonly probesRight: number;
  readonly probesWrong: number;
  /** Of `compared` answers those that began as another seller's. */
  readonly alike: number;
  readonly compared: number;
}

/** This gateway's own evidence about sellers: it decides who is asked, never what is paid. */
export class SellerRecord {
  readonly #evidence = new Map<string, Map<string, KeptEvidence>>();
  readonly #failed = new Map<string, readonly number[]>();
  readonly #outputs = new Map<string, { sum: number; count: number }>();

  /** A request has been answered, or not. */
  add(seller: string, model: string, isGood: boolean, nowMs: number): void {
    const evidence = this.#of(seller, model, nowMs);
    if (isGood) evidence.good += 1;
    else {
      evidence.bad += 1;
      this.#failed.set(seller, [...(this.#failed.get(seller) ?? []), nowMs].slice(-2));
    }
  }

  /** What a good answer has shown. */
  seen(seller: string, model: string, { tokensPerSecond, counted, estimated }: SeenAnswer, nowMs: number): void {
    const evidence = this.#of(seller, model, nowMs);
    evidence.counted += counted;
    evidence.estimated += estimated;
    if (tokensPerSecond === undefined) return;
    evidence.timed += 1;
    evidence.speed += tokensPerSecond;
  }

  /** The answer to a probe was what it had to be, or not. */
  probed(seller: string, model: string, isRight: boolean, nowMs: number): void {
    this.#of(seller, model, nowMs)[isRight ? "right" : "wrong"] += 1;
  }

  /** Its answer to a question began as that of another seller of the model, or otherwise. */
  compared(seller: string, model: string, isAlike: boolean, nowMs: number): void {
    this.#of(seller, model, nowMs)[isAlike ? "alike" : "unlike"] += 1;
  }

  /** A receipt of it was refused. */
  cheated(seller: string, model: string, nowMs: number): void {
    this.#of(seller, model, nowMs).cheatedMs = nowMs;
  }

  #of(seller: string, model: string, nowMs: number): Evidence {
    let models = this.#evidence.get(seller);
    if (models === undefined) this.#evidence.set(seller, (models = new Map<string, KeptEvidence>()));
    let evidence = models.get(model);
    if (evidence === undefined) models.set(model, (evidence = { ...nothing, atMs: nowMs, isStored: false }));
    const left = 2 ** -(Math.max(0, nowMs - evidence.atMs) / halfLifeMs);
    for (const name of ["good", "bad", "right", "wrong", "alike", "unlike", "timed", "speed", "counted", "estimated"] as const)
      evidence[name] *= left;
    evidence.atMs = Math.max(nowMs, evidence.atMs);
    evidence.isStored = false;
    return evidence;
  }

  /** The share of requests that it answered, for all its models. */
  rate(seller: string): number {
    const all = [...(this.#evidence.get(seller)?.values() ?? [])];
    const good = all.reduce((sum, evidence) => sum + evidence.good, prior.good);
    return good / all.reduce((sum, { good: more, bad }) => sum + more + bad, prior.all);
  }

  /** From 0 to 1; a new seller has 0.8, and policies ask none below 0.6. */
  score(seller: string, model: string, nowMs: number): number {
    const evidence = this.#evidence.get(seller)?.get(model) ?? nothing;
    const { good, bad, right, wrong, cheatedMs } = evidence;
    const success = (good + prior.good) / (good + bad + prior.all);
    const validity = (right + prior.good) / (right + wrong * wrongWeight + prior.good);
    const honesty = cheatedMs === 0 ? 1 : 1 - 2 ** -(Math.max(0, nowMs - cheatedMs) / halfLifeMs);
    const likeness = this.answersOtherwise(seller, model) ? unlikeFactor : 1;
    return success * validity * this.#speedFactor(seller, model, evidence) * honesty * likeness;
  }

  /**
   * Whether its answers are those of the other sellers of the model so rarely that chance explains it less than once in a thousand times. Of two sellers it is not known
   * which one is another model.
   */
  answersOtherwise(seller: string, model: string): boolean {
    const { alike, unlike } = this.#evidence.get(seller)?.get(model) ?? nothing;
    const usual = this.#others(seller, model, ({ alike: same, unlike: other }) =>
      // A few that were all alike do not show that none is ever otherwise.
      same + other >= leastCompared ? (same + 1) / (same + other + 2) : undefined,
    );
    const count = Math.round(alike + unlike);
    if (usual === undefined || count < leastCompared) return false;
    return chanceOfAtMost(Math.round(alike), count, usual) < 0.001;
  }

  #speedFactor(seller: string, model: string, { timed, speed }: Evidence): number {
    const others = this.#others(seller, model, (evidence) => (evidence.timed >= leastTimed ? evidence.speed / evidence.timed : undefined));
    if (timed < leastTimed || others === undefined) return 1;
    return Math.max(0.5, Math.min(1, speed / timed / (others * slowShare)));
  }

  /**
   * Whether a seller counts more tokens for its texts than others do for theirs: more than a tenth over many answers. Without others, or with few tokens, it is not known.
   */
  overCounts(seller: string, model: string): boolean {
    const ratioOf = ({ counted, estimated }: Evidence): number | undefined =>
      counted >= leastCounted && estimated > 0 ? counted / estimated : undefined;
    const own = ratioOf(this.#evidence.get(seller)?.get(model) ?? nothing);
    const others = this.#others(seller, model, ratioOf);
    return own !== undefined && others !== undefined && own > others * mostOver;
  }

  /** The median of what is known of the other sellers of a model. */
  #others(seller: string, model: string, valueOf: (evidence: Evidence) => number | undefined): number | undefined {
    const values: number[] = [];
    for (const [node, models] of this.#evidence) {
      const value = node === seller ? undefined : valueOf(models.get(model) ?? nothing);
      if (value !== undefined) values.push(value);
    }
    return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
  }

  /** What its score is made of, as whole numbers. */
  seenOf(seller: string, model: string): SeenOfSeller {
    const { good, bad, right, wrong, alike, unlike } = this.#evidence.get(seller)?.get(model) ?? nothing;
    const [answered, failed, probesRight, probesWrong, same, other] = [good, bad, right, wrong, alike, unlike].map(
      Math.round,
    ) as SixNumbers;
    return { answered, failed, probesRight, probesWrong, alike: same, compared: same + other };
  }

  /** Two requests have failed in the last minute. */
  isFailing(seller: string, nowMs: number): boolean {
    const failedMs = this.#failed.get(seller) ?? [];
    return failedMs.length === 2 && failedMs[0]! > nowMs - 60_000;
  }

  answered(model: string, outputTokens: number): void {
    const known = this.#outputs.get(model) ?? { sum: 0, count: 0 };
    known.sum += outputTokens;
    known.count += 1;
    this.#outputs.set(model, known);
  }

  /** The mean length of answers of the model; what is usual while there is none. */
  meanOutput(model: string): number {
    const known = this.#outputs.get(model);
    return known === undefined ? 300 : known.sum / known.count;
  }

  /** What has changed since the last call, for the database. */
  *takeChanged(): Iterable<{ readonly node: string; readonly model: string; readonly evidence: Evidence }> {
    for (const [node, models] of this.#evidence)
      for (const [model, kept] of models) {
        const { isStored, ...evidence } = kept;
        kept.isStored = true;
        if (!isStored) yield { node, model, evidence };
      }
  }

  /** As an earlier start has stored it. */
  restore(node: string, model: string, stored: Partial<Evidence>): void {
    const models = this.#evidence.get(node) ?? new Map<string, KeptEvidence>();
    this.#evidence.set(node, models);
    if (!models.has(model)) models.set(model, { ...nothing, ...stored, isStored: true });
  }
}
