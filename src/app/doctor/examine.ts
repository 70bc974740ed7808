import { messageOf } from "../../core/index.ts";
import type { ConfigError, LoadedSettings } from "../config/index.ts";
import { loadSettings, locateDatabase } from "../config/index.ts";
import { readDaemonStatus } from "../daemon/start-background.ts";
import { databaseStatus } from "../database-tasks.ts";
import { runtimePaths } from "../paths.ts";
import { checkClients } from "./clients.ts";
import { fine, problem, warning, type Finding } from "./finding.ts";
import { checkClock, checkDisk, checkPort, lastWriteOf } from "./machine.ts";
import { checkProviders } from "./providers.ts";

export interface ExamineInput {
  /** `--config`. */
  readonly config: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  readonly nowMs: number;
}

/** Looks at everything that a gateway needs, and changes nothing. */
export async function examine(input: ExamineInput): Promise<Finding[]> {
  const place = input.config === undefined ? { env: input.env } : { path: input.config, env: input.env };
  let loaded: LoadedSettings;
  try {
    loaded = loadSettings(place);
  } catch (error) {
    const paths = runtimePaths(locateDatabase(place).path);
    return [...configurationProblems(error), checkDisk(paths.folder), checkClock(input.nowMs, lastWriteOf(paths.database))];
  }
  const { settings } = loaded;
  const paths = runtimePaths(settings.database.path);
  const status = await readDaemonStatus(paths).catch(() => undefined);
  const isFile = settings.database.type === "sqlite";
  const [port, database, providers] = await Promise.all([
    status === undefined ? checkPort(settings.gateway.host, settings.gateway.port) : [],
    checkDatabase(loaded),
    checkProviders(settings),
  ]);
  const failed = status?.reload_failed;
  return [
    ...checkConfiguration(loaded),
    ...(status === undefined ? [port].flat() : [fine("gateway", `running (pid ${status.pid}) on port ${status.port}`)]),
    ...(failed === undefined
      ? []
      : [problem("gateway", `its last reload failed: ${failed}`, "correct the file; it is read again by itself")]),
    database,
    checkDisk(paths.folder),
    checkClock(input.nowMs, isFile ? lastWriteOf(paths.database) : undefined),
    ...providers,
    ...checkClients({ url: `http://localhost:${status?.port ?? settings.gateway.port}`, env: input.env, home: input.home }),
  ];
}

function configurationProblems(error: unknown): Finding[] {
  const remedy = "correct the file: docs/configuration.md has every setting";
  const problems = error instanceof Error && error.name === "ConfigError" ? (error as ConfigError).problems : undefined;
  if (problems === undefined) return [problem("configuration", messageOf(error), remedy)];
  return problems.map(({ message }) => problem("configuration", message, remedy));
}

function checkConfiguration({ path, found, warnings }: LoadedSettings): Finding[] {
  const file = found
    ? fine("configuration", path)
    : warning("configuration", `there is no ${path}; the defaults are used`, "tokligence init");
  return [file, ...warnings.map((text) => warning("configuration", text))];
}

async function checkDatabase({ settings }: LoadedSettings): Promise<Finding> {
  try {
    const { database, schema_version: version, newest_version: newest, pending } = await databaseStatus(settings.database);
    if (version > newest) {
      const text = `${database} has schema version ${version}, newer than this program, which knows ${newest}`;
      return problem(
        "database",
        text,
        "use the newer program, or restore a backup of the database that was made before (docs/deployment.md)",
      );
    }
    if (version === 0) return { name: "database", state: "info", message: `${database} will be made at the first start` };
    if (pending.length > 0)
      return warning("database", `${database} has ${pending.length} pending changes of the schema`, "tokligence db migrate");
    return fine("database", `${database}, schema version ${version}`);
  } catch (error) {
    return problem("database", messageOf(error), "tokligence db status shows the place; database.* sets it");
  }
}
