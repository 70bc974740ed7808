import { userInfo } from "node:os";
import { dirname, join } from "node:path";
import { readDaemonStatus } from "../daemon/start-background.ts";
import { nodeOptionsForChild } from "../daemon/node-options.ts";
import { packageFolder } from "../self.ts";
import { runtimePaths } from "../paths.ts";
import { commandText, createServiceFile, installService, runCommand, uninstallService, type InstallResult } from "../service/install.ts";
import type { ServiceFacts, ServiceFile } from "../service/service.ts";
import type { DaemonCli, Output } from "./daemon-cli.ts";
import { print } from "./output.ts";
import { load } from "./run-program.ts";

interface ScopeOptions extends Output {
  readonly system?: boolean;
}
interface InstallOptions extends ScopeOptions {
  readonly runAs: string;
  readonly print?: boolean;
  /** `--no-start`. */
  readonly start: boolean;
}

/** `install` and `uninstall`: the gateway as a service of the machine, or of the user. */
export function addServiceCommands(cli: DaemonCli): void {
  cli.program
    .command("install")
    .description("make the gateway a service, which starts with the machine (--system) or when you log in (--user)")
    .option("--system", "a service of the machine; needs the rights of an administrator")
    .option("--user", "a service of your own; the default")
    .option("--run-as <user>", "the user that a service of the machine runs as", "tokligence")
    .option("--print", "print the service's file and the commands, and change nothing")
    .option("--no-start", "write the file and have it checked, but do not start the service")
    .option("--json", "print JSON")
    .action(async (options: InstallOptions) => {
      const file = await fileOf(cli, options);
      if (options.print === true) {
        print(options.json === true, { file: file.path, content: textOf(file), commands: file.start.map(commandText) }, () =>
          planText(file),
        );
        return;
      }
      await refuseSecond(cli);
      const result = await explainRights(() => installService(file, runCommand, options.start), options);
      print(options.json === true, result, () => resultText(result, options));
    });
  cli.program
    .command("uninstall")
    .description("end the service of `install`, and remove its file; configuration and database stay")
    .option("--system", "the service of the machine")
    .option("--user", "the service of your own; the default")
    .option("--json", "print JSON")
    .action(async (options: ScopeOptions) => {
      const file = await fileOf(cli, { ...options, runAs: "" });
      const removed = await explainRights(() => uninstallService(file, runCommand), options);
      print(options.json === true, { file: file.path, removed }, () =>
        removed ? `The service is ended, and ${file.path} is removed.` : `There is no service: ${file.path} does not exist.`,
      );
    });
}

async function fileOf({ config, script }: DaemonCli, { system, runAs }: ScopeOptions & { readonly runAs: string }): Promise<ServiceFile> {
  const { path, settings } = await load(config());
  const { database, gateway } = settings;
  const paths = runtimePaths(database.path);
  const logFile = gateway.logging.file ?? paths.log;
  const isSystem = system === true;
  const facts: ServiceFacts = {
    command: [process.execPath, ...nodeOptionsForChild(process.execArgv), script, "--config", path, "start"],
    scope: isSystem ? "system" : "user",
    user: userOf(isSystem, runAs),
    writable: [...new Set([paths.folder, dirname(logFile)])],
    readable: [process.execPath, path, packageFolder()],
    isPortPrivileged: gateway.port > 0 && gateway.port < 1024,
    environmentFile: join(dirname(path), "keys.env"),
    outputFile: join(paths.folder, "gateway.out"),
  };
  return createServiceFile(facts, process.platform);
}

function userOf(isSystem: boolean, runAs: string): string | undefined {
  if (process.platform !== "win32") return isSystem ? runAs : undefined;
  return isSystem ? undefined : windowsUser(process.env);
}

/** `DOMAIN\\user`, as the scheduler reads it; on a machine without a domain the first part is its name. */
function windowsUser({ USERDOMAIN: domain = "", USERNAME: name = userInfo().username }: NodeJS.ProcessEnv): string {
  return domain === "" ? name : `${domain}\\${name}`;
}

/** A service could not serve beside it. */
async function refuseSecond({ config }: DaemonCli): Promise<void> {
  const { settings } = await load(config());
  const status = await readDaemonStatus(runtimePaths(settings.database.path));
  if (status === undefined) return;
  throw new Error(`A gateway is running already (pid ${status.pid}, port ${status.port}). Stop it first: tokligence-daemon stop`);
}

async function explainRights<T>(action: () => Promise<T>, { system }: ScopeOptions): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EACCES" || system !== true) throw error;
    throw new Error("A service of the machine needs the rights of an administrator: run it with sudo, or leave out --system.", {
      cause: error,
    });
  }
}

function textOf({ content }: ServiceFile): string {
  return typeof content === "string" ? content : content.toString("utf16le").replace(/^\uFEFF/, "");
}

function planText(file: ServiceFile): string {
  return [`# ${file.path}`, textOf(file).trimEnd(), "", ...file.start.map((command) => `# ${commandText(command)}`)].join("\n");
}

function resultText({ file, checked, started, commands }: InstallResult, { system }: ScopeOptions): string {
  const lines = [`Wrote ${file}${checked ? ", which the service manager's own check accepts" : ""}.`];
  if (started) lines.push("The service runs. See `tokligence-daemon status` and `tokligence logs`.");
  else lines.push("To start it:", ...commands.map((command) => `  ${command}`));
  if (process.platform === "linux" && system !== true) {
    lines.push("It runs while you are logged in. To keep it running after that: loginctl enable-linger");
  }
  return lines.join("\n");
}
