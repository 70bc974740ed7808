import type { Command } from "commander";
import type { OperationAnswer } from "../../server/index.ts";
import { inviteLines } from "./market-texts.ts";
import { print, shortTime, table } from "./output.ts";
import type { WithAdmin } from "./with-admin.ts";

interface Output {
  readonly json?: boolean;
}

type Member = OperationAnswer<"exchange.members.update">;
type Report = OperationAnswer<"exchange.report">;

/** `tokligence exchange …` */
export function addExchangeCommands(program: Command, admin: WithAdmin): void {
  const exchange = program.command("exchange").description("clear what other gateways trade with each other").helpCommand(false);
  exchange
    .command("start")
    .description("be an exchange, after restarts too")
    .option("--json", "print JSON")
    .action(async ({ json }: Output) => {
      const state = await admin((call) => call("exchange.start"));
      const fee = state.fee_ppm === 0 ? "without a fee" : `with a fee of ${state.fee_ppm / 10_000} %`;
      print(json === true, state, () => `This gateway is an exchange at ${state.reach}, ${fee}.\nNext: tokligence exchange invite`);
    });
  exchange
    .command("invite")
    .description("print an invite for one gateway")
    .option("--limit <credits>", "what it may owe", "50")
    .option("--json", "print JSON")
    .action(async ({ json, limit }: Output & { readonly limit: string }) => {
      const made = await admin((call) => call("exchange.invite", { body: { limit } }));
      print(json === true, made, () => inviteLines(made).join("\n"));
    });
  exchange
    .command("members")
    .description("the members and their accounts")
    .option("--json", "print JSON")
    .action(async ({ json }: Output) => {
      const { data } = await admin((call) => call("exchange.members"));
      print(json === true, { data }, () => membersText(data));
    });
  addMemberCommands(exchange, admin);
  addBookCommands(exchange, admin);
}

function addMemberCommands(exchange: Command, admin: WithAdmin): void {
  exchange
    .command("limit")
    .description("what a member may owe")
    .argument("<member>")
    .argument("<credits>")
    .option("--json", "print JSON")
    .action(async (member: string, limit: string, { json }: Output) => {
      const changed = await admin((call) => call("exchange.members.update", { param: member, body: { limit } }));
      print(json === true, changed, () => membersText([changed]));
    });
  exchange
    .command("credit")
    .description("book what a member has paid outside; --paid-out: what it was paid")
    .argument("<member>")
    .argument("<credits>")
    .requiredOption("--reason <text>", "for the books, as in invoice 17")
    .option("--paid-out", "the member was paid")
    .option("--json", "print JSON")
    .action(async (member: string, credits: string, options: Output & { readonly reason: string; readonly paidOut?: boolean }) => {
      const credit = options.paidOut === true ? `-${credits}` : credits;
      const body = { credit, reason: options.reason };
      const changed = await admin((call) => call("exchange.members.update", { param: member, body }));
      print(options.json === true, changed, () => membersText([changed]));
    });
  for (const [name, blocked] of [
    ["block", true],
    ["unblock", false],
  ] as const) {
    exchange
      .command(name)
      .description(blocked ? "a member buys and sells nothing more" : "a member trades again")
      .argument("<member>")
      .option("--json", "print JSON")
      .action(async (member: string, { json }: Output) => {
        const changed = await admin((call) => call("exchange.members.update", { param: member, body: { blocked } }));
        print(json === true, changed, () => membersText([changed]));
      });
  }
}

function addBookCommands(exchange: Command, admin: WithAdmin): void {
  exchange
    .command("check")
    .description("check all books from scratch")
    .option("--json", "print JSON")
    .action(async ({ json }: Output) => {
      const found = await admin((call) => call("exchange.check"));
      print(json === true, found, () => {
        const counts = `${found.accounts} accounts, ${found.leases} leases and ${found.transfers} transfers`;
        if (found.ok) return `All books are right: ${counts} were checked.`;
        return [
          `The books are wrong; ${counts} were checked.`,
          ...found.broken.map(({ rule, found: what }) => `  not so: ${rule} (${what})`),
        ].join("\n");
      });
      // A script needs to see it.
      if (!found.ok) process.exitCode = 1;
    });
  exchange
    .command("disputes")
    .description("what was decided about receipts whose answers a buyer has shown")
    .option("--json", "print JSON")
    .action(async ({ json }: Output) => {
      const { data } = await admin((call) => call("exchange.disputes"));
      print(json === true, { data }, () => disputesText(data));
    });
  exchange
    .command("report")
    .description("what each member has paid and earned")
    .option("--csv", "print CSV")
    .option("--json", "print JSON")
    .action(async ({ json, csv }: Output & { readonly csv?: boolean }) => {
      const report = await admin((call) => call("exchange.report"));
      print(json === true, report, () => (csv === true ? csvOf(report) : reportText(report)));
    });
}

function membersText(members: readonly Member[]): string {
  if (members.length === 0) return "No members yet. Next: tokligence exchange invite";
  return table(
    ["MEMBER", "LIMIT", "BALANCE", "RESERVED", "OFFERS", "STATE"],
    members.map((one) => [
      one.name,
      one.limit_credits,
      one.balance_credits,
      one.reserved_credits,
      one.offers,
      one.blocked ? "blocked" : "ok",
    ]),
  );
}

function disputesText(data: OperationAnswer<"exchange.disputes">["data"]): string {
  if (data.length === 0) return "No buyer has shown an answer yet.";
  const rows = data.map((one) => [shortTime(one.time), one.buyer, one.seller, one.credits, one.result, one.reason]);
  return table(["TIME", "BUYER", "SELLER", "CREDITS", "THE RECEIPT IS", "WHY"], rows);
}

function reportText({ data, fees_credits: fees }: Report): string {
  if (data.length === 0) return "No members yet. Next: tokligence exchange invite";
  const rows = data.map((row) => [row.name, row.leases, row.paid_credits, row.earned_credits, row.contested_credits, row.balance_credits]);
  return `${table(["MEMBER", "LEASES", "PAID", "EARNED", "CONTESTED", "BALANCE"], rows)}\n\nFees: ${fees} credits.`;
}

function csvOf({ data }: Report): string {
  const names = ["name", "node", "leases", "paid_credits", "earned_credits", "contested_credits", "balance_credits"] as const;
  // Names of nodes are letters, digits and dashes: nothing needs quotes.
  return [names.join(","), ...data.map((row) => names.map((name) => row[name]).join(","))].join("\n");
}
