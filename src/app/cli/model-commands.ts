import type { Command } from "commander";
import { print, terminalWidth } from "./output.ts";
import type { WithAdmin } from "./with-admin.ts";

interface ModelOptions {
  readonly history?: boolean;
  readonly days?: string;
  readonly json?: boolean;
}

/** `tokligence models [MODEL] [--history]` */
export function addModelCommands(program: Command, admin: WithAdmin): void {
  program
    .command("models")
    .description("how the models of providers did in the last day, beside earlier weeks, and what has changed")
    .argument("[model]", "only this one: its provider's name of it, or provider/name")
    .option("--history", "plots of the last days; needs a model")
    .option("--days <days>", "of the plots: 1 to 90, 7 by default")
    .option("--json", "print JSON")
    .action(async (model: string | undefined, { history, days, json = false }: ModelOptions) => {
      if (history === true || days !== undefined) {
        if (model === undefined) throw new Error("Name a model, as in: tokligence models gpt-5 --history");
        const { data } = await admin((call) => call("performance.history", { param: model, query: { days } }));
        const { historyText } = await import("./model-texts.ts");
        print(json, data, () => data.map((each) => historyText(each, terminalWidth())).join("\n\n"));
        return;
      }
      const { data } = await admin((call) => call("performance.list", { query: { model } }));
      const { modelsText } = await import("./model-texts.ts");
      print(json, data, () => modelsText(data, model));
    });
}
