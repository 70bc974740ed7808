import { Command } from "commander";
import { protocolIds } from "../../ir/index.ts";
import type { OperationAnswer } from "../../server/index.ts";
import { readVersion } from "../self.ts";
import { addKeyCommands, addUserCommands } from "./account-commands.ts";
import { addAlertCommands } from "./alert-commands.ts";
import { addBudgetCommands } from "./budget-commands.ts";
import { addAskCommand } from "./ask-command.ts";
import { addChatCommand } from "./chat-command.ts";
import { addConnectCommand } from "./connect-command.ts";
import { addCompletionCommand } from "./completion-command.ts";
import { addBackupCommands } from "./backup-commands.ts";
import { addDatabaseCommands } from "./database-commands.ts";
import { addAuditCommands } from "./audit-commands.ts";
import { addLedgerCommands } from "./ledger-commands.ts";
import { addExchangeCommands } from "./exchange-commands.ts";
import { addMarketCommands } from "./market-commands.ts";
import { addImportCommands } from "./import-command.ts";
import { print, table } from "./output.ts";
import { addLimitCommands } from "./limit-commands.ts";
import { addFirewallCommand } from "./firewall-command.ts";
import { addLogsCommand } from "./logs-command.ts";
import { addDaemonCommands, findDaemonCommand, runDaemonCommand } from "./daemon-aliases.ts";
import { ExitStatus, load, runProgram } from "./run-program.ts";
import { addModelCommands } from "./model-commands.ts";
import { addCommandTexts } from "./command-texts.ts";
import { addDoctorCommand } from "./doctor-command.ts";
import { addLoginCommands } from "./login-commands.ts";
import { addSessionCommands } from "./session-commands.ts";
import { addPriceCommands } from "./price-commands.ts";
import { addRunCommand } from "./run-command.ts";
import { addRotateSecretsCommand } from "./secrets-command.ts";
import { addStatusCommand } from "./status-command.ts";
import { addReconcileCommand } from "./reconcile-command.ts";
import { addUsageCommand } from "./usage-command.ts";
import type { Admin } from "../admin.ts";
import type { WithAdmin } from "./with-admin.ts";

interface Global {
  readonly config?: string;
  readonly url?: string;
}
interface Output {
  readonly json?: boolean;
}

/** The command line `tokligence`, with all its commands. */
export function createProgram(): Command {
  const program = new Command("tokligence")
    .description("A self-hosted LLM gateway: users, keys, usage and routes. The server itself is `tokligence-daemon`.")
    .version(readVersion(), "-v, --version", "print the version")
    .option("--config <path>", "the configuration file")
    .option(
      "--url <url>",
      "a gateway on another machine, for commands over its admin API; with the key in TOKLIGENCE_KEY, or that of `tokligence login`",
    )
    .helpCommand("help [command]", "print the help of a command")
    .exitOverride()
    .configureOutput({ outputError: () => {} });
  const admin = withAdmin(() => program.opts<Global>());

  addInitCommand(program);
  addUserCommands(program, admin);
  addKeyCommands(program, admin);
  addSessionCommands(program, admin);
  addBudgetCommands(program, admin);
  addLimitCommands(program, admin);
  addLedgerCommands(program, admin);
  addAuditCommands(program, admin);
  addRotateSecretsCommand(program, admin);
  addPriceCommands(program, admin);
  addModelCommands(program, admin);
  addAlertCommands(program, admin);
  addMarketCommands(program, admin);
  addExchangeCommands(program, admin);
  const loadConfigured = (): ReturnType<typeof load> => load(program.opts<Global>().config);
  addLoginCommands(program, admin, loadConfigured);
  addDatabaseCommands(program, loadConfigured);
  addBackupCommands(program, loadConfigured, () => program.opts<Global>().config);
  addImportCommands(program, () => program.opts<Global>().config);
  addUsageCommand(program, admin);
  addReconcileCommand(program, admin);
  addFirewallCommand(program, loadConfigured);
  addLogsCommand(program, loadConfigured);
  addDaemonCommands(program);
  addStatusCommand(program, () => program.opts<Global>().config);
  addDoctorCommand(program, () => program.opts<Global>().config);
  addRouteCommand(program, admin);
  addChatCommand(program);
  addAskCommand(program, admin, loadConfigured);
  addConnectCommand(program, admin, loadConfigured);
  addRunCommand(program, admin, loadConfigured);
  addCompletionCommand(program, admin);

  addVersionCommand(program);
  addCommandTexts(program);
  return program;
}

