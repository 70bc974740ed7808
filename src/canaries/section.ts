import * as z from "zod";
import { parseUsd } from "../ledger/index.ts";
import { duration, leaf, texts, usdRate } from "../settings/index.ts";

export const canariesSchema = z
  .strictObject({
    models: texts(
      "Models that are asked, as clients name them or as provider/model: each of their targets. Empty: none.",
      "a list of models",
    ).prefault([]),
    every: duration("Time between two questions to one target; at least 10s.").prefault("10m"),
    budget: leaf(usdRate("US dollars that all questions of a day may cost."), {
      kind: "text",
      description: "US dollars that all questions of a day may cost.",
      allowed: "US dollars, as in 1 or 0.50",
    }).prefault("1"),
  })
  .describe("Questions with known answers, which show whether a model has changed. See docs/degradation.md.")
  .prefault({});

export interface CanariesSection {
  /** Empty: nothing is asked. */
  readonly models: readonly string[];
  readonly everyMs: number;
  readonly budgetNanoUsd: bigint;
}

const leastEveryMs = 10_000;

export function readCanaries({ models, every, budget }: z.output<typeof canariesSchema>): CanariesSection {
  return { models, everyMs: Math.max(leastEveryMs, every), budgetNanoUsd: parseUsd(budget)! };
}
