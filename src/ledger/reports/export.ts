import { csvLine, type CsvCell } from "./csv.ts";
import type { EntriesPage, EntriesQuery, UsageEntry } from "./entries.ts";
import type { UsageGroup } from "./report-query.ts";
import type { UsageReportRow, UsageQuery } from "./reports.ts";

/** `csv`: RFC 4180 with a header; `jsonl`: one JSON object per line, as in the pages of the API. */
export type ExportFormat = "csv" | "jsonl";

/** A row with what people call its user and its key, by group. */
export type NamedUsageRow = UsageReportRow & { readonly names: Readonly<Record<string, string>> };
/** An entry with what people call its user and its key. */
export type NamedUsageEntry = UsageEntry & { readonly username: string | null; readonly key_name: string | null };

/** Rows per page, which are in memory together. */
const pageRows = 1000;

/** A report of any length as text, page by page. */
export function exportUsage(
  read: (query: UsageQuery) => Promise<Page<NamedUsageRow>>,
  query: Omit<UsageQuery, "after">,
  format: ExportFormat,
): AsyncIterable<string> {
  const groups = [...new Set(query.groupBy)];
  const named = groups.filter((group) => group === "user" || group === "key");
  const header = [...groups, ...sumNames, ...named.map((group) => `${group}_name`)];
  return textOf(format, header, pagesOf(read, query), (row) => usageCells(row, groups, named));
}

/** Entries as text, newest first, page by page. */
export function exportEntries(
  read: (query: EntriesQuery) => Promise<Omit<EntriesPage, "entries"> & { readonly entries: readonly NamedUsageEntry[] }>,
  query: Omit<EntriesQuery, "after" | "limit"> & { readonly limit?: number },
  format: ExportFormat,
): AsyncIterable<string> {
  const readPage = async (page: typeof query & { readonly limit: number }): Promise<Page<NamedUsageEntry>> => {
    const { entries, next } = await read(page);
    return { rows: entries, next };
  };
  return textOf(format, entryNames, pagesOf(readPage, query), (entry) => entryNames.map((name) => entryCell(entry[name])));
}

interface Page<Row> {
  readonly rows: readonly Row[];
  readonly next: string | null;
}

/** @param query its `limit` applies to the whole export. */
async function* pagesOf<Query extends { readonly limit?: number }, Row>(
  read: (query: Query & { readonly limit: number; readonly after?: string }) => Promise<Page<Row>>,
  query: Query,
): AsyncGenerator<readonly Row[]> {
  let left = query.limit ?? Infinity;
  let after: string | null = null;
  do {
    const page: Page<Row> = await read({ ...query, limit: Math.min(left, pageRows), ...(after === null ? {} : { after }) });
    yield page.rows;
    left -= page.rows.length;
    after = page.next;
  } while (after !== null && left > 0);
}

async function* textOf<Row>(
  format: ExportFormat,
  header: readonly string[],
  pages: AsyncIterable<readonly Row[]>,
  cells: (row: Row) => readonly CsvCell[],
): AsyncGenerator<string> {
  let text = format === "csv" ? csvLine(header) : "";
  for await (const rows of pages) {
    for (const row of rows) text += format === "csv" ? csvLine(cells(row)) : `${JSON.stringify(row)}\n`;
    if (text !== "") yield text;
    text = "";
  }
}

const sumNames = [
  "requests",
  "attempts",
  "errors",
  "input_tokens",
  "output_tokens",
  "cache_read_tokens",
  "cache_write_tokens",
  "reasoning_tokens",
  "cost_usd",
  "unpriced_requests",
] as const satisfies readonly (keyof UsageReportRow)[];

function usageCells(row: NamedUsageRow, groups: readonly UsageGroup[], named: readonly UsageGroup[]): readonly CsvCell[] {
  const sums = sumNames.map((name) => row[name]);
  return [...groups.map((group) => row.group[group]!), ...sums, ...named.map((group) => row.names[group] ?? null)];
}

/** The columns of entries, each once: a missing or an extra column does not compile. */
const entryColumns: { readonly [Name in keyof NamedUsageEntry]: true } = {
  time: true,
  request_id: true,
  attempt: true,
  user_id: true,
  key_id: true,
  dialect: true,
  provider: true,
  model_asked: true,
  model_served: true,
  status: true,
  http_status: true,
  error_code: true,
  input_tokens: true,
  output_tokens: true,
  cache_read_tokens: true,
  cache_write_5m_tokens: true,
  cache_write_1h_tokens: true,
  reasoning_tokens: true,
  usage_source: true,
  cost_usd: true,
  price: true,
  duration_ms: true,
  ttft_ms: true,
  direction: true,
  tags: true,
  client_request_id: true,
  upstream_model: true,
  protocol: true,
  lane: true,
  stream: true,
  stop_reason: true,
  refused: true,
  attempt_reason: true,
  overhead_us: true,
  region: true,
  service_class: true,
  units: true,
  cost_lines: true,
  error_text: true,
  client_name: true,
  cache_savings_usd: true,
  from_cache: true,
  firewall: true,
  username: true,
  key_name: true,
};
const entryNames = Object.keys(entryColumns) as readonly (keyof NamedUsageEntry)[];

/** A list is written as its parts with spaces between them, as tags contain none; an object is written as JSON. */
function entryCell(value: NamedUsageEntry[keyof NamedUsageEntry]): CsvCell {
  if (value === null || typeof value === "string" || typeof value === "number") return value;
  const isList = Array.isArray(value) && value.every((part) => typeof part === "string");
  return isList ? value.join(" ") : JSON.stringify(value);
}
