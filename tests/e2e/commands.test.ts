import assert from "node:assert/strict";
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { createDaemonProgram } from "../../src/app/cli/daemon-main.ts";
import { createProgram } from "../../src/app/cli/program.ts";
import { listCommands, type CommandInfo } from "../../src/app/cli/registry.ts";
import { runProgram } from "../../src/app/cli/run-program.ts";
import { createControlSender } from "../../src/app/control-client.ts";
import { openControlSocket } from "../../src/app/daemon/control-socket.ts";
import { openLog } from "../../src/app/logging/log.ts";
import { runtimePaths } from "../../src/app/paths.ts";
import { createAdminClient } from "../../src/server/index.ts";
import { badInputs } from "./bad-commands.ts";
import { startGateway, type TestGateway } from "./harness.ts";

const infos = listCommands(createProgram(), createDaemonProgram(""));
const commands = infos.filter(({ isGroup }) => !isGroup);
const nameOf = ({ words }: CommandInfo): string => words.join(" ");
/** In `tokligence` they are the daemon's own, which are in the list as well. */
const isShared = ({ words }: CommandInfo): boolean => words[0] === "tokligence" && ["start", "stop", "restart"].includes(words[1]!);

let folder: string;
let config: string;
let gateway: TestGateway;
let programs: ReadonlyMap<string, Command>;
let closeSocket: () => Promise<void>;
const env = { ...process.env };
before(async () => {
  // A start listens for errors of these as long as its process lives.
  for (const stream of [process.stdout, process.stderr]) stream.setMaxListeners(50);
  folder = mkdtempSync(join(tmpdir(), "tokligence-commands-"));
  mkdirSync(join(folder, "empty"));
  config = join(folder, "config.yaml");
  const text = `database: { path: "${join(folder, "gateway.db")}" }\nproviders: {}\ngateway: { logging: { file: "${join(folder, "gateway.log")}" } }\n`;
  writeFileSync(config, text, { mode: 0o600 });
  // What commands read beside the configuration: settings of clients, keys of providers.
  for (const name of Object.keys(process.env)) if (/_API_KEY$|^TOKLIGENCE_/.test(name)) delete process.env[name];
  Object.assign(process.env, { HOME: folder, XDG_CONFIG_HOME: folder });
  gateway = await startGateway({ config: text, database: join(folder, "gateway.db"), processes: 1 });
  const log = openLog({ level: "error", file: join(folder, "socket.log") });
  const socket = await openControlSocket(gateway.gateway, log, runtimePaths(join(folder, "gateway.db")));
  closeSocket = async () => {
    await socket.close(100);
    log.close();
  };
  programs = new Map([
    ["tokligence", createProgram()],
    ["tokligence-daemon", createDaemonProgram("")],
  ]);
});
after(async () => {
  for (const stream of [process.stdout, process.stderr]) stream.removeAllListeners("error").setMaxListeners(10);
  await closeSocket();
  await gateway.stop();
  Object.assign(process.env, env);
  rmSync(folder, { recursive: true, force: true });
});

interface Outcome {
  readonly code: number;
  readonly stderr: string;
}

async function run(t: TestContext, info: CommandInfo, args: readonly string[], file = config): Promise<Outcome> {
  const [program, ...words] = info.words;
  const texts: string[] = [];
  const stderr = t.mock.method(process.stderr, "write", (text: string) => {
    texts.push(text);
    return true;
  });
  try {
    return { code: await runProgram(programs.get(program!)!, ["--config", file, ...words, ...args]), stderr: texts.join("") };
  } catch (error) {
    return { code: -1, stderr: `it threw ${String(error)}` };
  } finally {
    stderr.mock.restore();
  }
}

