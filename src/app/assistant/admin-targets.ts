import { prefixLabel, readAllPages } from "../../core/index.ts";
import type { adminContracts, AdminClient, OperationAnswer, OperationInput } from "../../server/index.ts";
import type { ToolResult } from "./tool.ts";

/** The name of an operation of the admin API. */
export type OperationName = keyof typeof adminContracts;

type Input = Readonly<Record<string, unknown>>;

/**
 * What a change is about, in words for the user: the name behind an id. `undefined`: the arguments say it.
 * @throws Error if there is no such user, key or budget, so that nobody is asked about a change that cannot happen.
 */
export async function describeTarget(call: AdminClient, name: OperationName, input: Input): Promise<string | undefined> {
  const ref = textOf(input["id"]);
  switch (name) {
    case "users.update":
    case "users.disable":
    case "users.enable": {
      const user = await call("users.get", { param: ref });
      return `the user ${user.username} (${user.role}${user.email === null ? "" : `, ${user.email}`})`;
    }
    case "keys.create": {
      const user = await call("users.get", { param: textOf(input["user"]) });
      return `a key for ${user.username} (${user.role})`;
    }
    case "keys.revoke": {
      const key = await findKey(call, ref);
      return `the key ${key.name ?? "without a name"} (${prefixLabel(key.prefix)}) of ${key.username}, and keys that were made with it`;
    }
    case "budgets.remove": {
      const { data } = await call("budgets.list");
      const budget = data.find(({ id }) => id === ref);
      if (budget === undefined) throw new Error(`There is no budget ${ref}. budgets_list has the ids.`);
      return `the budget of ${budget.username ?? budget.key_name ?? budget.subject} for a ${budget.period}: stop at ${budget.stop_usd ?? "-"} USD`;
    }
    default:
      return undefined;
  }
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

type ApiKey = OperationAnswer<"keys.list">["data"][number];

async function findKey(call: AdminClient, ref: string): Promise<ApiKey> {
  const keys = await readAllPages((after) => call("keys.list", { query: { after } }));
  const found = keys.filter(({ id, prefix }) => id === ref || prefix === ref);
  if (found.length === 1) return found[0]!;
  throw new Error(
    found.length === 0 ? `There is no key ${ref}. keys_list has the ids.` : `${ref} is the prefix of ${found.length} keys. Use an id.`,
  );
}

/** How a change is taken back; `undefined`: it cannot be, or not exactly. Reads the state before the change. */
export async function undoOf(call: AdminClient, name: OperationName, input: Input): Promise<ToolResult["undo"]> {
  const ref = textOf(input["id"]);
  switch (name) {
    case "users.disable":
      return async () => `${(await call("users.enable", { param: ref })).username} is enabled again.`;
    case "users.enable":
      return async () => `${(await call("users.disable", { param: ref })).username} is disabled again.`;
    case "users.update": {
      const { email, role, tags } = await call("users.get", { param: ref });
      const body = { email, role, tags: [...tags] };
      return async () => `${(await call("users.update", { param: ref, body })).username} has role, e-mail and tags as before.`;
    }
    case "budgets.set":
      return await undoBudget(call, input);
    case "limits.set":
    case "limits.remove":
      return await undoLimits(call, textOf(input["subject"]));
    default:
      return undefined;
  }
}

async function undoBudget(call: AdminClient, { subject, user, key_id, period }: Input): Promise<ToolResult["undo"]> {
  const ref = textOf(subject ?? user ?? key_id);
  const find = async () => (await call("budgets.list", { query: { subject: ref } })).data.find((budget) => budget.period === period);
  const before = await find();
  return async () => {
    const now = await find();
    if (now === undefined) return `There is no such budget of ${ref} any more.`;
    if (before === undefined) {
      await call("budgets.remove", { param: now.id });
      return `${ref} has no budget for this period again.`;
    }
    const { warn_usd, stop_usd, time_zone } = before;
    await call("budgets.set", { body: { subject: ref, period: before.period, warn_usd, stop_usd, time_zone } });
    return `${ref} has the budget of before.`;
  };
}

async function undoLimits(call: AdminClient, subject: string): Promise<ToolResult["undo"]> {
  const { data } = await call("limits.list", { query: { subject } });
  const [before] = data;
  if (before === undefined) {
    return async () => {
      await call("limits.remove", { query: { subject } });
      return `${subject} has no limits again.`;
    };
  }
  const { requests_per_minute, tokens_per_minute, requests_per_day, tokens_per_day, concurrent } = before;
  const body: OperationInput<"limits.set">["body"] = {
    subject,
    requests_per_minute,
    tokens_per_minute,
    requests_per_day,
    tokens_per_day,
    concurrent,
  };
  return async () => {
    await call("limits.set", { body });
    return `${subject} has the limits of before.`;
  };
}
