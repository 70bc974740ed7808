import type { Command } from "commander";
import type { AdminClient, OperationAnswer, OperationInput } from "../../server/index.ts";
import { print, shortTime, table } from "./output.ts";
import type { WithAdmin } from "./with-admin.ts";

interface Output {
  readonly json?: boolean;
}

type BudgetState = OperationAnswer<"budgets.set">;
type Period = OperationInput<"budgets.set">["body"]["period"];

interface Limits extends Output {
  readonly period: Period;
  readonly stop?: string;
  readonly warn?: string;
}

/** `budget set|list|remove`. A subject that begins with `key_` or `tok_` is a key's id or prefix, any other a user's id or name. */
export function addBudgetCommands(program: Command, admin: WithAdmin): void {
  const budget = program.command("budget").description("what users and keys may spend").helpCommand(false);
  budget
    .command("set")
    .argument("<user|key>", "a user's id or name, or a key's id or prefix")
    .option("--period <period>", "day, month or total; days and months are those of UTC", "month")
    .option("--stop <usd>", "US dollars: requests that may lead beyond are refused; none takes the limit away")
    .option("--warn <usd>", "US dollars: from here on answers and the log warn; none takes the limit away")
    .option("--json", "print JSON")
    .action(async (subject: string, { json, period, stop, warn }: Limits) => {
      const body = { ...subjectOf(subject), period, stop_usd: limitOf(stop), warn_usd: limitOf(warn) };
      const made = await admin((call) => call("budgets.set", { body }));
      print(json === true, made, () => budgetTable([made], false));
    });
  budget
    .command("list")
    .argument("[user|key]", "a user's id or name, or a key's id or prefix")
    .option("--ids", "ids in place of names")
    .option("--json", "print JSON")
    .action(async (subject: string | undefined, { json, ids }: Output & { readonly ids?: boolean }) => {
      const found = await admin((call) => listOf(call, subject));
      print(json === true, found, () =>
        found.length === 0 ? "No budgets. Next: tokligence budget set USER --stop 20" : budgetTable(found, ids === true),
      );
    });
  budget
    .command("remove")
    .argument("<user|key>", "a user's id or name, or a key's id or prefix")
    .option("--period <period>", "only the one of this period")
    .option("--json", "print JSON")
    .action(async (subject: string, { json, period }: Output & { readonly period?: string }) => {
      const removed = await admin(async (call) => {
        const found = (await listOf(call, subject)).filter((state) => period === undefined || state.period === period);
        if (found.length === 0) throw new Error(`There is no such budget of "${subject}". \`tokligence budget list\` shows them all.`);
        for (const { id } of found) await call("budgets.remove", { param: id });
        return found;
      });
      print(json === true, removed, () =>
        removed.map((state) => `The budget of ${ownerOf(state)} (${state.period}) is removed.`).join("\n"),
      );
    });
}

/** If omitted, the limit stays as it is. */
function limitOf(text: string | undefined): string | null | undefined {
  return text === "none" ? null : text;
}

async function listOf(call: AdminClient, subject: string | undefined): Promise<readonly BudgetState[]> {
  return (await call("budgets.list", { query: subject === undefined ? {} : subjectOf(subject) })).data;
}

function subjectOf(text: string): Record<string, string> {
  return /^(?:key|tok)_/.test(text) ? { key_id: text } : { user: text };
}

function ownerOf(state: BudgetState): string {
  return state.username ?? `the key ${state.key_name}`;
}

function budgetTable(states: readonly BudgetState[], ids: boolean): string {
  const rows = states.map((state) => [
    ids ? (state.user_id ?? state.key_id) : (state.username ?? state.key_name),
    state.period,
    state.warn_usd,
    state.stop_usd,
    state.spent_usd,
    state.held_usd,
    state.left_usd,
    state.period_end === null ? null : shortTime(state.period_end),
  ]);
  return table(
    [
      "USER OR KEY",
      "PERIOD",
      "WARN USD",
      "STOP USD",
      "SPENT USD",
      { title: "HELD USD", optional: true },
      "LEFT USD",
      { title: "BEGINS ANEW", optional: true },
    ],
    rows,
  );
}