/** What is wrong with the end of a command that had to fail: nothing if it is one line that the command begins. */
function faultOf(info: CommandInfo, { code, stderr }: Outcome): string | undefined {
  if (code !== 1) return `exit status ${code}`;
  const [line = "", ...more] = stderr.split("\n");
  if (more.length !== 1 || more[0] !== "") return `not one line: ${JSON.stringify(stderr)}`;
  if (!line.startsWith(`${info.words[0]}: `) || line.length < 20) return `not explained: ${line}`;
  // Words of the runtime, of libraries or of the API, which say nothing of what to do.
  const raw = /\bE[A-Z]{4,}\b|undefined|\[object|at .*\.ts:|JSON at position|Error:|_usd"|ZodError/.exec(line);
  return raw === null ? undefined : `raw words "${raw[0]}": ${line}`;
}

function jsonFaultOf({ code, stderr }: Outcome): string | undefined {
  if (code !== 1 || stderr.split("\n").length !== 2) return `exit status ${code}: ${stderr}`;
  const { error } = JSON.parse(stderr) as { error?: { code?: unknown; message?: unknown } };
  return typeof error?.code === "string" && typeof error.message === "string" ? undefined : stderr;
}

type Case = readonly [info: CommandInfo, args: readonly string[], file?: string];

async function faultsOf(t: TestContext, cases: readonly Case[]): Promise<string[]> {
  const faults: string[] = [];
  for (const [info, args, file] of cases) {
    const shown = `${nameOf(info)} ${args.join(" ")}`;
    const fault = faultOf(info, await run(t, info, args, file));
    if (fault !== undefined) faults.push(`${shown}: ${fault}`);
    if (!info.options.some(({ long }) => long === "--json") || args.includes("--")) continue;
    const jsonFault = jsonFaultOf(await run(t, info, ["--json", ...args], file));
    if (jsonFault !== undefined) faults.push(`${shown} --json: ${jsonFault}`);
  }
  return faults;
}

test("every command has a description, --json, and help that ends with an example of itself", () => {
  const faults = commands.flatMap((info) => {
    const { description, examples, options } = info;
    const own = examples.filter((example) => example.includes(info.words.at(-1)!));
    return [
      ...(description === "" ? [`${nameOf(info)}: no description`] : []),
      ...(own.length === 0 || own.length < examples.length ? [`${nameOf(info)}: examples ${JSON.stringify(examples)}`] : []),
      ...(options.some(({ long }) => long === "--json") ? [] : [`${nameOf(info)}: no --json`]),
    ];
  });
  assert.deepEqual(faults, []);
});

test("a command line that is wrong is refused in one line, and as JSON if that is asked for", async (t) => {
  const cases = commands
    .filter((info) => !isShared(info))
    .flatMap((info): Case[] => {
      const required = info.args.filter(({ isRequired }) => isRequired);
      const given = required.map(() => "x");
      const takesAll = info.args.some(({ isVariadic }) => isVariadic);
      const mandatory = info.options.filter(({ isMandatory }) => isMandatory).flatMap(({ long }) => [long, "x"]);
      const withValue = info.options.find(({ value }) => value?.startsWith("<"));
      return [
        [info, [...given, ...mandatory, "--no-such-option"]],
        ...(required.length === 0 ? [] : [[info, mandatory] satisfies Case]),
        ...(mandatory.length === 0 ? [] : [[info, given] satisfies Case]),
        ...(withValue === undefined ? [] : [[info, [...given, withValue.long]] satisfies Case]),
        ...(takesAll ? [] : [[info, [...given, ...mandatory, ...info.args.map(() => "y"), "z"]] satisfies Case]),
      ];
    });
  // `--json` behind an option that lacks its value is taken for the value.
  const faults = (await faultsOf(t, cases)).filter((fault) => !/--[a-z-]+ --json: /.test(fault) || fault.includes("--no-such-option"));
  assert.deepEqual(faults, []);
});

test("a bad value and a name that does not exist are refused in one line that says what to do", async (t) => {
  const { key } = await gateway.createKey("carl");
  const fill = (word: string): string =>
    word.replace("FOLDER", join(folder, "empty")).replace("CONFIG", config).replace("KEY", key.slice(0, 12));
  const cases = commands.flatMap((info): Case[] => (badInputs[nameOf(info)] ?? []).map((args) => [info, args.map(fill)]));
  assert.deepEqual(await faultsOf(t, cases), []);
  const takesValue = ({ args, options }: CommandInfo): boolean =>
    args.length > 0 || options.some(({ value, long }) => value !== undefined && long !== "--config");
  const anyText = ["tokligence market explain", "tokligence exchange report", "tokligence-daemon install"];
  const missing = commands.filter((info) => takesValue(info) && !isShared(info) && badInputs[nameOf(info)] === undefined).map(nameOf);
  assert.deepEqual(
    missing.filter((name) => !anyText.includes(name)),
    [],
    "bad-commands.ts has no row for it",
  );
});

/** They need no configuration, look at a broken one, or check their arguments first. */
const withoutConfig: ReadonlySet<string> = new Set([
  ...[
    "init",
    "version",
    "status",
    "doctor",
    "chat",
    "ask",
    "logs",
    "connect",
    "completion",
    "restore",
    "reconcile",
    "market join",
    "logout",
  ].map((name) => `tokligence ${name}`),
  ...["import litellm", "import tokligence-go", "import openrouter-usage"].map((name) => `tokligence ${name}`),
  ...["stop", "status", "start", "uninstall"].map((name) => `tokligence-daemon ${name}`),
]);
/** What a command needs before it looks at its configuration. */
const neededArgs: Readonly<Record<string, readonly string[]>> = {
  "tokligence user update": ["x", "--role", "user"],
  "tokligence apikey update": ["x", "--name", "x"],
};

test("without its configuration, and with a broken one, a command says which file and what is wrong", async (t) => {
  const broken = join(folder, "broken.yaml");
  writeFileSync(broken, "gateway: { port: many }\n", { mode: 0o600 });
  const checked = commands.filter((info) => !isShared(info) && !withoutConfig.has(nameOf(info)));
  const faults: string[] = [];
  for (const info of checked) {
    const args = neededArgs[nameOf(info)] ?? [
      ...info.args.filter(({ isRequired }) => isRequired).map(() => "x"),
      ...info.options.filter(({ isMandatory }) => isMandatory).flatMap(({ long }) => [long, "x"]),
    ];
    for (const [file, expected] of [
      [join(folder, "none.yaml"), "none.yaml: there is no such file"],
      [broken, "broken.yaml:1: gateway.port: "],
    ] as const) {
      const outcome = await run(t, info, args, file);
      const fault = faultOf(info, outcome) ?? (outcome.stderr.includes(expected) ? undefined : `not named: ${outcome.stderr}`);
      if (fault !== undefined) faults.push(`${nameOf(info)} ${args.join(" ")}: ${fault}`);
    }
  }
  assert.deepEqual(faults, []);
});

test("a gateway elsewhere that does not answer, and a key that it does not know, are named", async (t) => {
  const list = commands.find((info) => nameOf(info) === "tokligence user list")!;
  const cases: [string, string, RegExp][] = [
    ["http://127.0.0.1:1", "tok_x", /127\.0\.0\.1:1/],
    [gateway.url, "", /There is no key for .* Set TOKLIGENCE_KEY/],
    [gateway.url, "tok_wrong", /key/],
    ["nowhere", "tok_x", /nowhere/],
  ];
  t.after(() => delete process.env["TOKLIGENCE_KEY"]);
  for (const [url, key, expected] of cases) {
    process.env["TOKLIGENCE_KEY"] = key;
    const outcome = await run(t, list, ["--url", url]);
    assert.equal(faultOf(list, outcome), undefined);
    assert.match(outcome.stderr, expected);
  }
});

test("commands that need a running gateway say how to start it", async (t) => {
  const idle = join(folder, "idle.yaml");
  writeFileSync(idle, `database: { path: "${join(folder, "idle.db")}" }\nproviders: {}\n`, { mode: 0o600 });
  for (const line of ["run -- true", "market status", "market invite", "exchange check"]) {
    const info = commands.find(({ words }) => `tokligence ${line} `.startsWith(`${words.join(" ")} `))!;
    const outcome = await run(t, info, line.split(" ").slice(info.words.length - 1), idle);
    assert.equal(faultOf(info, outcome), undefined);
    assert.match(outcome.stderr, /tokligence(-daemon)? start/, line);
  }
});

/** Commands that a page of the documentation shows: in a block of code, at the begin of a line, or between backticks. */
const shown = /(?:^|`|\$\()(?:\$ )?(?:[A-Z_]+=\S+ )*((?:tokligence|tokligence-daemon|tgw) (?:--config \S+ )?[a-z][^`\n]*)/gm;

