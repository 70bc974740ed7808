import { z } from "zod";
import type { Accounts } from "../../accounts/index.ts";
import { GatewayError } from "../../core/index.ts";
import { parseUsd, type BudgetAdmin, type BudgetSubject } from "../../ledger/index.ts";
import { readBody, type AdminOperation } from "./api.ts";

/** A decimal of US dollars, as text or number: `"12.50"`, `20`. */
const usd = z.union([z.string(), z.number()]);
/** A limit that is left out stays as it was; `null` takes it away. */
const newBudget = z.strictObject({
  user: z.string().optional(),
  key_id: z.string().optional(),
  period: z.enum(["day", "month", "total"]),
  warn_usd: usd.nullish(),
  stop_usd: usd.nullish(),
});

/** Budgets, for admins; and a user's own, with those of its keys, to read under `/api/v1/me`. `onChange`: budgets are other ones now. */
export function budgetOperations(budgets: BudgetAdmin, accounts: Accounts, onChange: () => Promise<void>): AdminOperation[] {
  return [
    {
      method: "GET",
      path: "/api/v1/budgets",
      access: "admin",
      params: ["user", "key_id"],
      run: async ({ query }) => {
        const user = query.get("user") ?? undefined;
        const keyId = query.get("key_id") ?? undefined;
        if (user === undefined && keyId === undefined) return { data: await budgets.list() };
        return { data: await budgets.list([(await subjectOf(accounts, user, keyId)).id]) };
      },
    },
    {
      method: "POST",
      path: "/api/v1/budgets",
      access: "admin",
      run: async ({ body }) => {
        const { user, key_id: keyId, period, warn_usd: warn, stop_usd: stop } = readBody(newBudget, body);
        if (warn === undefined && stop === undefined) {
          throw new GatewayError("invalid_request", 'Give "stop_usd", "warn_usd", or both: a budget without a limit is none.', {
            param: "stop_usd",
          });
        }
        const limits = {
          ...(warn === undefined ? {} : { warnNanoUsd: amountOf("warn_usd", warn) }),
          ...(stop === undefined ? {} : { stopNanoUsd: amountOf("stop_usd", stop) }),
        };
        const { subject, id } = await subjectOf(accounts, user, keyId);
        const made = await budgets.set({ subject, subjectId: id, period, ...limits });
        await onChange();
        return made;
      },
    },
    {
      method: "DELETE",
      path: "/api/v1/budgets/{id}",
      access: "admin",
      run: async ({ param }) => {
        const removed = await budgets.remove(param);
        await onChange();
        return removed;
      },
    },
    {
      method: "GET",
      path: "/api/v1/me/budgets",
      access: "user",
      run: async ({ principal }) => {
        const keys = principal.keyId === "" ? [] : await accounts.listKeys({ user: principal.userId });
        return { data: await budgets.list([principal.userId, ...keys.map((key) => key.id)]) };
      },
    },
  ];
}

/** Who is meant: a user by id or name, or a key by its id. @throws GatewayError `invalid_request`, `not_found`. */
async function subjectOf(
  accounts: Accounts,
  user: string | undefined,
  keyId: string | undefined,
): Promise<{ subject: BudgetSubject; id: string }> {
  if ((user === undefined) === (keyId === undefined)) {
    throw new GatewayError("invalid_request", 'Say whose budget it is: either "user" or "key_id".', { param: "user" });
  }
  if (keyId !== undefined) return { subject: "key", id: (await accounts.getKey(keyId)).id };
  // Who calls where auth is off; it has no row.
  return { subject: "user", id: user === "local" ? "local" : (await accounts.getUser(user!)).id };
}

function amountOf(param: string, value: string | number | null): bigint | null {
  if (value === null) return null;
  const amount = parseUsd(String(value));
  if (amount === undefined) {
    throw new GatewayError("invalid_request", `"${param}" must be US dollars as a decimal such as "20" or "0.5", at most nine places.`, {
      param,
    });
  }
  return amount;
}
