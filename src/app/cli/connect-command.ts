import type { Command } from "commander";
import type { ClientFile, Connection } from "../connect/client.ts";
import type { LoadedSettings } from "../config/index.ts";
import { addExamples, print } from "./output.ts";
import type { WithAdmin } from "./with-admin.ts";

interface Options {
  readonly model?: string;
  readonly key?: string;
  readonly user?: string;
  readonly url?: string;
  readonly write?: boolean;
  readonly undo?: boolean;
  readonly json?: boolean;
}

const names = "codex, claude-code, gemini-cli, opencode, cursor, cline, aider, continue, open-webui or langchain";

/** `tokligence connect CLIENT` */
export function addConnectCommand(program: Command, admin: WithAdmin, load: () => Promise<LoadedSettings>): void {
  const command = program
    .command("connect")
    .description("set up a coding agent or another client for this gateway: shows what to set, or writes it")
    .argument("<client>", names)
    .option("--model <model>", "the model it uses; by default one that the gateway serves")
    .option("--key <key>", "a key of the gateway; by default that in TOKLIGENCE_KEY")
    .option("--user <user>", "make a key for this user, with --write")
    .option("--url <url>", "the gateway's address, without a path; by default that on this machine")
    .option("--write", "write the client's files; a file that is there gets a backup beside it")
    .option("--undo", "put back what was there before --write")
    .option("--json", "print JSON")
    .action(async (client: string, options: Options) => {
      await connect(client, options, { admin, load });
    });
  addExamples(command, [
    "tokligence connect codex",
    "tokligence connect claude-code --model gpt-5.1 --user alice --write",
    "tokligence connect codex --undo",
  ]);
}

interface Deps {
  readonly admin: WithAdmin;
  readonly load: () => Promise<LoadedSettings>;
}

async function connect(client: string, options: Options, { admin, load }: Deps): Promise<void> {
  const [{ clients }, { environmentWarnings }] = await Promise.all([import("../connect/clients.ts"), import("../connect/client.ts")]);
  const find = Object.hasOwn(clients, client) ? clients[client] : undefined;
  if (find === undefined)
    throw new Error(`There is no client "${client}" here. Name one of ${names}; any other takes a base URL and a key.`);
  const { homedir } = await import("node:os");
  const at = { env: process.env, home: homedir() };
  if (options.undo === true) {
    await undo(client, find({ ...at, url: "", key: undefined, model: "" }).files, options.json === true);
    return;
  }
  const { findGatewayUrl, findModel, makeKey } = await import("../connect/place.ts");
  const loaded = await load();
  const found = await admin(async (call) => {
    const place = await findGatewayUrl(call, loaded);
    const wantsKey = options.user !== undefined && options.write === true;
    return {
      url: checkUrl(options.url) ?? place.url,
      isRunning: place.isRunning,
      model: options.model ?? (await findModel(call)),
      key: wantsKey ? (await makeKey({ call, user: options.user, name: client })).key : (options.key ?? process.env["TOKLIGENCE_KEY"]),
    };
  });
  const connection = find({ ...at, ...found });
  const warnings = environmentWarnings(client, process.env, found.url);
  if (!found.isRunning && options.url === undefined) warnings.push("The gateway is not running. Start it: tokligence start --background");
  if (options.write === true) await write(client, { connection, key: found.key, warnings }, options);
  else show({ client, connection, warnings, ...found }, options.json === true);
}

function checkUrl(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const url = URL.parse(text);
  if (url === null || !url.protocol.startsWith("http"))
    throw new Error(`--url must be an address as in https://llm.example.com, not "${text}".`);
  return `${url.origin}${url.pathname.replace(/\/+(?:v1\/?)?$/, "")}`;
}

interface ToWrite {
  readonly connection: Connection;
  readonly key: string | undefined;
  readonly warnings: readonly string[];
}

async function write(client: string, { connection, key, warnings }: ToWrite, { json }: Options): Promise<void> {
  const { title, files, variables, steps, needsKey } = connection;
  if (files.length === 0) throw new Error(`${title} has no file to write: \`tokligence connect ${client}\` shows what to set there.`);
  if (needsKey === true && key === undefined)
    throw new Error(`${title} reads the key from its file: give one with --key, or make one with --user NAME.`);
  const { writeClientFiles } = await import("../connect/write-files.ts");
  const written = writeClientFiles(files, await recordFile());
  const exported = client === "codex" || client === "opencode" ? variables : {};
  print(json === true, { client, written, variables: exported, warnings }, () =>
    [
      ...written.map(({ path, backup }) => `Wrote ${path}${backup === null ? "" : `; before: ${backup}`}`),
      ...exportLines(exported),
      `Try it: ${steps[0]}`,
      `To undo it: tokligence connect ${client} --undo`,
      ...warningLines(warnings),
    ].join("\n"),
  );
}

async function undo(client: string, files: readonly ClientFile[], json: boolean): Promise<void> {
  const { undoClientFiles } = await import("../connect/write-files.ts");
  const undone = undoClientFiles(
    files.map(({ path }) => path),
    await recordFile(),
  );
  print(json, { client, undone }, () => undone.map((path) => `${path} is as it was before.`).join("\n"));
}

async function recordFile(): Promise<string> {
  const [{ defaultConfigFolder, findHomeFolder }, { join }] = await Promise.all([import("../config/config-path.ts"), import("node:path")]);
  const folder = defaultConfigFolder(process.env, findHomeFolder());
  if (folder === undefined) throw new Error("There is no home folder. Set HOME, and try again.");
  return join(folder, "connected.json");
}

interface ToShow {
  readonly client: string;
  readonly connection: Connection;
  readonly warnings: readonly string[];
  readonly url: string;
  readonly model: string;
}

function show({ client, connection, warnings, url, model }: ToShow, json: boolean): void {
  const { title, files, variables, steps, page } = connection;
  const texts = files.map(({ path, edit }) => ({ path, text: edit("") }));
  print(json, { client, url, model, files: texts, variables, steps, warnings }, () =>
    [
      `${title}, through ${url} with the model ${model}:`,
      ...texts.flatMap(({ path, text }) => [
        "",
        `${path}:`,
        ...text
          .trimEnd()
          .split("\n")
          .map((line) => `  ${line}`),
      ]),
      ...(Object.keys(variables).length === 0
        ? []
        : [
            "",
            ...(files.length === 0 || client === "codex" || client === "opencode" ? [] : ["or, for one shell:"]),
            ...exportLines(variables),
          ]),
      "",
      ...steps,
      ...(files.length === 0 ? [] : [`To write it: tokligence connect ${client} --write`]),
      `More: docs/${page}`,
      ...warningLines(warnings),
    ].join("\n"),
  );
}

function exportLines(variables: Readonly<Record<string, string>>): string[] {
  return Object.entries(variables).map(([name, value]) => `export ${name}=${value}`);
}

function warningLines(warnings: readonly string[]): string[] {
  return warnings.map((warning) => `warning: ${warning}`);
}
