import type { Accounts } from "../../accounts/index.ts";
import { GatewayError, isCalendarDay } from "../../core/index.ts";
import {
  exportEntries,
  exportUsage,
  type EntriesQuery,
  type EntryStatus,
  type ExportFormat,
  type Reports,
  type UsageFilter,
  type UsageGroup,
} from "../../ledger/index.ts";
import { TextStream, type AdminContext, type AdminOperation } from "./api.ts";

/** A day, or a time with its offset: `Date.parse` alone takes far more, some of it in the machine's own time zone. */
const rfc3339 = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+ -]\d\d:\d\d))?$/i;

const groups: readonly UsageGroup[] = ["user", "key", "model", "provider", "dialect", "day", "hour", "tag"];
const filters = ["key_id", "provider", "model", "dialect", "tag", "from", "to", "limit", "after", "format"];
const statuses: readonly EntryStatus[] = ["ok", "error", "cancelled", "interrupted", "refused"];

/**
 * Usage: all of it for admins, a user's own under `/api/v1/me`. Filters: `user`, `key_id` (`key` is a credential in every query), `provider`, `model`,
 * `dialect`, `tag`, `from`, `to` (RFC 3339), and `status` of entries; `group_by` (by comma); `limit`, `after`; `format` (`json`, `csv`, `jsonl`).
 */
export function usageOperations(reports: Reports, accounts: Accounts): AdminOperation[] {
  const userOf = async ({ query }: AdminContext): Promise<string | undefined> => {
    const user = query.get("user");
    if (user === null) return undefined;
    return user === "local" ? "local" : (await accounts.getUser(user)).id;
  };
  const usage = (context: AdminContext, userId: string | undefined): unknown => readUsage(reports, context.query, userId);
  const entries = (context: AdminContext, userId: string | undefined): unknown => readPage(reports, context.query, userId);
  return [
    {
      method: "GET",
      path: "/api/v1/usage",
      access: "admin",
      params: ["group_by", "user", ...filters],
      run: async (context) => usage(context, await userOf(context)),
    },
    {
      method: "GET",
      path: "/api/v1/me/usage",
      access: "user",
      params: ["group_by", ...filters],
      run: (context) => usage(context, context.principal.userId),
    },
    {
      method: "GET",
      path: "/api/v1/usage/entries",
      access: "admin",
      params: ["status", "user", ...filters],
      run: async (context) => entries(context, await userOf(context)),
    },
    {
      method: "GET",
      path: "/api/v1/me/usage/entries",
      access: "user",
      params: ["status", ...filters],
      run: (context) => entries(context, context.principal.userId),
    },
  ];
}

function readUsage(reports: Reports, query: URLSearchParams, userId: string | undefined): unknown {
  const after = query.get("after");
  const asked = { groupBy: groupsOf(query.get("group_by")), ...filterOf(query, userId) };
  const format = formatOf(query);
  if (format !== undefined)
    return download(
      format,
      "usage",
      exportUsage((page) => reports.usage(page), { ...asked, ...wholeLimit(query) }, format),
    );
  return reports.usage({ ...asked, limit: limitOf(query, 1000, 10_000), ...(after === null ? {} : { after }) });
}

function readPage(reports: Reports, query: URLSearchParams, userId: string | undefined): unknown {
  const status = query.get("status");
  const after = query.get("after");
  const asked: Omit<EntriesQuery, "limit"> = {
    ...filterOf(query, userId),
    ...(status === null ? {} : { status: oneOf("status", statuses, status) }),
  };
  const format = formatOf(query);
  if (format !== undefined)
    return download(
      format,
      "entries",
      exportEntries((page) => reports.entries(page), { ...asked, ...wholeLimit(query) }, format),
    );
  return reports.entries({ ...asked, limit: limitOf(query, 100, 1000), ...(after === null ? {} : { after }) });
}

function download(format: ExportFormat, name: string, chunks: AsyncIterable<string>): TextStream {
  // RFC 4180, section 3: `header` says that the first line holds the names.
  const contentType = format === "csv" ? "text/csv; charset=utf-8; header=present" : "application/jsonl";
  return new TextStream(contentType, `${name}.${format}`, chunks);
}

function filterOf(query: URLSearchParams, userId: string | undefined): UsageFilter {
  const texts = {
    keyId: query.get("key_id"),
    provider: query.get("provider"),
    model: query.get("model"),
    dialect: query.get("dialect"),
    tag: query.get("tag"),
  };
  const given = Object.entries(texts).filter(([, value]) => value !== null);
  const fromMs = timeOf(query, "from");
  const toMs = timeOf(query, "to");
  return {
    ...Object.fromEntries(given),
    ...(userId === undefined ? {} : { userId }),
    ...(fromMs === undefined ? {} : { fromMs }),
    ...(toMs === undefined ? {} : { toMs }),
  };
}

/** `undefined`: pages of JSON. */
function formatOf(query: URLSearchParams): ExportFormat | undefined {
  const format = oneOf("format", ["json", "csv", "jsonl"] as const, query.get("format") ?? "json");
  if (format === "json") return undefined;
  if (query.get("after") !== null) {
    throw new GatewayError("invalid_request", `"after" goes with pages of JSON; ${format} has no pages. Leave it out.`, { param: "after" });
  }
  return format;
}

/** Of an export, which has no pages and by default no end but that of the rows. */
function wholeLimit(query: URLSearchParams): { readonly limit?: number } {
  return query.get("limit") === null ? {} : { limit: limitOf(query, 1, Number.MAX_SAFE_INTEGER) };
}

function limitOf(query: URLSearchParams, standard: number, most: number): number {
  const text = query.get("limit");
  const limit = text === null ? standard : Number(text);
  if (!Number.isInteger(limit) || limit < 1 || limit > most) {
    const bounds = most === Number.MAX_SAFE_INTEGER ? "from 1 on" : `from 1 to ${most}`;
    throw new GatewayError("invalid_request", `"limit" must be a whole number ${bounds}.`, { param: "limit" });
  }
  return limit;
}

function timeOf(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  // A space is a `+` that was not percent-encoded.
  const ms = rfc3339.test(text) && isCalendarDay(text.slice(0, 10)) ? Date.parse(text.replace(" ", "+")) : Number.NaN;
  if (Number.isNaN(ms)) throw new GatewayError("invalid_request", `"${name}" must be a time as in 2026-01-31T00:00:00Z.`, { param: name });
  return ms;
}

function groupsOf(text: string | null): UsageGroup[] {
  if (text === null || text === "") return ["user", "key", "model"];
  return [...new Set(text.split(",").map((name) => oneOf("group_by", groups, name.trim())))];
}

function oneOf<Name extends string>(param: string, names: readonly Name[], text: string): Name {
  const found = names.find((name) => name === text);
  if (found !== undefined) return found;
  throw new GatewayError("invalid_request", `"${param}" takes ${names.join(", ")}; found "${text.slice(0, 40)}".`, { param });
}
