import type { Accounts } from "../../accounts/index.ts";
import { GatewayError } from "../../core/index.ts";
import { parseUsd, type BudgetAdmin, type BudgetState, type BudgetSubject } from "../../ledger/index.ts";
import type { budgetContracts } from "./contracts/budgets.ts";
import type { HandlersOf, OperationContext } from "./contracts/contract.ts";

/** Budgets: all of them for admins; users read their own and those of their keys. @param onChange is called after budgets have changed. */
export function budgetHandlers(
  budgets: BudgetAdmin,
  accounts: Accounts,
  onChange: () => Promise<void>,
): HandlersOf<typeof budgetContracts> {
  return {
    "budgets.list": async ({ query: { user, key_id: keyId } }) => {
      const subjects = user === undefined && keyId === undefined ? undefined : [(await subjectOf(accounts, user, keyId)).id];
      return { data: await named(accounts, await budgets.list(subjects)) };
    },
    "budgets.set": async ({ body }) => {
      const made = await setBudget(budgets, accounts, body);
      await onChange();
      return (await named(accounts, [made]))[0]!;
    },
    "budgets.remove": async ({ param }) => {
      const removed = await budgets.remove(param);
      await onChange();
      return (await named(accounts, [removed]))[0]!;
    },
    "me.budgets.list": async ({ principal }) => {
      const keys = principal.keyId === "" ? [] : await accounts.listKeys({ user: principal.userId });
      return { data: await named(accounts, await budgets.list([principal.userId, ...keys.map((key) => key.id)])) };
    },
  };
}

type NamedBudget = BudgetState & { readonly username: string | null; readonly key_name: string | null };

async function named(accounts: Accounts, states: readonly BudgetState[]): Promise<NamedBudget[]> {
  const { users, keys } = await accounts.readNames(
    states.flatMap((state) => state.user_id ?? []),
    states.flatMap((state) => state.key_id ?? []),
  );
  return states.map((state) => ({
    ...state,
    username: state.user_id === null ? null : (users.get(state.user_id) ?? state.user_id),
    key_name: state.key_id === null ? null : (keys.get(state.key_id) ?? state.key_id),
  }));
}

type NewBudget = OperationContext<(typeof budgetContracts)["budgets.set"]>["body"];

async function setBudget(budgets: BudgetAdmin, accounts: Accounts, body: NewBudget): Promise<BudgetState> {
  const { user, key_id: keyId, period, warn_usd: warn, stop_usd: stop } = body;
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
  return await budgets.set({ subject, subjectId: id, period, ...limits });
}

/** The user (by id or name) or the key (by id) that a call names. @throws GatewayError `invalid_request`, `not_found`. */
async function subjectOf(
  accounts: Accounts,
  user: string | undefined,
  keyId: string | undefined,
): Promise<{ subject: BudgetSubject; id: string }> {
  if ((user === undefined) === (keyId === undefined)) {
    throw new GatewayError("invalid_request", 'Say whose budget it is: either "user" or "key_id".', { param: "user" });
  }
  if (keyId !== undefined) return { subject: "key", id: (await accounts.getKey(keyId)).id };
  // The caller if authentication is off: it has no row.
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
