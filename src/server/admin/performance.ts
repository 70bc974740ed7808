import { GatewayError } from "../../core/index.ts";
import { changeSentence, type ModelChange, type ModelPerformance, type PerformanceReports } from "../../ledger/index.ts";
import type { AnswerOfContract, HandlersOf } from "./contracts/contract.ts";
import type { performanceContracts } from "./contracts/performance.ts";

const mostDays = 90;
const usualDays = 7;

/** How models do, from the ledger's hourly counts. */
export function performanceHandlers(reports: PerformanceReports): HandlersOf<typeof performanceContracts> {
  return {
    "performance.list": async ({ query: { model } }) => ({ data: (await reports.list(model)).map(shown) }),
    "performance.history": async ({ param, query: { days: text } }) => {
      const days = text === undefined ? usualDays : Number(text);
      if (!Number.isInteger(days) || days < 1 || days > mostDays)
        throw new GatewayError("invalid_request", `"days" must be a whole number from 1 to ${mostDays}.`, { param: "days" });
      const found = await reports.history(param, days);
      if (found.length === 0)
        throw new GatewayError(
          "not_found",
          `No provider has answered for a model "${param.slice(0, 100)}" in this time. \`tokligence models\` lists those that have.`,
          { param: "model" },
        );
      return {
        data: found.map((history) => ({
          ...shown(history),
          start: new Date(history.startMs).toISOString(),
          step_hours: history.stepMs / 3_600_000,
          points: history.points,
        })),
      };
    },
  };
}

type Shown = AnswerOfContract<(typeof performanceContracts)["performance.list"]>["data"][number];

function shown({ provider, model, region, now, before, changes }: ModelPerformance): Shown {
  return { provider, model, region, now, before, changes: changes.map(shownChange) };
}

function shownChange(change: ModelChange): Shown["changes"][number] {
  const { foundMs, sinceMs, measure, name, before, after, windowHours, p } = change;
  return {
    found_at: new Date(foundMs).toISOString(),
    since: new Date(sinceMs).toISOString(),
    measure,
    name,
    before,
    after,
    window_hours: windowHours,
    p,
    message: changeSentence(change),
  };
}
