import type { Command } from "commander";
import { once } from "node:events";
import type { EntriesPage, EntriesQuery, ExportFormat, UsageGroup, UsageQuery, UsageReport } from "../../ledger/index.ts";
import type { AdminClient, OperationInput } from "../../server/index.ts";
import { print, table } from "./output.ts";
import type { WithAdmin } from "./with-admin.ts";

interface Options {
  readonly user?: string;
  readonly key?: string;
  readonly provider?: string;
  readonly model?: string;
  readonly dialect?: string;
  readonly tag?: string;
  readonly status?: string;
  readonly from?: string;
  readonly to?: string;
  readonly by?: string;
  readonly limit?: string;
  readonly entries?: boolean;
  readonly json?: boolean;
  readonly csv?: boolean;
  readonly jsonl?: boolean;
}

/** `tokligence usage`: reports, single entries, and both as CSV or lines of JSON. */
export function addUsageCommand(program: Command, admin: WithAdmin): void {
  program
    .command("usage")
    .description("tokens and cost by user, key and model")
    .option("--user <user>", "id or username")
    .option("--key <key-id>")
    .option("--provider <provider>")
    .option("--model <model>")
    .option("--dialect <dialect>")
    .option("--tag <tag>", "as given in the header x-tokligence-tags")
    .option("--by <groups>", "user, key, model, provider, dialect, day, hour, tag; by comma")
    .option("--from <time>", "as in 2026-01-31 or 2026-01-31T12:00:00Z")
    .option("--to <time>")
    .option("--limit <rows>", "1000 by default, 100 entries; no limit with --csv and --jsonl")
    .option("--entries", "single entries, newest first, in place of sums")
    .option("--status <status>", "of entries: ok, error, cancelled, interrupted or refused")
    .option("--json", "print JSON")
    .option("--csv", "print CSV, all of it")
    .option("--jsonl", "print a JSON object a line, all of it")
    .action(async (options: Options) => {
      const format: ExportFormat | undefined = options.csv === true ? "csv" : options.jsonl === true ? "jsonl" : undefined;
      checkOptions(options);
      if (format !== undefined) await admin((call) => writeExport(call, options, format));
      else if (options.entries === true) await printEntries(admin, options);
      else await printReport(admin, options);
    });
}

/** What would else be passed over in silence. */
function checkOptions({ entries, by, status, json, csv, jsonl }: Options): void {
  if ([json, csv, jsonl].filter((given) => given === true).length > 1) throw new Error("Give one of --json, --csv and --jsonl.");
  if (entries === true && by !== undefined) throw new Error("--by is of sums, --entries shows single entries. Give one of them.");
  if (entries !== true && status !== undefined) throw new Error("--status is of single entries. Give --entries as well.");
}

async function printReport(admin: WithAdmin, options: Options): Promise<void> {
  const report = await admin((call) => call("usage.report", { query: queryOf(options) }));
  print(options.json === true, report, () => usageText(report));
}

async function printEntries(admin: WithAdmin, options: Options): Promise<void> {
  const page = await admin((call) => call("usage.entries", { query: queryOf(options) }));
  print(options.json === true, page, () => entriesText(page));
}

/** Reads pages over the API and prints each before it reads the next. */
async function writeExport(call: AdminClient, options: Options, format: ExportFormat): Promise<void> {
  const { exportEntries, exportUsage } = await import("../../ledger/index.ts");
  // The server reads groups and filters; here they are only the names of columns.
  const groupBy = (options.by ?? "user,key,model").split(",").map((name) => name.trim() as UsageGroup);
  const limit = options.limit === undefined ? {} : { limit: readLimit(options.limit) };
  const text =
    options.entries === true
      ? exportEntries((page: EntriesQuery) => call("usage.entries", { query: queryOf(options, page) }), limit, format)
      : exportUsage((page: UsageQuery) => call("usage.report", { query: queryOf(options, page) }), { groupBy, ...limit }, format);
  for await (const chunk of text) {
    if (!process.stdout.write(chunk)) await once(process.stdout, "drain");
  }
}

function readLimit(text: string): number {
  const limit = Number(text);
  if (Number.isSafeInteger(limit) && limit > 0) return limit;
  throw new Error(`--limit takes a whole number from 1 on; found "${text}".`);
}

type Query = NonNullable<OperationInput<"usage.report">["query"] & OperationInput<"usage.entries">["query"]>;

/** @param page in place of the option `limit`. */
function queryOf(options: Options, page?: { readonly limit?: number; readonly after?: string }): Query {
  return {
    user: options.user,
    key_id: options.key,
    provider: options.provider,
    model: options.model,
    dialect: options.dialect,
    tag: options.tag,
    ...(options.entries === true ? { status: options.status } : { group_by: options.by }),
    from: options.from,
    to: options.to,
    limit: page === undefined ? options.limit : page.limit?.toString(),
    after: page?.after,
  };
}

/** What was refused before it had a model, or a provider, has none to show. */
function named(name: string | undefined): string {
  return name === undefined || name === "" ? "-" : name;
}

function usageText(report: UsageReport): string {
  if (report.rows.length === 0) return "No usage yet.";
  const columns = report.group_by;
  const unpriced = report.totals.unpriced_requests;
  const header = [...columns.map((name) => name.toUpperCase()), "REQUESTS", "ERRORS", "INPUT", "CACHED", "OUTPUT", "COST USD"];
  if (unpriced > 0) header.push("UNPRICED");
  const rows = [...report.rows, { ...report.totals, group: {} as Record<string, string> }].map((row, i) => [
    ...columns.map((name, column) => (i < report.rows.length ? named(row.group[name]) : column === 0 ? "total" : "")),
    row.requests,
    row.errors,
    row.input_tokens,
    row.cache_read_tokens,
    row.output_tokens,
    row.cost_usd,
    ...(unpriced === 0 ? [] : [row.unpriced_requests]),
  ]);
  return [
    table(header, rows),
    ...(unpriced === 0 ? [] : ["UNPRICED are attempts of models without a known price; COST USD is without theirs."]),
    ...(report.next === null ? [] : ["There are more rows than these; the total is of all. Give --limit or --csv."]),
  ].join("\n");
}

function entriesText({ entries, next }: EntriesPage): string {
  if (entries.length === 0) return "No usage yet.";
  const header = ["TIME", "REQUEST", "ATTEMPT", "USER", "PROVIDER", "MODEL", "STATUS", "INPUT", "OUTPUT", "COST USD", "TAGS"];
  const rows = entries.map((entry) => [
    entry.time,
    entry.request_id,
    entry.attempt,
    entry.user_id,
    named(entry.provider),
    named(entry.model_served === "" ? entry.model_asked : entry.model_served),
    entry.status,
    entry.input_tokens,
    entry.output_tokens,
    entry.cost_usd,
    entry.tags.join(" "),
  ]);
  return [table(header, rows), ...(next === null ? [] : ["There are older ones. Give --limit, --csv or --jsonl."])].join("\n");
}
