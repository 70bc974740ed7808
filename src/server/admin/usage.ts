import type { Accounts } from "../../accounts/index.ts";
import { createTimeZone, GatewayError, isTimeZone, readTime, timeForms, type TimeZone } from "../../core/index.ts";
import {
  exportEntries,
  exportUsage,
  type EntriesQuery,
  type EntryStatus,
  type ExportFormat,
  type Reports,
  type UsageFilter,
  type UsageGroup,
  type UsageQuery,
} from "../../ledger/index.ts";
import type { HandlersOf } from "./contracts/contract.ts";
import type { usageContracts } from "./contracts/usage.ts";
import { TextStream } from "./text-stream.ts";
import { nameEntries, nameReport } from "./usage-names.ts";

const groups: readonly UsageGroup[] = ["user", "key", "model", "provider", "dialect", "day", "hour", "tag"];
const statuses: readonly EntryStatus[] = ["ok", "error", "cancelled", "interrupted", "refused"];

/** Query parameters before any check. */
type Query = Readonly<Record<string, string | undefined>>;

type Handlers = Omit<HandlersOf<typeof usageContracts>, "usage.bodies">;

/** Usage: all of it for admins, and a user's own. `standardZone`: whose days are meant if the request names no zone. */
export function usageHandlers(reports: Reports, accounts: Accounts, standardZone: () => TimeZone): Handlers {
  const userOf = async ({ user }: Query): Promise<string | undefined> => {
    if (user === undefined) return undefined;
    return user === "local" ? "local" : (await accounts.getUser(user)).id;
  };
  const named: NamedReports = {
    usage: async (query) => nameReport(accounts, await reports.usage(query)),
    entries: async (query, zone) => ({ ...(await nameEntries(accounts, await reports.entries(query))), time_zone: zone.name }),
    zoneOf: ({ tz }) => (tz === undefined ? standardZone() : readZone(tz)),
  };
  const withKeyId = async (query: Query): Promise<Query> => {
    const key = query["key_id"];
    return key?.startsWith("tok_") === true ? { ...query, key_id: (await accounts.getKey(key)).id } : query;
  };
  return {
    "usage.report": async ({ query }) => readUsage(named, await withKeyId(query), await userOf(query)),
    "usage.entries": async ({ query }) => readPage(named, await withKeyId(query), await userOf(query)),
    "me.usage.report": ({ query, principal }) => readUsage(named, query, principal.userId),
    "me.usage.entries": ({ query, principal }) => readPage(named, query, principal.userId),
  };
}

interface NamedReports {
  readonly usage: (query: UsageQuery) => ReturnType<typeof nameReport>;
  readonly entries: (query: EntriesQuery, zone: TimeZone) => Promise<NamedPage>;
  readonly zoneOf: (query: Query) => TimeZone;
}

type NamedPage = Awaited<ReturnType<typeof nameEntries>> & { readonly time_zone: string };

function readUsage(reports: NamedReports, query: Query, userId: string | undefined): TextStream | ReturnType<typeof nameReport> {
  const after = query["after"];
  const zone = reports.zoneOf(query);
  const asked = { groupBy: groupsOf(query["group_by"]), zone, ...filterOf(query, userId, zone) };
  const format = formatOf(query);
  if (format !== undefined) return download(format, "usage", exportUsage(reports.usage, { ...asked, ...wholeLimit(query) }, format));
  return reports.usage({ ...asked, limit: limitOf(query, 1000, 10_000), ...(after === undefined ? {} : { after }) });
}

function readPage(reports: NamedReports, query: Query, userId: string | undefined): TextStream | Promise<NamedPage> {
  const status = query["status"];
  const after = query["after"];
  const zone = reports.zoneOf(query);
  const read = (page: EntriesQuery): Promise<NamedPage> => reports.entries(page, zone);
  const asked: Omit<EntriesQuery, "limit"> = {
    ...filterOf(query, userId, zone),
    ...(status === undefined ? {} : { status: oneOf("status", statuses, status) }),
  };
  const format = formatOf(query);
  if (format !== undefined) return download(format, "entries", exportEntries(read, { ...asked, ...wholeLimit(query) }, format));
  return read({ ...asked, limit: limitOf(query, 100, 1000), ...(after === undefined ? {} : { after }) });
}

