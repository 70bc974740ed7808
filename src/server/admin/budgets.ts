import type { Accounts } from "../../accounts/index.ts";
import { GatewayError, isTimeZone, parseSubject, type Subject } from "../../core/index.ts";
import { parseUsd, type BudgetAdmin, type BudgetState } from "../../ledger/index.ts";
import type { budgetContracts } from "./contracts/budgets.ts";
import type { HandlersOf, OperationContext } from "./contracts/contract.ts";
import { checkProvider, ownSubjects, subjectById } from "./subjects.ts";

export interface BudgetHandlerDeps {
  readonly budgets: BudgetAdmin;
  readonly accounts: Accounts;
  /** Called after budgets have changed. */
  readonly onChange: () => Promise<void>;
  /** Names of the configuration. */
  readonly providers: () => readonly string[];
}

/** Budgets: all of them for admins; users read their own and those of their keys and tags. */
export function budgetHandlers({ budgets, accounts, onChange, providers }: BudgetHandlerDeps): HandlersOf<typeof budgetContracts> {
  return {
    "budgets.list": async ({ query }) => {
      const { subject, user, key_id: keyId } = query;
      const subjects = subject === undefined && user === undefined && keyId === undefined ? undefined : [await subjectOf(accounts, query)];
      return { data: await named(accounts, await budgets.list(subjects)) };
    },
    "budgets.set": async ({ body }) => {
      checkProvider(body.subject, providers());
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
      return { data: await named(accounts, await budgets.list(await ownSubjects(accounts, principal))) };
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
  const { period, warn_usd: warn, stop_usd: stop, time_zone: timeZone } = body;
  if (warn === undefined && stop === undefined) {
    throw new GatewayError("invalid_request", 'Give "stop_usd", "warn_usd", or both: a budget without a limit is none.', {
      param: "stop_usd",
    });
  }
  const limits = {
    ...(warn === undefined ? {} : { warnNanoUsd: amountOf("warn_usd", warn) }),
    ...(stop === undefined ? {} : { stopNanoUsd: amountOf("stop_usd", stop) }),
  };
  if (timeZone !== undefined && timeZone !== null && !isTimeZone(timeZone)) {
    throw new GatewayError(
      "invalid_request",
      '"time_zone" must be a name of the IANA database such as "Europe/Berlin", or null for the one of the ledger.',
      {
        param: "time_zone",
      },
    );
  }
  const { kind, name } = await subjectOf(accounts, body);
  return await budgets.set({ subject: kind, subjectId: name, period, ...limits, ...(timeZone === undefined ? {} : { timeZone }) });
}

/** How a call names whose budget it means: by `subject`, or by one of the older fields. */
interface NamedSubject {
  readonly subject?: string | undefined;
  readonly user?: string | undefined;
  readonly key_id?: string | undefined;
}

/** The subject that a call names, a user or key by its id. @throws GatewayError `invalid_request`, `not_found`. */
async function subjectOf(accounts: Accounts, { subject: text, user, key_id: keyId }: NamedSubject): Promise<Subject> {
  if ([text, user, keyId].filter((each) => each !== undefined).length !== 1) {
    throw new GatewayError("invalid_request", 'Say whose budget it is by "subject", as in "alice", "tag:team:search" or "model:gpt-*".', {
      param: "subject",
    });
  }
  const subject = text === undefined ? olderSubject(user, keyId) : parseSubject(text);
  return await subjectById(accounts, subject);
}

function olderSubject(user: string | undefined, keyId: string | undefined): Subject {
  return keyId === undefined ? { kind: "user", name: user! } : { kind: "key", name: keyId };
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
