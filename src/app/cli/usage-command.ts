import type { Command } from "commander";
import { once } from "node:events";
import { createTimeZone, localTimeText } from "../../core/index.ts";
import type { EntriesQuery, ExportFormat, UsageGroup, UsageQuery } from "../../ledger/index.ts";
import type { AdminClient, OperationAnswer, OperationInput } from "../../server/index.ts";
import { print, table, type OptionalColumn } from "./output.ts";
import type { WithAdmin } from "./with-admin.ts";

interface Options {
  readonly user?: string;
  readonly key?: string;
  readonly provider?: string;
  readonly model?: string;
  readonly dialect?: string;
  readonly tag?: string;
  readonly supply?: boolean;
  readonly status?: string;
  readonly from?: string;
  readonly to?: string;
  readonly by?: string;
  readonly tz?: string;
  readonly limit?: string;
  readonly entries?: boolean;
  readonly ids?: boolean;
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
    .option("--key <key>", "its id, or its prefix as in tok_ab12")
    .option("--provider <provider>")
    .option("--model <model>")
    .option("--dialect <dialect>")
    .option("--tag <tag>", "as given in the header x-tokligence-tags")
    .option("--supply", "what was sold to other gateways")
    .option("--by <groups>", "user, key, model, provider, dialect, day, hour, tag; by comma")
    .option("--from <time>", "as in 7d (ago), 2026-01-31 or 2026-01-31T12:00:00Z")
    .option("--to <time>", "the same; not included")
    .option("--tz <zone>", "whose days are meant, as in Europe/Berlin; ledger.time_zone if omitted")
    .option("--limit <rows>", "1000 by default, 100 entries; no limit with --csv and --jsonl")
    .option("--entries", "single entries, newest first, in place of sums")
    .option("--status <status>", "of entries: ok, error, cancelled, interrupted or refused")
    .option("--ids", "ids in place of names")
    .option("--json", "print JSON")
    .option("--csv", "print CSV, all of it")
    .option("--jsonl", "print a JSON object a line, all of it")
    .action(async (options: Options) => {
      const format = formatOf(options);
      checkOptions(options);
      if (format !== undefined) await admin((call) => writeExport(call, options, format));
      else if (options.entries === true) await printEntries(admin, options);
      else await printReport(admin, options);
    });
}

function formatOf({ csv, jsonl }: Options): ExportFormat | undefined {
  if (csv === true) return "csv";
  return jsonl === true ? "jsonl" : undefined;
}

/** Refuses options that would have no effect. */
function checkOptions({ entries, by, status, json, csv, jsonl }: Options): void {
  if ([json, csv, jsonl].filter((given) => given === true).length > 1) throw new Error("Give one of --json, --csv and --jsonl.");
  if (entries === true && by !== undefined) throw new Error("--by is of sums, --entries shows single entries. Give one of them.");
  if (entries !== true && status !== undefined) throw new Error("--status is of single entries. Give --entries as well.");
}

async function printReport(admin: WithAdmin, options: Options): Promise<void> {
  const report = await admin((call) => call("usage.report", { query: queryOf(options) }));
  print(options.json === true, report, () => usageText(report, options));
}

async function printEntries(admin: WithAdmin, options: Options): Promise<void> {
  const page = await admin((call) => call("usage.entries", { query: queryOf(options) }));
  print(options.json === true, page, () => entriesText(page, options));
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
    supply: options.supply === true ? "true" : undefined,
    ...(options.entries === true ? { status: options.status } : { group_by: options.by }),
    from: options.from,
    to: options.to,
    tz: options.tz,
    limit: page === undefined ? options.limit : page.limit?.toString(),
    after: page?.after,
  };
}

/** A request that was refused early has no model or no provider to show. */
function named(name: string | undefined): string {
  return name === undefined || name === "" ? "-" : name;
}

