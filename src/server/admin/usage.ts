import type { Accounts } from "../../accounts/index.ts";
import { GatewayError } from "../../core/index.ts";
import type { Reports, UsageGroup } from "../../ledger/index.ts";
import type { AdminContext, AdminOperation } from "./api.ts";

/** A day, or a time with its offset: `Date.parse` alone takes far more, some of it in the machine's own time zone. */
const rfc3339 = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+ -]\d\d:\d\d))?$/i;

const groups: readonly UsageGroup[] = ["user", "key", "model", "provider", "dialect", "day"];

/**
 * Usage: all of it for admins, a user's own under `/api/v1/me`. Filters: `user`, `key_id` (`key` is a credential in every query), `from`, `to`
 * (RFC 3339), `group_by` (by comma), `limit`, `after`.
 */
export function usageOperations(reports: Reports, accounts: Accounts): AdminOperation[] {
  const userOf = async ({ query }: AdminContext): Promise<string | undefined> => {
    const user = query.get("user");
    if (user === null) return undefined;
    return user === "local" ? "local" : (await accounts.getUser(user)).id;
  };
  return [
    {
      method: "GET",
      path: "/api/v1/usage",
      access: "admin",
      run: async (context) => reports.usage(filterOf(context, await userOf(context))),
    },
    {
      method: "GET",
      path: "/api/v1/me/usage",
      access: "user",
      run: (context) => reports.usage(filterOf(context, context.principal.userId)),
    },
    {
      method: "GET",
      path: "/api/v1/usage/entries",
      access: "admin",
      run: async (context) => reports.entries(pageOf(context, await userOf(context))),
    },
    {
      method: "GET",
      path: "/api/v1/me/usage/entries",
      access: "user",
      run: (context) => reports.entries(pageOf(context, context.principal.userId)),
    },
  ];
}

function filterOf({ query }: AdminContext, userId: string | undefined): Parameters<Reports["usage"]>[0] {
  const keyId = query.get("key_id");
  const fromMs = timeOf(query, "from");
  const toMs = timeOf(query, "to");
  return {
    groupBy: groupsOf(query.get("group_by")),
    ...(userId === undefined ? {} : { userId }),
    ...(keyId === null ? {} : { keyId }),
    ...(fromMs === undefined ? {} : { fromMs }),
    ...(toMs === undefined ? {} : { toMs }),
  };
}

function pageOf({ query }: AdminContext, userId: string | undefined): Parameters<Reports["entries"]>[0] {
  const limit = Number(query.get("limit") ?? 100);
  if (!Number.isInteger(limit) || limit < 1 || limit > 1000)
    throw new GatewayError("invalid_request", '"limit" must be a whole number from 1 to 1000.', { param: "limit" });
  const after = query.get("after");
  return { limit, ...(userId === undefined ? {} : { userId }), ...(after === null ? {} : { after }) };
}

function timeOf(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  // A space is a `+` that was not percent-encoded.
  const ms = rfc3339.test(text) ? Date.parse(text.replace(" ", "+")) : Number.NaN;
  if (Number.isNaN(ms)) throw new GatewayError("invalid_request", `"${name}" must be a time as in 2026-01-31T00:00:00Z.`, { param: name });
  return ms;
}

function groupsOf(text: string | null): UsageGroup[] {
  if (text === null || text === "") return ["user", "key", "model"];
  return text.split(",").map((name) => {
    const group = groups.find((candidate) => candidate === name.trim());
    if (group === undefined) {
      throw new GatewayError("invalid_request", `"group_by" takes ${groups.join(", ")}; found "${name.slice(0, 40)}".`, {
        param: "group_by",
      });
    }
    return group;
  });
}
