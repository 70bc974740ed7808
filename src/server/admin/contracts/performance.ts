import * as z from "zod";
import { measureNames, type Measure } from "../../../ledger/index.ts";
import type { OperationContract } from "./contract.ts";

const value = z.number().nullable();

const summary = z
  .object({
    attempts: z.number(),
    ttft: value.describe("median milliseconds to the first token, of streams"),
    stream_speed: value.describe("median tokens a second after the first token, of streams"),
    json_speed: value.describe("median tokens a second of answers that are not streamed"),
    output_tokens: value.describe("median length of an answer"),
    errors: value.describe("the part of the attempts that failed, from 0 to 1"),
    refusals: value.describe("the part of the answers that refused"),
    cache_hits: value.describe("the part of the answers that used the provider's prompt cache"),
    tool_arguments: value.describe("the part of the tool calls whose arguments are JSON"),
    tool_schema: value.describe("the part of the checked tool calls that fit their schema"),
    finish_reason: value.describe("the part of the answers that ended for the most frequent reason"),
    model_served: value.describe("the part of the answers by another model than the usual one"),
    canary_right: value.describe("the part of the canaries that were answered rightly"),
    canary_answers: value.describe("always null: changes alone have it"),
  })
  .meta({ id: "PerformanceSummary" });

const change = z
  .object({
    found_at: z.string(),
    since: z.string().describe("when it probably began"),
    measure: z.enum(measureNames as readonly [Measure, ...Measure[]]),
    name: z.string().describe("of finish_reason and model_served: which one"),
    before: z.number().describe("a median, or a part from 0 to 1"),
    after: z.number(),
    window_hours: z.number(),
    p: z.number().describe("at most the chance that it is noise, all comparisons of the hour counted"),
    message: z.string(),
  })
  .meta({ id: "PerformanceChange" });

const model = z.object({
  provider: z.string(),
  model: z.string().describe("the provider's name of it"),
  region: z.string(),
  now: summary.describe("the last 24 hours"),
  before: summary.describe("the same hours of the four weeks before"),
  changes: z.array(change).readonly(),
});

export const performanceContracts = {
  "performance.list": {
    method: "GET",
    path: "/api/v1/performance",
    access: "admin",
    summary: "Shows how models did in the last day, beside earlier weeks, and what has changed.",
    query: z.object({ model: z.string().optional().describe("only this one: its provider's name of it, or provider/name") }),
    answer: z.object({ data: z.array(model).readonly() }),
  },
  "performance.history": {
    method: "GET",
    path: "/api/v1/performance/{model}",
    access: "admin",
    summary: "Shows how a model did, hour by hour.",
    query: z.object({ days: z.string().optional().describe("1 to 90; 7 if omitted") }),
    answer: z.object({
      data: z.array(model.extend({ start: z.string(), step_hours: z.number(), points: z.array(summary).readonly() })).readonly(),
    }),
  },
} as const satisfies Record<string, OperationContract>;
