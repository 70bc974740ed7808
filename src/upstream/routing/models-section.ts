import * as z from "zod";
import { fallbackReasons, strategies, type FallbackLists, type ModelSetting, type TargetTable } from "./targets.ts";
import { cachingModes } from "../../protocols/index.ts";
import { leaf, parseDuration } from "../../settings/index.ts";

const name = z.string().min(1);

const target = z.union([
  name.transform((model) => ({ model, weight: 1 })),
  z.strictObject({ model: name, weight: z.number().min(1).max(1000).default(1) }),
]);

const hedge = z.union([
  z.literal("off").transform(() => undefined),
  z.literal("p95"),
  z
    .union([z.number(), z.string()])
    .transform((value) => parseDuration(value) ?? Number.NaN)
    .refine((value) => value >= 1),
]);

const model = z.strictObject({
  targets: z.array(target).min(1).describe("Its targets, best first: provider/model, a model, or a map of model and weight."),
  strategy: z.enum(strategies).optional().describe("As routing.strategy, for this model."),
  affinity: z.enum(["auto", "off"]).optional().describe("As routing.affinity, for this model."),
  hedge: hedge
    .optional()
    .describe(
      "When a second target is asked at the same time: after this time without content, p95 (the time of 95 % of its answers), or off.",
    ),
  caching: z.enum(cachingModes).optional().describe("As providers.NAME.caching, for this model."),
});

export const modelsSchema = leaf(z.record(name, model), {
  kind: "json",
  description:
    "Models of your own, each with its targets, best first: provider/model, a model, or a map of model and weight. strategy: priority, weighted, cheapest, fastest or least-busy. affinity: auto or off, whether a conversation stays at one target. hedge: off, a time or p95, after which a second target is asked at the same time. caching: as providers.NAME.caching. See docs/routing.md.",
  allowed: `a map of names, each with targets (a list of models, or maps of model and weight), strategy (${strategies.join(", ")}), affinity (auto, off), hedge (off, a time as in 800ms, p95) and caching (${cachingModes.join(", ")})`,
}).prefault({});

const names = z.array(name).min(1);

export const fallbacksSchema = leaf(
  z.record(name, z.union([names.transform((any) => ({ any })), z.partialRecord(z.enum(fallbackReasons), names)])),
  {
    kind: "json",
    description:
      "Models to ask when all targets of a model have failed: a pattern, then a list of models, or a map of lists by reason. The first pattern that fits wins. See docs/routing.md.",
    allowed: `a map of patterns, each with a list of models, or a map of such lists under ${fallbackReasons.join(", ")}`,
  },
).prefault({});

/** What `models`, `fallbacks` and `routing` say of targets. */
export function readTargets(
  models: z.output<typeof modelsSchema>,
  fallbacks: z.output<typeof fallbacksSchema>,
  routing: Pick<TargetTable, "strategy" | "hasAffinity">,
): TargetTable {
  const settings = Object.entries(models).map(
    ([key, { targets, strategy, affinity, hedge: delay, caching }]): readonly [string, ModelSetting] => [
      key,
      {
        targets,
        ...(strategy === undefined ? {} : { strategy }),
        ...(affinity === undefined ? {} : { hasAffinity: affinity === "auto" }),
        ...(delay === undefined ? {} : { hedge: delay }),
        ...(caching === undefined ? {} : { caching }),
      },
    ],
  );
  return { ...routing, models: new Map(settings), fallbacks: Object.entries(fallbacks) as [string, FallbackLists][] };
}
