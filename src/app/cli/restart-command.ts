import { resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { GatewayError } from "../../core/index.ts";
import type { OperationAnswer } from "../../server/index.ts";
import { createControlSender } from "../control-client.ts";
import { nodeOptionsForChild } from "../daemon/node-options.ts";
import { readDaemonStatus, stopDaemon, type DaemonStatus } from "../daemon/start-background.ts";
import type { RuntimePaths } from "../paths.ts";
import { locate, overridesOf, runInBackground, startArguments, statusText, type DaemonCli, type StartOptions } from "./daemon-cli.ts";
import { print } from "./output.ts";
import { load } from "./run-program.ts";

export function addRestartCommand(cli: DaemonCli): void {
  cli.program
    .command("restart")
    .description("start a new gateway that takes the place of the running one without a gap, with the arguments that it was started with")
    .option("--port <port>", "overrides gateway.port")
    .option("--host <host>", "overrides gateway.host")
    .option("--json", "print JSON")
    .action(async (options: StartOptions) => {
      await load(cli.config(), overridesOf(options));
      const { paths } = await locate(cli.config());
      const status = await readDaemonStatus(paths);
      const start = { ...keptOptions(status), ...options };
      if (status !== undefined) {
        const declined = await replace(cli, paths, start);
        if (declined === undefined) {
          const now = await waitForPredecessor(paths);
          print(options.json === true, now ?? { status: "stopped" }, () =>
            now === undefined ? "stopped" : `restarted: ${statusText(now)}`,
          );
          return;
        }
        process.stderr.write(`tokligence-daemon: ${declined}: the gateway is stopped, and started again\n`);
        await stopDaemon(paths);
      }
      await runInBackground(cli, start);
    });
}

/** The arguments of the running gateway. */
function keptOptions(status: DaemonStatus | undefined): Pick<StartOptions, "port" | "host"> {
  const port = textOf(status?.overrides?.["gateway.port"]);
  const host = textOf(status?.overrides?.["gateway.host"]);
  return { ...(port === undefined ? {} : { port }), ...(host === undefined ? {} : { host }) };
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" || typeof value === "number" ? String(value) : undefined;
}

const reasons: Readonly<Record<string, string>> = {
  address: "it is to serve another address",
  schema: "the new version changes the database",
  version: "the running version cannot be replaced while it runs",
  windows: "on Windows two processes cannot serve one port",
};

/** Longer than a new gateway has to start. */
const startMs = 45_000;

/** @returns why the running gateway has to be stopped before a new one is started; `undefined`: a new one serves. @throws Error if it does not come to serve. */
async function replace({ config, script }: DaemonCli, paths: RuntimePaths, start: StartOptions): Promise<string | undefined> {
  const path = config();
  const command = [
    process.execPath,
    ...nodeOptionsForChild(process.execArgv),
    script,
    ...startArguments(path === undefined ? undefined : resolve(path), start),
    "--background-child",
    "--take-over",
  ];
  const answer = await askForRestart(paths, command);
  switch (answer.outcome) {
    case "serving":
      return undefined;
    case "declined":
      return reasons[answer.reason] ?? answer.reason;
    case "failed": {
      const said = answer.stderr.trim().replaceAll(/^tokligence-daemon: /gm, "");
      throw new Error(said === "" ? answer.problem : `${said}\n${answer.problem} The gateway that was running goes on, unchanged.`);
    }
  }
}

async function askForRestart(paths: RuntimePaths, command: readonly string[]): Promise<OperationAnswer<"daemon.restart">> {
  const send = createControlSender(paths.socket, { timeoutMs: startMs });
  try {
    return (await send("POST", "/api/v1/restart", { command, environment: process.env })) as OperationAnswer<"daemon.restart">;
  } catch (error) {
    // A version before this operation.
    if (error instanceof GatewayError && error.status === 404) return { outcome: "declined", reason: "version" };
    throw error;
  }
}

/** Long answers of the old gateway may take minutes. */
const waitMs = 5000;

/** Waits for a while until the old gateway has ended. @returns the state after that. */
async function waitForPredecessor(paths: RuntimePaths): Promise<DaemonStatus | undefined> {
  for (const deadline = performance.now() + waitMs; ; await delay(20)) {
    // The old one may close its socket just now.
    const status = await readDaemonStatus(paths).catch(() => undefined);
    if ((status !== undefined && status.finishing_pid === undefined) || performance.now() > deadline) return status;
  }
}
