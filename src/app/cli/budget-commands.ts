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
  readonly timeZone?: string;
}

const subjectHelp = "a user (alice), a key (key_… or tok_…), tag:team:search, model:gpt-* or provider:openai";

/** `budget set|list|show|remove` */
export function addBudgetCommands(program: Command, admin: WithAdmin): void {
  const budget = program.command("budget").description("what users, keys, tags, models and providers may cost").helpCommand(false);
  budget
    .command("set")
    .argument("<subject>", subjectHelp)
    .option("--period <period>", "day, month or total; days and months are those of the time zone", "month")
    .option("--time-zone <zone>", "whose days and months they are, as in Europe/Berlin; none: that of ledger.time_zone")
    .option("--stop <usd>", "US dollars: requests that may lead beyond are refused; none takes the limit away")
    .option("--warn <usd>", "US dollars: from here on answers and the log warn; none takes the limit away")
    .option("--json", "print JSON")
    .action(async (subject: string, { json, period, stop, warn, timeZone }: Limits) => {
      const body = { subject, period, time_zone: limitOf(timeZone), stop_usd: limitOf(stop), warn_usd: limitOf(warn) };
      const made = await admin((call) => call("budgets.set", { body }));
      print(json === true, made, () => budgetTable([made], false));
    });
  budget
    .command("list")
    .argument("[subject]", subjectHelp)
    .option("--ids", "ids in place of names")
    .option("--json", "print JSON")
    .action(async (subject: string | undefined, { json, ids }: Output & { readonly ids?: boolean }) => {
      const found = await admin((call) => listOf(call, subject));
      print(json === true, found, () =>
        found.length === 0 ? "No budgets. Next: tokligence budget set USER --stop 20" : budgetTable(found, ids === true),
      );
    });
  budget
    .command("show")
    .argument("<subject>", subjectHelp)
    .option("--json", "print JSON")
    .action(async (subject: string, { json }: Output) => {
      const found = await admin((call) => listOf(call, subject));
      if (found.length === 0) throw new Error(`There is no budget of ${subject}. Next: tokligence budget set ${subject} --stop 20`);
      print(json === true, found, () => found.map(describeBudget).join("\n\n"));
    });
  budget
    .command("remove")
    .argument("<subject>", subjectHelp)
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
  return (await call("budgets.list", { query: subject === undefined ? {} : { subject } })).data;
}

function ownerOf(state: BudgetState): string {
  return state.username ?? (state.key_name === null ? state.subject : `the key ${state.key_name}`);
}

/** All of one budget, a line for each part. */
function describeBudget(state: BudgetState): string {
  const { stop_usd: stop, warn_usd: warn, left_usd: left, period_end: end } = state;
  const lines: readonly (readonly [string, string | null])[] = [
    ["budget", `${ownerOf(state)}, ${state.period} (${state.id})`],
    ["stop", stop],
    ["warn", warn],
    ["spent", state.spent_usd],
    ["reserved", state.held_usd],
    ["left", left],
    ["begins anew", end === null ? null : `${end} (${state.time_zone})`],
  ];
  return lines.flatMap(([name, value]) => (value === null ? [] : [`${name.padEnd(12)} ${value}`])).join("\n");
}

function budgetTable(states: readonly BudgetState[], ids: boolean): string {
  const rows = states.map((state) => [
    ids ? state.subject : (state.username ?? state.key_name ?? state.subject),
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
      "OF",
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
