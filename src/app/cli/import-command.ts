import type { Command } from "commander";
import type { ImportReport } from "../import/run-import.ts";
import { print, table } from "./output.ts";
import { createProgress } from "./progress.ts";

interface Options {
  readonly json?: boolean;
  readonly apply?: boolean;
}
interface LitellmOptions extends Options {
  readonly database?: string;
  readonly replace?: boolean;
  readonly keepConfig?: boolean;
}

const applyHelp = "write it; without this the command only reports";

/** `import litellm|tokligence-go|openrouter-usage` */
export function addImportCommands(program: Command, configPath: () => string | undefined): void {
  const group = program
    .command("import")
    .description("take over configuration, users, keys and usage of another gateway")
    .helpCommand(false);
  group
    .command("litellm")
    .argument("<file>", "LiteLLM's config.yaml")
    .description("LiteLLM: models, settings and, with --database, users, teams, keys and budgets; old keys keep working")
    .option("--database <url>", "LiteLLM's PostgreSQL database, which is only read")
    .option("--apply", applyHelp)
    .option("--replace", "replace a configuration that is there; it is kept as FILE.before-import")
    .option("--keep-config", "leave the configuration as it is: users, keys and budgets only")
    .option("--json", "print JSON")
    .action(async (file: string, options: LitellmOptions) => {
      const { importLitellm } = await import("../import/sources.ts");
      const { database, apply = false, replace = false, keepConfig = false } = options;
      const report = await withProgress((onRows) =>
        importLitellm(file, { path: configPath(), apply, replace, keepConfig, database, onRows }),
      );
      print(options.json === true, report, () => reportText(report));
    });
  group
    .command("tokligence-go")
    .argument("<folder>", "the folder with identity.db and ledger.db")
    .description("the earlier gateway in Go: users, keys and usage; old keys keep working")
    .option("--apply", applyHelp)
    .option("--json", "print JSON")
    .action(async (folder: string, options: Options) => {
      const { importTokligenceGo } = await import("../import/sources.ts");
      const report = await withProgress((onRows) =>
        importTokligenceGo(folder, { path: configPath(), apply: options.apply === true, onRows }),
      );
      print(options.json === true, report, () => reportText(report));
    });
  group
    .command("openrouter-usage")
    .argument("<file>", "the CSV of OpenRouter's activity page")
    .description("usage that was paid at OpenRouter, for reports that go back before the gateway")
    .option("--apply", applyHelp)
    .option("--json", "print JSON")
    .action(async (file: string, options: Options) => {
      const { importOpenrouterUsage } = await import("../import/sources.ts");
      const report = await withProgress((onRows) =>
        importOpenrouterUsage(file, { path: configPath(), apply: options.apply === true, onRows }),
      );
      print(options.json === true, report, () => reportText(report));
    });
}

async function withProgress<T>(run: (onRows: (rows: number) => void) => Promise<T>): Promise<T> {
  const progress = createProgress("rows");
  return await run((rows) => progress.add(rows)).finally(() => progress.end());
}

function reportText({ applied, config, planned, added, present, not_taken_over: notes }: ImportReport): string {
  const kinds = Object.keys(planned) as (keyof typeof planned)[];
  const rows = kinds.map((kind) => (added === null ? [kind, planned[kind]] : [kind, planned[kind], added[kind], present?.[kind] ?? 0]));
  const states = {
    new: applied ? "written" : "would be written",
    unchanged: "is the same already",
    replaced: applied ? "replaced; the old one is beside it" : "is there, and would be replaced with --replace",
    kept: "stays as it is",
  };
  const next = applied ? "Next: tokligence start" : "Nothing was changed. To do it: the same command with --apply";
  return [
    ...(applied || config.text === null ? [] : [config.text]),
    `Configuration: ${config.path} ${states[config.state]}.`,
    table(["", "FOUND", ...(added === null ? [] : ["ADDED", "THERE BEFORE"])], rows),
    ...(notes.length === 0 ? [] : ["", "Not taken over, or different:", ...notes.map(({ path, reason }) => `  ${path}: ${reason}`)]),
    "",
    next,
  ].join("\n");
}
