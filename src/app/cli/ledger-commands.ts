import type { Command } from "commander";
import type { OperationAnswer } from "../../server/index.ts";
import type { WithAdmin } from "./with-admin.ts";
import { print, table } from "./output.ts";

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
