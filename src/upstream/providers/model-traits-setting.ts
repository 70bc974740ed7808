import * as z from "zod";
import type { OperatorTraits } from "../../protocols/index.ts";
import { leaf } from "../../settings/index.ts";
import { inCamelCase } from "./quirks-setting.ts";

const flag = (description: string): z.ZodBoolean => z.boolean().describe(description);

/** The names are those of the traits in `protocols/PROTOCOL/model-traits.ts`, in the file's spelling; each holds for the protocols that have it. */
const traitsShape = z
  .strictObject({
    like: z.string().min(1).describe("The name of a model whose traits it has, as in gpt-5.2; the other settings override them."),
    thinking: z
      .enum(["none", "budget", "adaptive", "level"])
      .describe("How thinking is asked for: adaptive at Anthropic, level at Google."),
    takes_budget: flag("Anthropic: thinking.budget_tokens is accepted."),
    rest: z.enum(["absent", "disabled", "between_tools", "never"]).describe("Anthropic: how thinking is switched off."),
    thinks_unasked: flag("Anthropic: it thinks if the request has no thinking."),
    takes_forced_tool: flag("Anthropic: a tool can be forced."),
    takes_effort: flag("Anthropic: output_config.effort is accepted."),
    highest_effort: z.enum(["high", "max"]).describe("Anthropic: the highest effort."),
    takes_xhigh: flag("Anthropic: the effort xhigh is accepted."),
    takes_format: flag("Anthropic: output_config.format and strict tools are accepted."),
    takes_sampling: flag("Anthropic: temperature, top_p and top_k are accepted."),
    takes_both_samplings: flag("Anthropic: temperature and top_p are accepted together."),
    takes_prefill: flag("Anthropic: a last message of the assistant is accepted."),
    takes_system_turns: flag("Anthropic: messages of the role system are accepted between others."),
    max_output_tokens: z.int().min(1).describe("The most tokens of output that can be asked for; a higher limit is lowered to it."),
    min_cache_tokens: z.int().min(1).describe("Anthropic: the shortest prompt that is cached if it is marked."),
    levels: z
      .array(z.enum(["MINIMAL", "LOW", "MEDIUM", "HIGH"]))
      .min(1)
      .describe("Google: the thinking levels, from the lowest."),
    min_budget: z.int().min(0).describe("Google: the smallest thinking budget."),
    max_budget: z.int().min(1).describe("Google: the largest thinking budget."),
    can_stop_thinking: flag("Google: a thinking budget of 0 is accepted."),
    needs_signatures: flag("Google: function calls of earlier steps need a signature."),
    takes_media_in_results: flag("Google: a functionResponse may contain media."),
    takes_media_resolution: flag("Google: a medium may have a resolution."),
    takes_schema_with_tools: flag("Google: a schema for the answer is accepted beside functions."),
    reasons: flag("OpenAI: it accepts parameters of reasoning."),
    efforts: z
      .array(z.enum(["none", "minimal", "low", "medium", "high", "xhigh", "max"]))
      .describe("OpenAI: the efforts, from the lowest; an empty list: the field is not sent."),
    rests_unasked: flag("OpenAI: without an effort, it does not reason."),
    sampling: z
      .enum(["always", "at-rest", "never"])
      .describe("OpenAI: when sampling parameters and stop are accepted; at-rest: while it does not reason."),
    searches: flag("OpenAI: it searches the web by itself, and accepts web_search_options of Chat."),
    needs_phase: flag("OpenAI: messages of the assistant need their phase."),
    refuses_functions_in_chat: flag("OpenAI: Chat takes functions only without reasoning; such requests go over Responses."),
  })
  .partial();

/** The traits of all protocols, as the file spells them. */
export const traitNames: readonly string[] = Object.keys(traitsShape.shape).filter((name) => name !== "like");

/** `model_traits`. */
export const modelTraitsSetting = leaf(z.record(z.string().min(1), traitsShape), {
  kind: "json",
  description:
    "What models accept, where the gateway cannot know it from their names: a pattern for the provider's name of the model, with or without the provider in front, then its traits: see docs/model-traits.md. Of several patterns that fit, the later ones win.",
  allowed: `a map of patterns, each with a map of ${Object.keys(traitsShape.shape).join(", ")}`,
}).prefault({});

/** `model_traits` with the names of the program. */
export function readModelTraits(parsed: z.output<typeof modelTraitsSetting>): readonly OperatorTraits[] {
  return Object.entries(parsed).map(([models, { like, ...traits }]) => ({
    models,
    ...(like === undefined ? {} : { like }),
    traits: Object.fromEntries(Object.entries(traits).map(([name, value]) => [inCamelCase(name), value])),
  }));
}
