import { daemonProgram } from "../self.ts";
import type { Role } from "./role.ts";

/** What an executable runs beside `version`. */
export async function run(role: Role, args: readonly string[]): Promise<void> {
  try {
    switch (role) {
      case "worker": {
        // A terminal sends its signals to all processes of the group; the primary decides what they do.
        for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
        const { serveAsWorker } = await import("../daemon/worker.ts");
        await serveAsWorker();
        return;
      }
      case "tokligence-daemon": {
        const { runDaemonCli } = await import("../cli/daemon-main.ts");
        process.exitCode = await runDaemonCli(args, daemonProgram());
        return;
      }
      case "tokligence": {
        const { runCli } = await import("../cli/main.ts");
        process.exitCode = await runCli(args);
      }
    }
  } catch (error) {
    process.stderr.write(`tokligence: ${error instanceof Error ? error.stack : String(error)}\n`);
    process.exitCode = 1;
  }
}
