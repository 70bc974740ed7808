import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { readAllPages } from "../../core/index.ts";
import type { Compared, LedgerLine, ReportVendor } from "../../ledger/index.ts";
import { print, table } from "./output.ts";
import { whyUnreadable } from "../explain-file-error.ts";
import { ExitStatus } from "./run-program.ts";
import type { WithAdmin } from "./with-admin.ts";

interface ReconcileOptions {
  readonly provider: string;
  readonly file: readonly string[];
  readonly format?: string;
  readonly tz: string;
  readonly tolerance: string;
  readonly json?: boolean;
}

/** All of the ledger, which is loaded only to run the command. */
const vendors = Object.keys({ openai: true, anthropic: true, google: true, openrouter: true } satisfies Record<ReportVendor, true>);

/** `tokligence reconcile --provider openai --file costs.json` */
export function addReconcileCommand(program: Command, admin: WithAdmin): void {
  program
    .command("reconcile")
    .description("compare a vendor's exported usage or costs with the ledger, by day and model")
    .requiredOption("--provider <name>", "the provider, as the configuration names it")
    .requiredOption("--file <paths...>", "the export: JSON or CSV; several are read as one")
    .option("--format <vendor>", `whose export it is: ${vendors.join(", ")}; the provider's name if omitted`)
    .option("--tz <zone>", "whose days the export has", "UTC")
    .option("--tolerance <percent>", "differences up to this share are none", "1")
    .option("--json", "print JSON")
    .action(async ({ provider, file, format = provider, tz, tolerance, json }: ReconcileOptions) => {
      const { compareReport, isReportVendor, readVendorReport } = await import("../../ledger/index.ts");
      if (!isReportVendor(format)) throw new Error(`Say whose export it is: --format ${vendors.join(", ")}.`);
      const share = Number(tolerance) / 100;
      if (!(share >= 0)) throw new Error("--tolerance is a number of percent, as in 1 or 0.5.");
      const lines = (await Promise.all(file.map(async (path) => readVendorReport(format, await readExport(path))))).flat();
      const days = lines.flatMap(({ day, lastDay = day }) => [day, lastDay]).toSorted();
      const compared = compareReport(lines, await readLedger(admin, { provider, from: days[0]!, until: days.at(-1)!, tz }), share);
      const differing = compared.filter(({ differs }) => differs);
      print(json === true, { provider, compared: compared.length, differing: differing.length, rows: compared }, () =>
        reportText(compared, differing),
      );
      if (differing.length > 0) throw new ExitStatus(1);
    });
}

interface LedgerDays {
  readonly provider: string;
  readonly from: string;
  readonly until: string;
  readonly tz: string;
}

async function readLedger(admin: WithAdmin, { provider, from, until, tz }: LedgerDays): Promise<readonly LedgerLine[]> {
  const found = await admin((call) =>
    readAllPages(async (after) => {
      const query = { group_by: "day,model", provider, from, to: dayAfter(until), tz, after };
      const { rows, next } = await call("usage.report", { query });
      return { data: rows, next };
    }),
  );
  return found.map((row) => ({
    day: row.group["day"] ?? "",
    model: row.group["model"] ?? "",
    costUsd: Number(row.cost_usd ?? 0),
    requests: row.requests,
    inputTokens: row.input_tokens,
    outputTokens: row.output_tokens,
    unpriced: row.unpriced_requests,
  }));
}

function dayAfter(day: string): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + 86_400_000).toISOString().slice(0, 10);
}

function reportText(compared: readonly Compared[], differing: readonly Compared[]): string {
  if (differing.length === 0) return `${compared.length} figures agree.`;
  const text = table(
    ["DAY", "MODEL", "WHAT", "VENDOR", "LEDGER", "WHY IT MAY"],
    differing.map(({ day, model, what, vendor, ledger, reasons }) => [
      day,
      model,
      what,
      figure(what, vendor),
      figure(what, ledger),
      reasons.join("; "),
    ]),
  );
  return `${text}\n${differing.length} of ${compared.length} figures differ.`;
}

function figure(what: Compared["what"], value: number): string {
  return what === "cost_usd" ? value.toFixed(4) : String(value);
}

async function readExport(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new Error(`${path} cannot be read: ${whyUnreadable(error)}. Give the exported file with --file.`, { cause: error });
  }
}
