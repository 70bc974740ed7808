import { amountText, differenceText, measureNames, measures, type Measure } from "../../ledger/index.ts";
import type { OperationAnswer } from "../../server/index.ts";
import { shortTime, table, terminalWidth, wrapped } from "./output.ts";
import { plotLines } from "./plot.ts";

type Model = OperationAnswer<"performance.list">["data"][number];
type History = OperationAnswer<"performance.history">["data"][number];

const shownMeasures = ["ttft", "stream_speed", "output_tokens", "errors", "tool_arguments"] as const satisfies readonly Measure[];
const titles = {
  ttft: "FIRST TOKEN",
  stream_speed: "SPEED",
  output_tokens: "LENGTH",
  errors: "ERRORS",
  tool_arguments: "TOOLS OK",
} as const;

/** The last day of each model; behind a value its difference from earlier weeks. */
export function modelsText(models: readonly Model[], asked: string | undefined, width = terminalWidth()): string {
  if (models.length === 0) {
    if (asked !== undefined) return `No provider has answered for "${asked}" in the last seven days.`;
    return "No hour with requests has been counted yet: the first one is, ten minutes after its end.";
  }
  const rows = models.map((model) => [
    nameOf(model),
    model.now.attempts,
    model.changes.length === 0 ? "-" : [...new Set(model.changes.map(({ measure }) => measure))].join(", "),
    ...shownMeasures.map((measure) => comparedText(measure, model)),
  ]);
  const header = ["MODEL", "REQUESTS", "CHANGED", ...shownMeasures.map((measure) => ({ title: titles[measure], optional: true }) as const)];
  const changes = models.flatMap((model) => model.changes.map((change) => ({ change, model })));
  const recent = changes.slice(0, 10).map(({ change }) => `${shortTime(change.found_at)}  ${change.message}`);
  return [table(header, rows, width), ...(recent.length === 0 ? [] : ["", ...recent.flatMap((line) => wrapped(line, width))])].join("\n");
}

function nameOf({ provider, model, region }: Pick<Model, "provider" | "model" | "region">): string {
  return `${provider}/${model}${region === "" ? "" : ` (${region})`}`;
}

/** `412 ms (+3 %)`. */
function comparedText(measure: Measure, { now, before }: Pick<Model, "now" | "before">): string {
  const [after, earlier] = [now[measure], before[measure]];
  if (after === null) return "-";
  const text = amountText(measure, after);
  if (earlier === null || (measures[measure].kind === "scale" && earlier === 0)) return text;
  return `${text} (${differenceText({ measure, before: earlier, after })})`;
}

/** A plot for each measure that has values. */
export function historyText(history: History, width: number): string {
  const { start, step_hours: stepHours, points, changes } = history;
  const startMs = Date.parse(start);
  const endMs = startMs + points.length * stepHours * 3_600_000;
  const head = `${nameOf(history)}, ${shortTime(start)} to ${shortTime(new Date(endMs).toISOString())} UTC, ${stepHours === 1 ? "each hour" : `each ${stepHours} hours`}`;
  const plots = measureNames.flatMap((measure) => {
    const values = points.map((point) => point[measure]);
    if (values.every((value) => value === null || (measures[measure].kind === "share" && value === 0))) return [];
    const marks = changes
      .filter((change) => change.measure === measure)
      .map(({ since }) => (Date.parse(since) - startMs) / (endMs - startMs));
    const title = measure === "finish_reason" ? "answers that ended for the usual reason" : measures[measure].label;
    return [
      "",
      `${title}: ${comparedText(measure, history)}`,
      ...plotLines(values, { width, marks, label: (value) => amountText(measure, value) }),
    ];
  });
  const found = changes.flatMap(({ message }) => wrapped(message, width));
  return [head, ...plots, ...(found.length === 0 ? [] : ["", ...found])].join("\n");
}
