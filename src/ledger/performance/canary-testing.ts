import type { CanaryAnswer } from "./canary-store.ts";
import { seeded } from "./testing.ts";

/** What happens to a synthetic model at some time. */
export type PlantedCanaryChange = "swapped" | "weaker" | "sharper";

export const plantedCanaryChanges: readonly PlantedCanaryChange[] = ["swapped", "weaker", "sharper"];

const hourMs = 3_600_000;
const checkable = 36;
const open = 11;
const stride = 17;
/** Different answers to a prompt. */
const answers = 8;

interface Prompt {
  readonly id: string;
  /** Log-odds of a right answer; `undefined`: it has none. */
  readonly right: number | undefined;
  /** Logarithms of the weights of the answers; wrong ones, if one is right. */
  readonly weights: readonly number[];
}

export interface CanarySeriesOptions {
  readonly everyMs?: number;
  /** Whether the provider gives probabilities of tokens. */
  readonly hasProbabilities?: boolean;
}

/** Makes the answers of a synthetic model: noise that lasts for hours, and that differs from day to day; outages, and hours of nonsense. */
export class SyntheticCanaries {
  readonly #random: () => number;
  readonly #models: { readonly own: readonly Prompt[]; readonly other: readonly Prompt[] };
  readonly #options: Required<CanarySeriesOptions>;
  #turn = 0;
  #mood = 0;
  #day = 0;
  #nonsenseLeft = 0;
  #outageLeft = 0;

  constructor(seed: number, { everyMs = 600_000, hasProbabilities = seed % 4 < 2 }: CanarySeriesOptions = {}) {
    this.#random = seeded(seed);
    this.#options = { everyMs, hasProbabilities };
    const own = Array.from({ length: checkable + open }, (_, at) => this.#prompt(at));
    // A model of the same family: each prompt goes somewhat otherwise.
    const other = own.map(({ id, right, weights }) => ({
      id,
      right: right === undefined ? undefined : right + 1.5 * this.#normal(),
      weights: weights.map((weight) => weight + 1.2 * this.#normal()),
    }));
    this.#models = { own, other };
  }

  /** The answers from one time to another. */
  next(fromMs: number, toMs: number, change?: PlantedCanaryChange): CanaryAnswer[] {
    const { everyMs } = this.#options;
    const found: CanaryAnswer[] = [];
    for (let ms = Math.ceil(fromMs / everyMs) * everyMs; ms < toMs; ms += everyMs) {
      if (ms % hourMs < everyMs) this.#hour(ms);
      this.#turn += 1;
      if (this.#outageLeft > 0) continue;
      found.push(this.#ask(ms, (this.#turn * stride) % (checkable + open), change));
    }
    return found;
  }

  #prompt(at: number): Prompt {
    const weights = Array.from({ length: answers }, () => 2 * this.#normal());
    return { id: `prompt-${at}`, right: at < checkable ? 1 + 3 * this.#normal() : undefined, weights };
  }

  #hour(ms: number): void {
    const random = this.#random;
    this.#mood = 0.9 * this.#mood + 0.06 * this.#normal();
    if (ms % (24 * hourMs) < hourMs) this.#day = 0.12 * this.#normal();
    if (this.#nonsenseLeft > 0) this.#nonsenseLeft -= 1;
    else if (random() < 0.002) this.#nonsenseLeft = 1 + Math.floor(random() * 3);
    if (this.#outageLeft > 0) this.#outageLeft -= 1;
    else if (random() < 0.005) this.#outageLeft = 1 + Math.floor(random() * 6);
  }

  #ask(timeMs: number, at: number, change: PlantedCanaryChange | undefined): CanaryAnswer {
    const { own, other } = this.#models;
    const { id: prompt, right, weights } = (change === "swapped" ? other : own)[at]!;
    const drift = this.#mood + this.#day - (this.#nonsenseLeft > 0 ? 2 : 0) - (change === "weaker" ? 1.2 : 0);
    const isRight = right === undefined ? undefined : this.#random() < 1 / (1 + Math.exp(-right - drift));
    if (isRight === true) return { timeMs, prompt, isRight, answer: "(right)" };
    // What is likely gets likelier, as at a lower temperature.
    const scale = (change === "sharper" ? 1.6 : 1) * (1 + 0.3 * (this.#mood + this.#day));
    const odds = weights.map((weight) => Math.exp(weight * scale));
    const sum = odds.reduce((total, each) => total + each, 0);
    const probabilities = this.#options.hasProbabilities && right === undefined ? odds.map((each) => each / sum) : undefined;
    const likeliest = probabilities?.map((p, answer) => [`answer-${answer}`, p] as const).toSorted(([, one], [, two]) => two - one);
    const answer = `answer-${this.#draw(odds, sum)}`;
    return { timeMs, prompt, isRight, answer, probabilities: likeliest && Object.fromEntries(likeliest.slice(0, 5)) };
  }

  #draw(odds: readonly number[], sum: number): number {
    let left = this.#random() * sum;
    return Math.max(
      0,
      odds.findIndex((each) => (left -= each) <= 0),
    );
  }

  #normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.#random())) * Math.cos(2 * Math.PI * this.#random());
  }
}
