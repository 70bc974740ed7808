import { spawn } from "node:child_process";
import { constants } from "node:os";
import { basename } from "node:path";
import type { Command } from "commander";
import type { LoadedSettings } from "../config/index.ts";
import { addExamples } from "./output.ts";
import { ExitStatus } from "./run-program.ts";
import type { WithAdmin } from "./with-admin.ts";

interface Options {
  readonly model?: string;
  readonly key?: string;
  readonly user?: string;
  readonly json?: boolean;
}

/** A key that is made for one process is revoked when it ends; if this process is killed, the key ends by itself. */
const keyLifetime = "12h";

/** `tokligence run -- claude`: a program with the variables that bring it to the gateway, for this one process. */
export function addRunCommand(program: Command, admin: WithAdmin, load: () => Promise<LoadedSettings>): void {
  const command = program
    .command("run")
    .description("run a program with the gateway's address and a key in its variables; its exit status is the command's")
    .argument("<program...>", "the program and its arguments, after --")
    .option("--model <model>", "the model, for programs that take one from a variable")
    .option("--key <key>", "a key of the gateway; by default that in TOKLIGENCE_KEY, else one is made and revoked at the end")
    .option("--user <user>", "whose key is made; by default the first admin's, with the rights of a user")
    .option("--json", "print the variables as JSON, and run nothing")
    .action(async (argv: string[], options: Options) => {
      const { findGatewayUrl, makeKey } = await import("../connect/place.ts");
      const loaded = await load();
      const given = options.key ?? process.env["TOKLIGENCE_KEY"];
      const { url, made } = await admin(async (call) => {
        const place = await findGatewayUrl(call, loaded);
        if (!place.isRunning) throw new Error("The gateway is not running. Start it: tokligence start --background");
        const needsKey = given === undefined && loaded.settings.gateway.auth.enabled && options.json !== true;
        return {
          url: place.url,
          made: needsKey
            ? await makeKey({ call, user: options.user, name: `run ${basename(argv[0]!)}`.slice(0, 100), expires: keyLifetime })
            : undefined,
        };
      });
      const variables = variablesOf(url, made?.key ?? given ?? "tok_…", options.model);
      if (options.json === true) {
        process.stdout.write(`${JSON.stringify(variables, null, 2)}\n`);
        return;
      }
      try {
        const status = await runProcess(argv[0]!, [...extraArguments(argv[0]!, url, options.model), ...argv.slice(1)], variables);
        if (status !== 0) throw new ExitStatus(status);
      } finally {
        if (made !== undefined) await admin((call) => call("keys.revoke", { param: made.id }));
      }
    });
  addExamples(command, ["tokligence run -- claude", 'tokligence run --model gpt-5.1 -- codex exec "Say what this repository does."']);
}

function variablesOf(url: string, key: string, model: string | undefined): Record<string, string> {
  return {
    TOKLIGENCE_KEY: key,
    OPENAI_BASE_URL: `${url}/v1`,
    // Read by Aider and LangChain.
    OPENAI_API_BASE: `${url}/v1`,
    OPENAI_API_KEY: key,
    ANTHROPIC_BASE_URL: `${url}/anthropic`,
    ANTHROPIC_AUTH_TOKEN: key,
    GOOGLE_GEMINI_BASE_URL: url,
    GEMINI_API_KEY: key,
    ...(model === undefined ? {} : { ANTHROPIC_MODEL: model, ANTHROPIC_DEFAULT_HAIKU_MODEL: model, GEMINI_MODEL: model }),
  };
}

/** Codex takes its provider from its configuration alone, which arguments can replace. */
function extraArguments(program: string, url: string, model: string | undefined): string[] {
  if (basename(program).replace(/\.(?:exe|cmd)$/, "") !== "codex") return [];
  const provider = `{name="Tokligence",base_url="${url}/v1",env_key="TOKLIGENCE_KEY",wire_api="responses"}`;
  const settings = [
    `model_providers.tokligence=${provider}`,
    `model_provider="tokligence"`,
    ...(model === undefined ? [] : [`model=${JSON.stringify(model)}`]),
  ];
  return settings.flatMap((setting) => ["-c", setting]);
}

/** @returns the exit status of the program, or 128 and the number of the signal that ended it. */
async function runProcess(program: string, args: readonly string[], variables: Readonly<Record<string, string>>): Promise<number> {
  const env = { ...process.env, ...variables };
  // A provider's own key beside a token would be sent as well, and two that differ are refused.
  delete env["ANTHROPIC_API_KEY"];
  // Google's SDKs prefer it to GEMINI_API_KEY.
  delete env["GOOGLE_API_KEY"];
  const child = spawn(program, args, { stdio: "inherit", env });
  // A terminal sends Ctrl-C to the program as well: here it only must not end this process first.
  const ignore = (): void => {};
  const pass = (signal: NodeJS.Signals): void => void child.kill(signal);
  process.on("SIGINT", process.stdin.isTTY ? ignore : pass);
  for (const signal of ["SIGTERM", "SIGHUP"] as const) process.on(signal, pass);
  try {
    return await new Promise<number>((resolve, reject) => {
      child.on("error", (error: NodeJS.ErrnoException) => {
        reject(error.code === "ENOENT" ? new Error(`There is no program "${program}". Install it, or give its path.`) : error);
      });
      child.on("close", (code, signal) => {
        resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
      });
    });
  } finally {
    process.off("SIGINT", ignore).off("SIGINT", pass).off("SIGTERM", pass).off("SIGHUP", pass);
  }
}
