import type { Command } from "commander";
import type { LoadedSettings } from "../config/index.ts";
import type { DatabaseStatus } from "../database-tasks.ts";
import { print, table } from "./output.ts";
import { createProgress } from "./progress.ts";

interface Output {
  readonly json?: boolean;
}

/** `db status|migrate|copy`: of the database of the configuration, whether a daemon runs or not. */
export function addDatabaseCommands(program: Command, load: () => Promise<LoadedSettings>): void {
  const db = program.command("db").description("the database").helpCommand(false);
  db.command("status")
    .description("which database, and whether its schema is up to date")
    .option("--json", "print JSON")
    .action(async ({ json }: Output) => {
      const { databaseStatus } = await import("../database-tasks.ts");
      const status = await databaseStatus((await load()).settings.database);
      print(json === true, status, () => statusText(status));
    });
  db.command("migrate")
    .description("bring the schema up to date, as a start does")
    .option("--json", "print JSON")
    .action(async ({ json }: Output) => {
      const { migrateDatabase } = await import("../database-tasks.ts");
      const result = await migrateDatabase((await load()).settings.database);
      print(json === true, result, () =>
        result.from_version === result.to_version
          ? `${result.database} has schema version ${result.to_version} already; nothing was changed.`
          : `${result.database} was brought from schema version ${result.from_version} to ${result.to_version}.`,
      );
    });
  db.command("copy")
    .description("copy a stopped gateway's SQLite database into an empty PostgreSQL database")
    .requiredOption("--to <url>", "as in postgres://user@host:5432/database; the password may be in PGPASSWORD instead")
    .option("--json", "print JSON")
    .action(async ({ json, to }: Output & { readonly to: string }) => {
      const { copyDatabase } = await import("../database-tasks.ts");
      const { database } = (await load()).settings;
      const progress = createProgress("rows");
      const report = await copyDatabase(database, to, (rows) => progress.add(rows)).finally(() => progress.end());
      print(json === true, report, () => {
        const counts = table(["TABLE", "ROWS"], Object.entries(report.rows));
        return `${counts}\n\nCopied from ${report.from} to ${report.to}, and compared.\nNext: set database.type: postgresql and its place in the configuration, and start the gateway.`;
      });
    });
}

function statusText({ type, database, schema_version: version, newest_version: newest, pending, rows }: DatabaseStatus): string {
  const facts: (readonly [string, string | number])[] = [
    ["type", type],
    ["database", database],
    ["schema version", version > newest ? `${version}, newer than this program, which knows ${newest}` : version],
    ...pending.map((step): readonly [string, string] => ["pending", `${step.version} ${step.name}`]),
    ...Object.entries(rows ?? {}).map(([name, count]): readonly [string, number] => [name.replaceAll("_", " "), count as number]),
  ];
  const lines = facts.map(([name, value]) => `${name.padEnd(20)}${value}`);
  if (pending.length > 0) lines.push("", "Next: tokligence db migrate, or start the gateway.");
  return lines.join("\n");
}