/** Runs any command of `tokligence`. */
export async function runCommands(argv: readonly string[]): Promise<number> {
  const program = createProgram();
  const forDaemon = findDaemonCommand(program, argv);
  if (forDaemon) return await runDaemonCommand(argv);
  if (argv.length === 0) {
    program.outputHelp();
    process.stdout.write(`\n${await stateLine()}\n`);
    return 0;
  }
  return await runProgram(program, argv);
}

function addVersionCommand(program: Command): void {
  program
    .command("version")
    .option("--json", "print JSON")
    .action(({ json }: Output) => {
      const version = readVersion();
      print(json === true, { version }, () => version);
    });
}

/** Each command loads the large modules that it needs: `version` answers at once. */
function withAdmin(options: () => Global): WithAdmin {
  return async (run) => {
    const { url, config } = options();
    const opened = url === undefined ? await openOwn(config) : await openRemote(url);
    try {
      return await run(opened.call);
    } finally {
      await opened.close();
    }
  };
}

async function openOwn(config: string | undefined): Promise<Admin> {
  const { openAdmin } = await import("../admin.ts");
  return await openAdmin(await load(config));
}

async function openRemote(url: string): Promise<Admin> {
  const { findRemote } = await import("../find-remote.ts");
  const { openRemoteAdmin } = await import("../remote-admin.ts");
  return openRemoteAdmin(findRemote(url, process.env));
}

/** Whether the gateway of the standard configuration runs. */
async function stateLine(): Promise<string> {
  const { findRunning } = await import("./daemon-cli.ts");
  const status = (await findRunning(undefined).catch(() => undefined))?.status;
  if (status === undefined) return "The gateway is not running. To start it: tokligence start";
  return `The gateway is running (pid ${status.pid}) on port ${status.port}.`;
}

function addInitCommand(program: Command): void {
  program
    .command("init")
    .description("write a commented configuration file, if there is none")
    .option("--json", "print JSON")
    .action(async ({ json }: Output) => {
      const path = program.opts<Global>().config;
      const { initWithDetection } = await import("../detect.ts");
      const result = await initWithDetection(path);
      print(json === true, result, () =>
        result.created ? `Wrote ${result.path}. Next: tokligence-daemon start` : `${result.path} is there already; nothing was changed.`,
      );
    });
}

function addRouteCommand(program: Command, admin: WithAdmin): void {
  const route = program.command("route").description("how models are routed").helpCommand(false);
  route
    .command("explain")
    .argument("<model>")
    .option("--dialect <dialect>", `${protocolIds.join(", ")}; the first if omitted`)
    .option("--key <key>", "id or prefix of a key: which targets its model list allows")
    .option("--json", "print JSON")
    .action(async (model: string, options: Output & { dialect?: string; key?: string }) => {
      const { dialect, key } = options;
      const explained = await admin((call) => call("routes.explain", { query: { model, dialect, key_id: key } }));
      print(options.json === true, explained, () => explanationText(explained));
      if (explained.attempts.length === 0) throw new ExitStatus(1);
    });
}

const laneNames = { translated: "translated", builtin: "built in", verbatim: "as it is", patched: "as it is" } as const;

type Explained = OperationAnswer<"routes.explain">;

/** What is left out on a narrow terminal comes last. */
const targetColumns: readonly (readonly [title: string, cell: (target: Explained["targets"][number]) => string | number | null])[] = [
  ["asked", ({ kept }) => (kept ? "yes" : "no")],
  ["$/M in", ({ input_usd }) => input_usd],
  ["$/M out", ({ output_usd }) => output_usd],
  ["key", ({ key }) => key],
  ["lane", ({ lane }) => (lane === null ? null : laneNames[lane])],
  ["protocol", ({ protocol }) => protocol],
  ["first ms", ({ first_content_ms }) => first_content_ms],
  ["total ms", ({ total_ms }) => total_ms],
  ["first p95", ({ first_content_p95_ms }) => first_content_p95_ms],
  ["total p95", ({ total_p95_ms }) => total_p95_ms],
  ["in flight", ({ in_flight }) => in_flight],
];

function explanationText({ steps, targets, strategy, affinity, hedge, problem }: Explained): string {
  const hasReasons = targets.some(({ reason }) => reason !== null);
  const header = [
    "for",
    "target",
    ...(hasReasons ? ["why not"] : []),
    ...targetColumns.map(([title]) => ({ title, optional: true }) as const),
  ];
  const rows = targets.map((target) => [
    target.role,
    `${target.provider}/${target.model}`,
    ...(hasReasons ? [target.reason] : []),
    ...targetColumns.map(([, cell]) => cell(target)),
  ]);
  const order = `strategy ${strategy}, affinity ${affinity ? "auto" : "off"}, hedge ${hedge}`;
  return [...steps, ...(rows.length === 0 ? [] : ["", order, table(header, rows)]), ...(problem === undefined ? [] : [problem])].join("\n");
}