/** Whether there is no usage at all, or none that the filters match. */
function nothingText({ from, to, ...options }: Options): string {
  const { user, key, provider, model, dialect, tag, status } = options;
  const filtered = [user, key, provider, model, dialect, tag, status].some((filter) => filter !== undefined);
  if (from !== undefined || to !== undefined) return filtered ? "No such usage in this time." : "No usage in this time.";
  return filtered ? "No such usage." : "No usage yet.";
}

function usageText(report: OperationAnswer<"usage.report">, options: Options): string {
  if (report.rows.length === 0) return nothingText(options);
  const columns = report.group_by;
  const unpriced = report.totals.unpriced_requests;
  const optional = (title: string): OptionalColumn => ({ title, optional: true });
  const header = [
    ...columns.map((name) => name.toUpperCase()),
    "REQUESTS",
    optional("FAILED ATTEMPTS"),
    "INPUT",
    optional("CACHED"),
    "OUTPUT",
    "COST USD",
  ];
  if (unpriced > 0) header.push("UNPRICED");
  const valueOf = (row: (typeof report.rows)[number], name: string): string =>
    named((options.ids === true ? undefined : row.names[name]) ?? row.group[name]);
  const total = { ...report.totals, group: undefined };
  const labels = columns.map((_, column) => (column === 0 ? "total" : ""));
  const rows = [...report.rows, total].map((row) => [
    ...(row.group === undefined ? labels : columns.map((name) => valueOf(row, name))),
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

type Entry = OperationAnswer<"usage.entries">["entries"][number];

function entriesText({ entries, next, time_zone: timeZone }: OperationAnswer<"usage.entries">, options: Options): string {
  if (entries.length === 0) return nothingText(options);
  const ids = options.ids === true;
  const zone = createTimeZone(timeZone);
  const hasAttempts = entries.some(({ attempt }) => attempt > 1);
  const hasFindings = entries.some(({ firewall }) => firewall !== null);
  const hasTags = entries.some(({ tags }) => tags.length > 0);
  const columns: readonly (readonly [title: string | OptionalColumn, cell: (entry: Entry) => string | number | null])[] = [
    ["TIME", ({ time }) => localTimeText(zone, Date.parse(time)).slice(0, 19).replace("T", " ")],
    ...(ids ? [["REQUEST", ({ request_id: id }: Entry) => id] as const] : []),
    ...(hasAttempts ? [[{ title: "ATTEMPT", optional: true }, ({ attempt }: Entry) => attempt] as const] : []),
    ["USER", (entry) => (ids ? entry.user_id : named(entry.username ?? undefined))],
    [{ title: "KEY", optional: true }, (entry) => named((ids ? entry.key_id : entry.key_name) ?? undefined)],
    ["MODEL", (entry) => named(entry.model_served === "" ? entry.model_asked : entry.model_served)],
    [{ title: "PROVIDER", optional: true }, ({ provider }) => named(provider)],
    ["STATUS", statusText],
    ["INPUT", (entry) => entry.input_tokens],
    ["OUTPUT", (entry) => entry.output_tokens],
    ["COST USD", (entry) => entry.cost_usd],
    ...(hasFindings ? [[{ title: "FIREWALL", optional: true }, ({ firewall }: Entry) => firewall ?? ""] as const] : []),
    ...(hasTags ? [[{ title: "TAGS", optional: true }, ({ tags }: Entry) => tags.join(" ")] as const] : []),
  ];
  const rows = entries.map((entry) => columns.map(([, cell]) => cell(entry)));
  const header = columns.map(([title]) => title);
  return [table(header, rows), ...(next === null ? [] : ["There are older ones. Give --limit, --csv or --jsonl."])].join("\n");
}

/** `ok`, or why not: `refused 402 budget_exceeded`. */
function statusText({ status, http_status: httpStatus, error_code: code }: Entry): string {
  return status === "ok" ? status : [status, httpStatus, code].filter((part) => part !== null && part !== 0).join(" ");
}