function download(format: ExportFormat, name: string, chunks: AsyncIterable<string>): TextStream {
  // RFC 4180, section 3: `header` says that the first line has the names.
  const contentType = format === "csv" ? "text/csv; charset=utf-8; header=present" : "application/jsonl";
  return new TextStream(contentType, `${name}.${format}`, chunks);
}

function readZone(name: string): TimeZone {
  if (isTimeZone(name)) return createTimeZone(name);
  const message = `"tz" must be a time zone such as "Europe/Berlin" or "UTC"; found "${name.slice(0, 40)}".`;
  throw new GatewayError("invalid_request", message, { param: "tz" });
}

function filterOf(query: Query, userId: string | undefined, zone: TimeZone): UsageFilter {
  const texts = {
    keyId: query["key_id"],
    provider: query["provider"],
    model: query["model"],
    dialect: query["dialect"],
    tag: query["tag"],
  };
  const given = Object.entries(texts).filter(([, value]) => value !== undefined);
  const fromMs = timeOf(query, "from", zone);
  const toMs = timeOf(query, "to", zone);
  if (fromMs !== undefined && toMs !== undefined && fromMs >= toMs)
    throw new GatewayError("invalid_request", '"from" must be before "to".', { param: "from" });
  return {
    ...Object.fromEntries(given),
    ...(userId === undefined ? {} : { userId }),
    ...(query["supply"] === "true" ? { supply: true } : {}),
    ...(fromMs === undefined ? {} : { fromMs }),
    ...(toMs === undefined ? {} : { toMs }),
  };
}

/** `undefined`: pages of JSON. */
function formatOf(query: Query): ExportFormat | undefined {
  const format = oneOf("format", ["json", "csv", "jsonl"] as const, query["format"] ?? "json");
  if (format === "json") return undefined;
  if (query["after"] !== undefined) {
    throw new GatewayError("invalid_request", `"after" goes with pages of JSON; ${format} has no pages. Leave it out.`, { param: "after" });
  }
  return format;
}

/** The limit of an export, which has no pages: all rows if omitted. */
function wholeLimit(query: Query): { readonly limit?: number } {
  return query["limit"] === undefined ? {} : { limit: limitOf(query, 1, Number.MAX_SAFE_INTEGER) };
}

function limitOf(query: Query, standard: number, most: number): number {
  const text = query["limit"];
  const limit = text === undefined ? standard : Number(text);
  if (!Number.isInteger(limit) || limit < 1 || limit > most) {
    const bounds = most === Number.MAX_SAFE_INTEGER ? "from 1 on" : `from 1 to ${most}`;
    throw new GatewayError("invalid_request", `"limit" must be a whole number ${bounds}.`, { param: "limit" });
  }
  return limit;
}

function timeOf(query: Query, name: string, zone: TimeZone): number | undefined {
  const text = query[name];
  if (text === undefined) return undefined;
  const ms = readTime(text, Date.now(), { sign: -1, zone });
  if (ms === undefined) throw new GatewayError("invalid_request", `"${name}" must be ${timeForms}.`, { param: name });
  return ms;
}

function groupsOf(text: string | undefined): UsageGroup[] {
  if (text === undefined || text === "") return ["user", "key", "model"];
  return [...new Set(text.split(",").map((name) => oneOf("group_by", groups, name.trim())))];
}

function oneOf<Name extends string>(param: string, names: readonly Name[], text: string): Name {
  const found = names.find((name) => name === text);
  if (found !== undefined) return found;
  throw new GatewayError("invalid_request", `"${param}" takes ${names.join(", ")}; found "${text.slice(0, 40)}".`, { param });
}
