import type { Command } from "commander";
import { messageOf } from "../../core/index.ts";
import type { LoadedSettings } from "../config/index.ts";
import { runtimePaths } from "../paths.ts";

interface Options {
  readonly follow?: boolean;
  readonly level?: string;
  readonly request?: string;
  readonly lines: string;
  readonly json?: boolean;
}

/** `tokligence logs`: the gateway's log for people. */
export function addLogsCommand(program: Command, load: () => Promise<LoadedSettings>): void {
  program
    .command("logs")
    .description("the gateway's log: one line a request, and what else happened")
    .option("-f, --follow", "go on with what is added")
    .option("--level <level>", "this level and above: debug, info, warn or error")
    .option("--request <id>", "only this request, by the x-request-id of its answer or its own")
    .option("-n, --lines <count>", "how many of the last lines", "50")
    .option("--json", "print the lines as they are in the file")
    .action(async (options: Options) => {
      await showLog(await findLog(load, program.opts<{ readonly config?: string }>().config), options);
    });
}

/** Also if the configuration cannot be used: then the log is what people want to see. */
async function findLog(load: () => Promise<LoadedSettings>, config: string | undefined): Promise<string> {
  try {
    const { settings } = await load();
    return settings.gateway.logging.file ?? runtimePaths(settings.database.path).log;
  } catch (error) {
    const { locateDatabase } = await import("../config/index.ts");
    process.stderr.write(`tokligence: warning: ${messageOf(error)}\n`);
    return runtimePaths(locateDatabase(config === undefined ? {} : { path: config }).path).log;
  }
}

async function showLog(file: string, options: Options): Promise<void> {
  const [{ createLogFilter, readLastLines }, { followFile }, { hasColours, parseLogLine, prettyLine }, { listRolled }] = await Promise.all([
    import("../logging/read-log.ts"),
    import("../logging/follow-file.ts"),
    import("../logging/pretty-line.ts"),
    import("../logging/roll.ts"),
  ]);
  const count = Number(options.lines);
  if (!Number.isSafeInteger(count) || count < 0) throw new Error(`--lines takes a whole number; found "${options.lines}".`);
  const filter = createLogFilter(options);
  const colours = hasColours(process.stdout);
  const show = (line: Parameters<typeof filter>[0]): void => {
    process.stdout.write(`${options.json === true ? JSON.stringify(line) : prettyLine(line, { colours, ids: true })}\n`);
  };
  // A request may be in a rolled file.
  const files = options.request === undefined ? [file] : [...listRolled(file), file];
  const { lines, sizeBytes } = await readLastLines(files, count, filter);
  lines.forEach(show);
  if (options.follow !== true) {
    if (lines.length > 0) return;
    if (options.request === undefined) process.stderr.write(`There is no such line in ${file}.\n`);
    else
      throw new Error(
        `There is no request "${options.request}" in ${file}. Take the x-request-id of an answer, or see the last ones: tokligence logs`,
      );
    return;
  }
  followFile({
    file,
    from: sizeBytes,
    onLine(text) {
      const line = parseLogLine(text);
      if (line !== undefined && filter(line)) show(line);
    },
  });
  // Until Ctrl-C.
  await new Promise(() => {});
}
