import type { Operation } from "../protocols/index.ts";

/** Of this number of requests one is looked at. */
const sampleEvery = 10;

/** Chooses the requests whose answers are looked at for calls of tools, after their clients have them. */
export class ToolSampler {
  readonly #every: number;
  #count = 0;

  constructor(every = sampleEvery) {
    this.#every = every;
  }

  chooses(operation: Operation): boolean {
    return operation === "generate" && ++this.#count % this.#every === 0;
  }
}