test("a lost key of an admin is replaced on the machine itself, over the control socket, without a key", async () => {
  const call = createAdminClient(createControlSender(runtimePaths(join(folder, "gateway.db")).socket));
  const { key } = await call("keys.create", { body: { user: "root", role: "admin" } });
  const answer = await fetch(`${gateway.url}/api/v1/users`, { headers: { authorization: `Bearer ${key}` } });
  assert.equal(answer.status, 200);
  await answer.arrayBuffer();
});

test("every command and option that the documentation shows exists, and each command is on the page of commands", () => {
  const root = fileURLToPath(new URL("../../", import.meta.url));
  const pages = ["README.md", "CHANGELOG.md", ...globSync("docs/**/*.md", { cwd: root })];
  const faults: string[] = [];
  let count = 0;
  for (const page of pages) {
    for (const [, line] of readFileSync(join(root, page), "utf8").matchAll(shown)) {
      const [own = ""] = line!
        .replace(/ --config \S+/, "")
        .replace(/^tgw /, "tokligence ")
        .split(/\s#| {3,}| -- |[|;&>]/);
      const words = own.trim().split(/[\s,.:)]+/);
      const info = infos
        .filter(({ words: command }) => command.every((word, index) => words[index] === word))
        .toSorted((a, b) => b.words.length - a.words.length)[0]!;
      count += 1;
      if (info.words.length === 1) faults.push(`${page}: no such command: ${line}`);
      const known = info.options.map(({ long }) => long);
      const unknown = words.filter((word) => /^--[a-z]/.test(word) && !["--help", "--json", ...known].includes(word.replace(/=.*/, "")));
      if (unknown.length > 0) faults.push(`${page}: no such option ${unknown.join(" ")}: ${line}`);
    }
  }
  assert.deepEqual(faults, []);
  assert.ok(count > 200, `${count} commands`);
  const page = readFileSync(join(root, "docs/commands.md"), "utf8");
  assert.deepEqual(
    commands.map(nameOf).filter((name) => !page.includes(`### ${name}\n`)),
    [],
  );
});
