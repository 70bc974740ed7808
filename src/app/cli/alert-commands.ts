import type { Command } from "commander";
import { print, table } from "./output.ts";
import { ExitStatus } from "./run-program.ts";
import type { WithAdmin } from "./with-admin.ts";

/** `alerts test` */
export function addAlertCommands(program: Command, admin: WithAdmin): void {
  program
    .command("alerts")
    .description("who hears of budgets, prices and the ledger")
    .helpCommand(false)
    .command("test")
    .description("send a test message to every webhook and address of the configuration")
    .option("--json", "print JSON")
    .action(async ({ json }: { readonly json?: boolean }) => {
      const result = await admin((call) => call("alerts.test"));
      const { deliveries } = result;
      print(json === true, result, () =>
        deliveries.length === 0
          ? "No webhook and no address is configured: only the log hears of alerts. docs/alerts.md says how to add one."
          : table(
              ["TO", "RESULT"],
              deliveries.map(({ channel, delivered, error }) => [channel, delivered ? "sent" : `not sent: ${error}`]),
            ),
      );
      if (deliveries.some(({ delivered }) => !delivered)) throw new ExitStatus(1);
    });
}
