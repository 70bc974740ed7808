import type { Command } from "commander";
import type { OperationAnswer } from "../../server/index.ts";
import type { WithAdmin } from "./with-admin.ts";
import { print, table } from "./output.ts";
import { showElapsed } from "./progress.ts";

/** `tokligence ledger …` */
export function addLedgerCommands(program: Command, admin: WithAdmin): void {
  const ledger = program.command("ledger").description("the record of usage and cost").helpCommand(false);
  ledger
    .command("status")
    .description("what waits for the database, and the journals on disk")
    .option("--json", "print JSON")
    .action(async ({ json }: { readonly json?: boolean }) => {
      const report = await admin((call) => call("ledger.status"));
      print(json === true, report, () => ledgerText(report));
    });
  ledger
    .command("reprice")
    .description("reckons the costs of a time anew; corrections are rows of their own")
    .requiredOption("--from <time>", "a day, a time of RFC 3339, or how long ago (7d)")
    .option("--to <time>", "now if omitted")
    .option("--dry-run", "only show what would change")
    .option("--json", "print JSON")
    .action(async ({ from, to, dryRun = false, json }: RepriceOptions) => {
      const body = { from, dry_run: dryRun, ...(to === undefined ? {} : { to }) };
      const result = await showElapsed("repricing", () => admin((call) => call("ledger.reprice", { body })));
      print(json === true, result, () => repriceText(result, dryRun));
    });
}

interface RepriceOptions {
  readonly from: string;
  readonly to?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

function repriceText(result: OperationAnswer<"ledger.reprice">, isDryRun: boolean): string {
  const { entries, corrected, newly_priced: priced, difference_usd: difference } = result;
  const done = isDryRun ? "would be corrected" : "were corrected";
  return `${corrected} of ${entries} entries ${done}, ${priced} of them had no known cost. All costs together change by ${difference} USD.`;
}

function stateText(isHealthy: boolean | null): string {
  if (isHealthy === null) return "no daemon is running";
  return isHealthy ? "takes entries" : "takes no entries";
}

function ledgerText(report: OperationAnswer<"ledger.status">): string {
  const { healthy, problem, queued, lag_ms: lagMs, open_attempts: open, last_checkpoint: checkpoint, journals } = report;
  const facts: (readonly [string, string | number])[] = [
    ["durability", report.durability],
    ["state", stateText(healthy)],
  ];
  if (problem !== null) facts.push(["problem", problem]);
  if (queued !== null) facts.push(["entries waiting", queued]);
  if (lagMs !== null) facts.push(["oldest waits", `${lagMs} ms`]);
  if (open !== null) facts.push(["attempts under way", open]);
  facts.push(["last checkpoint", checkpoint ?? "none"], ["journals in", report.directory]);
  const lines = facts.map(([name, value]) => `${name.padEnd(20)}${value}`);
  if (journals.length === 0) return lines.join("\n");
  const rows = journals.map((journal) => [
    journal.journal,
    journal.segments,
    journal.size_bytes,
    journal.finished ? "in the database" : "needed",
  ]);
  return `${lines.join("\n")}\n\n${table(["journal", "segments", "bytes", "state"], rows)}`;
}
