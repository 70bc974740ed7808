import type { Command } from "commander";
import type { OperationAnswer } from "../../server/index.ts";
import type { FileReport } from "./audit-file.ts";
import { ExitStatus } from "./run-program.ts";
import { print, shortTime, table } from "./output.ts";
import { showElapsed } from "./progress.ts";
import type { WithAdmin } from "./with-admin.ts";

type Report = OperationAnswer<"audit.verify">;
type Entry = OperationAnswer<"audit.list">["data"][number];

interface VerifyOptions {
  readonly json?: boolean;
  readonly key?: string;
}

/** `audit list|verify|prove|export` */
export function addAuditCommands(program: Command, admin: WithAdmin): void {
  const audit = program.command("audit").description("the trail of what was changed and used").helpCommand(false);
  audit
    .command("list")
    .description("the newest entries")
    .option("--limit <rows>", "100 by default")
    .option("--json", "print JSON")
    .action(async ({ json, limit }: { readonly json?: boolean; readonly limit?: string }) => {
      const { data } = await admin((call) => call("audit.list", { query: { limit } }));
      print(json === true, data, () => entriesText(data));
    });
  audit
    .command("verify")
    .argument("[file]", "an export or a proof, which is checked without a database")
    .description("check the chain, its signatures and the usage entries; exit status 1 if something is wrong")
    .option("--key <public-key>", "the key that must have signed, as verify prints it")
    .option("--json", "print JSON")
    .action(async (file: string | undefined, { json, key }: VerifyOptions) => {
      const report: AnyReport = await showElapsed("verifying", async () =>
        file === undefined ? await admin((call) => call("audit.verify")) : await (await import("./audit-file.ts")).verifyFile(file, key),
      );
      const unknown = key === undefined ? [] : (report.public_keys ?? []).filter((each) => each !== key);
      const faults = [...report.faults, ...unknown.map((each) => ({ at: "checkpoints", what: `signed with another key: ${each}` }))];
      print(json === true, { ...report, ok: faults.length === 0, faults }, () => reportText({ ...report, faults }));
      if (faults.length > 0) throw new ExitStatus(1);
    });
  audit
    .command("prove")
    .argument("<request>", "the id of a request, req_…")
    .description("print a proof, JSON, that a request's usage entries are in the trail")
    .option("--json", "the same: a proof is JSON")
    .action(async (request: string) => {
      const { data } = await admin((call) => call("audit.prove", { param: request }));
      console.log(JSON.stringify(data, null, 2));
    });
  audit
    .command("export")
    .description("print the whole trail as signed JSON Lines")
    .option("--json", "the same: each line is JSON")
    .action(async () => {
      const { TextStream } = await import("../../server/index.ts");
      await admin(async (call) => {
        // Without a daemon the lines come as they are made.
        const answer: unknown = await call("audit.export");
        if (answer instanceof TextStream) for await (const chunk of answer.chunks) process.stdout.write(chunk);
        else process.stdout.write(String(answer));
      });
    });
}

type AnyReport = FileReport & Partial<Report>;

function entriesText(entries: readonly Entry[]): string {
  if (entries.length === 0) return "The audit trail is empty.";
  return table(
    ["SEQ", "TIME", "WHO", "ACTION", "SUBJECT", "OUTCOME", "THROUGH"],
    entries.map(({ seq, time, actor, action, subject, outcome, channel, address }) => [
      seq,
      shortTime(time),
      actor.split(" ").slice(1).join(" "),
      action,
      subject,
      outcome,
      address === "" ? channel : `${channel} ${address}`,
    ]),
  );
}

function reportText(report: AnyReport): string {
  const { entries, checkpoints, faults, unsigned, usage_entries: usage, expired_batches: expired, public_keys: keys } = report;
  const facts = [`${entries} entries, ${checkpoints} signatures`];
  if (usage !== undefined) facts.push(`${usage} usage entries agree with their batches`);
  if (expired !== undefined && expired > 0) facts.push(`${expired} batches had their usage entries deleted at the end of their retention`);
  if (unsigned !== undefined && unsigned > 0) facts.push(`${unsigned} entries wait for a signature`);
  if (keys !== undefined) for (const key of keys) facts.push(`signed with ${key}`);
  if (faults.length === 0) return [...facts, "Nothing was changed."].join("\n");
  return [...facts, ...faults.map(({ at, what }) => `${at}: ${what}`)].join("\n");
}
