import type { Command } from "commander";
import type { OperationAnswer } from "../../server/index.ts";
import { print, table } from "./output.ts";
import type { WithAdmin } from "./with-admin.ts";

interface Output {
  readonly json?: boolean;
}

interface Amounts extends Output {
  readonly rpm?: string;
  readonly tpm?: string;
  readonly rpd?: string;
  readonly tpd?: string;
  readonly concurrent?: string;
}

type Limit = OperationAnswer<"limits.set">;

const subjectHelp = "a user (alice), a key (key_… or tok_…), tag:team:search, model:gpt-* or provider:openai";

/** `limit set|list|remove` */
export function addLimitCommands(program: Command, admin: WithAdmin): void {
  const limit = program
    .command("limit")
    .description("how many requests and tokens users, keys, tags, models and providers may have")
    .helpCommand(false);
  limit
    .command("set")
    .argument("<subject>", subjectHelp)
    .option("--rpm <number>", "requests a minute; none takes the limit away")
    .option("--tpm <number>", "tokens a minute")
    .option("--rpd <number>", "requests a day")
    .option("--tpd <number>", "tokens a day")
    .option("--concurrent <number>", "requests at a time")
    .option("--json", "print JSON")
    .action(async (subject: string, { json, rpm, tpm, rpd, tpd, concurrent }: Amounts) => {
      const body = {
        subject,
        requests_per_minute: amountOf("--rpm", rpm),
        tokens_per_minute: amountOf("--tpm", tpm),
        requests_per_day: amountOf("--rpd", rpd),
        tokens_per_day: amountOf("--tpd", tpd),
        concurrent: amountOf("--concurrent", concurrent),
      };
      const set = await admin((call) => call("limits.set", { body }));
      print(json === true, set, () => limitTable([set]));
    });
  limit
    .command("list")
    .argument("[subject]", subjectHelp)
    .option("--json", "print JSON")
    .action(async (subject: string | undefined, { json }: Output) => {
      const { data } = await admin((call) => call("limits.list", { query: { subject } }));
      print(json === true, data, () => (data.length === 0 ? "No limits. Next: tokligence limit set USER --rpm 600" : limitTable(data)));
    });
  limit
    .command("remove")
    .argument("<subject>", subjectHelp)
    .option("--json", "print JSON")
    .action(async (subject: string, { json }: Output) => {
      const removed = await admin((call) => call("limits.remove", { query: { subject } }));
      print(json === true, removed, () => `The limits of ${ownerOf(removed)} are removed.`);
    });
}

/** If omitted, the limit stays as it is. */
function amountOf(option: string, text: string | undefined): number | null | undefined {
  if (text === undefined) return undefined;
  if (text === "none") return null;
  if (!/^[1-9]\d{0,12}$/.test(text)) throw new Error(`${option} must be a whole number from 1 up, or none, not "${text}".`);
  return Number(text);
}

function ownerOf({ username, key_name: key, subject }: Limit): string {
  return username ?? (key === null ? subject : `the key ${key}`);
}

function limitTable(limits: readonly Limit[]): string {
  const rows = limits.map((limit) => [
    limit.username ?? limit.key_name ?? limit.subject,
    limit.requests_per_minute,
    limit.tokens_per_minute,
    limit.requests_per_day,
    limit.tokens_per_day,
    limit.concurrent,
  ]);
  return table(["OF", "REQUESTS/MIN", "TOKENS/MIN", "REQUESTS/DAY", "TOKENS/DAY", "AT A TIME"], rows);
}
