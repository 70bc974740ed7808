import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, globSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir, homedir } from "node:os";
import { join, resolve } from "node:path";
import { after, test, type TestContext } from "node:test";
import { waitUntil } from "../testbed/wait-until.ts";
import { writeFigures } from "./figures.ts";

/** Versions that the wheel supports, and that are tried if this machine has them. */
const minors = [9, 10, 11, 12, 13];
const buildMs = 600_000;
const commandMs = 120_000;
const interruptAfterMs = 3000;
const snippets = resolve("tests/python");

const shared = mkdtempSync(join(tmpdir(), "tokligence-python-"));
after(() => rmSync(shared, { recursive: true, force: true, maxRetries: 5 }));
const installed = minors.flatMap((minor) => findPython(minor) ?? []);
assert.ok(installed.length > 0, "no Python from 3.9 to 3.13 is installed");

interface Python {
  readonly version: string;
  readonly program: string;
}

function findPython(minor: number): Python | undefined {
  const version = `3.${minor}`;
  const candidates = [...globSync(join(homedir(), `.pyenv/versions/${version}.*/bin/python`)), `python${version}`];
  const program = candidates.find((each) => spawnSync(each, ["--version"]).status === 0);
  return program === undefined ? undefined : { version, program };
}

function buildWheel(): string {
  execFileSync(process.execPath, ["scripts/build-wheel.ts"], { timeout: buildMs, stdio: ["ignore", "ignore", "inherit"] });
  return resolve(globSync("build/wheel/*.whl")[0]!);
}

interface Environment {
  readonly bin: (name: string) => string;
  pip(...args: readonly string[]): void;
}

function createEnvironment({ version, program }: Python): Environment {
  const folder = join(shared, version);
  execFileSync(program, ["-m", "venv", folder], { timeout: commandMs });
  const bin = (name: string): string => join(folder, "bin", name);
  return {
    bin,
    pip(...args) {
      execFileSync(bin("pip"), ["install", "--quiet", "--disable-pip-version-check", ...args], {
        timeout: buildMs,
        stdio: ["ignore", "ignore", "inherit"],
      });
    },
  };
}

/** A home without any configuration. */
function homeOf(t: TestContext): NodeJS.ProcessEnv {
  const home = mkdtempSync(join(tmpdir(), "tokligence-home-"));
  t.after(() => rmSync(home, { recursive: true, force: true, maxRetries: 5 }));
  return { HOME: home, PATH: process.env["PATH"], PYTHONUNBUFFERED: "1" };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((done) => server.once("listening", done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

/** A page's text with another port, as a file. */
function snippet(env: NodeJS.ProcessEnv, name: string, port: number, key = "your-gateway-key"): string {
  const file = join(env["HOME"]!, name);
  writeFileSync(file, readFileSync(join(snippets, name), "utf8").replaceAll("8081", String(port)).replaceAll("your-gateway-key", key));
  return file;
}

const wheel = buildWheel();
const hashOf = (file: string): string => createHash("sha256").update(readFileSync(file)).digest("hex");

test("two builds are one wheel", () => {
  const first = hashOf(wheel);
  assert.equal(hashOf(buildWheel()), first);
  writeFigures("python", { versions: installed.map(({ version }) => version), size_kib: Math.ceil(statSync(wheel).size / 1024) });
});

for (const python of installed) {
  test(`Python ${python.version}: the library, its types, the commands and the set-up of a team`, async (t) => {
    const environment = createEnvironment(python);
    environment.pip(`${wheel}[chat]`, "pytest");
    const env = homeOf(t);
    const run = (name: string, ...args: readonly string[]): string =>
      execFileSync(environment.bin(name), args, { env, cwd: env["HOME"], encoding: "utf8", timeout: commandMs });
    run("pytest", "-q", "-p", "no:cacheprovider", join(snippets, "test_library.py"));
    assert.equal(run("tokligence", "version"), run("python", "-m", "tokligence", "version"));
    assert.match(run("tgw", "chat", "--help"), /Usage: tokligence chat/);
    const pages = readdirSync(join(shared, python.version, "share/man/man1"));
    for (const page of ["tokligence.1", "tokligence-user-create.1", "tokligence-daemon.1"]) assert.ok(pages.includes(page), page);
    assert.match(run("python", snippet(env, "config_snippet.py", 8081)), /^8081 True 8080\n$/);
    const commands = homeOf(t);
    const call = (name: string, ...args: readonly string[]): string =>
      execFileSync(environment.bin(name), args, { env: commands, encoding: "utf8", timeout: commandMs });
    call("tokligence", "init");
    // The assistant is in the package, too: without a model it answers from the documentation.
    assert.match(call("tgw", "chat", "how is a key rotated?"), /rotate/);
    call("tokligenced", "start", "--port", "0", "--background");
    try {
      assert.match(call("tokligence-daemon", "status"), /^running/);
      call("tokligence", "user", "create", "alice", "--email", "alice@example.com");
      assert.match(call("tokligence", "user", "list", "--json"), /alice@example\.com/);
    } finally {
      call("tokligence-daemon", "stop");
    }
    assert.equal(spawnSync(environment.bin("tokligence-daemon"), ["status"], { env: commands }).status, 3);
    await setUpTeam(environment, t);
  });
}

/** The page's program as it is, but for the port, and ended by SIGINT. */
async function setUpTeam(environment: Environment, t: TestContext): Promise<void> {
  const env = homeOf(t);
  const port = await freePort();
  const child = spawn(environment.bin("python"), [snippet(env, "team_setup.py", port)], { env, stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.on("data", (data: Buffer) => (output += data.toString()));
  const ended = new Promise<number | null>((done) => child.once("exit", (code) => done(code)));
  try {
    await waitUntil("the team's gateway runs", () => output.includes("Press Ctrl+C"), commandMs);
    assert.equal((await fetch(`http://127.0.0.1:${port}/health/live`)).status, 200);
    setTimeout(() => child.kill("SIGINT"), interruptAfterMs);
    assert.equal(await ended, 0);
  } finally {
    child.kill("SIGKILL");
  }
  const lines = output.split("\n");
  assert.equal(lines.filter((line) => /^ {2}API Key: tok_[\w-]{43}$/.test(line)).length, 3);
  assert.deepEqual(
    lines.filter((line) => line.startsWith("User: ")),
    ["User: alice", "User: bob", "User: charlie"],
  );
  assert.match(output, new RegExp(`Gateway running on port ${port}\n {3}PID: \\d+\n[^]*Stopping gateway`));
  assert.equal(spawnSync(environment.bin("tokligence-daemon"), ["status"], { env }).status, 3);
}

test("the page's calls with openai 0.28 and with Anthropic's SDK", async (t) => {
  const environment = createEnvironment({ ...installed.at(0)!, version: "sdks" });
  environment.pip(wheel, "openai==0.28", "anthropic");
  // Without a provider both models are the one that repeats its input.
  const env = { ...homeOf(t), TOKLIGENCE_MODEL_ALIASES: "claude-3-sonnet-20240229=loopback,gpt-4=loopback" };
  const run = (name: string, ...args: readonly string[]): string =>
    execFileSync(environment.bin(name), args, { env, encoding: "utf8", timeout: commandMs });
  const started = JSON.parse(run("tokligence", "start", "--background", "--port", "0", "--json")) as { port: number; api_key: string };
  try {
    assert.equal(run("python", snippet(env, "openai_chat.py", started.port, started.api_key)), "Hello!\n");
    assert.equal(run("python", snippet(env, "anthropic_messages.py", started.port, started.api_key)), "Hello\n");
  } finally {
    run("tokligence", "stop");
  }
});

test('`uv add` takes the wheel into a project; `pip install "tokligence[chat]"` and an installation from the source distribution work', (t) => {
  const last = installed.at(-1)!;
  const environment = createEnvironment({ ...last, version: "uv" });
  environment.pip("uv");
  const env = homeOf(t);
  const project = join(env["HOME"]!, "project");
  mkdirSync(project);
  // uv does not read pip's settings, which may name another index.
  const index = spawnSync(environment.bin("pip"), ["config", "get", "global.index-url"], { encoding: "utf8" }).stdout.trim();
  const options = {
    env: { ...process.env, ...env, UV_PYTHON: last.program, ...(index === "" ? {} : { UV_DEFAULT_INDEX: index }) },
    cwd: project,
    encoding: "utf8",
    timeout: buildMs,
  } as const;
  const uv = (...args: readonly string[]): string => execFileSync(environment.bin("uv"), args, options);
  uv("init", "--bare", "--quiet");
  uv("add", "--quiet", wheel);
  const version = `${(JSON.parse(readFileSync("package.json", "utf8")) as { version: string }).version}\n`;
  assert.equal(uv("run", "--quiet", "tokligence", "version"), version);
  assert.match(uv("run", "--quiet", "tgw", "chat", "--help"), /Usage: tokligence chat/);

  const folder = resolve("build/wheel");
  const byName = createEnvironment({ ...last, version: "chat" });
  byName.pip("--find-links", folder, `tokligence[chat]==${version.trim()}`);
  assert.match(execFileSync(byName.bin("tgw"), ["chat", "how is a key rotated?"], { env, encoding: "utf8", timeout: commandMs }), /rotate/);

  execFileSync(process.execPath, ["scripts/build-wheel.ts", "--sdist"], { timeout: buildMs, stdio: ["ignore", "ignore", "inherit"] });
  const fromSource = createEnvironment({ ...installed.at(0)!, version: "sdist" });
  fromSource.pip(resolve(globSync("build/wheel/*.tar.gz")[0]!));
  assert.equal(execFileSync(fromSource.bin("tokligence"), ["version"], { env, encoding: "utf8", timeout: commandMs }), version);
  assert.ok(readdirSync(join(shared, "sdist/share/man/man1")).includes("tokligence.1"));
});

test("mypy and pyright accept the package and a program that uses it, in their strict modes", (t) => {
  const environment = createEnvironment({ ...installed.at(-1)!, version: "types" });
  environment.pip(wheel, "pytest", "mypy", "pyright[nodejs]");
  const env = homeOf(t);
  const options = { env, encoding: "utf8", timeout: commandMs, cwd: env["HOME"] } as const;
  // In a folder of its own, since both check only what is in a project.
  cpSync("python/src/tokligence", join(env["HOME"]!, "src/tokligence"), { recursive: true });
  cpSync(join(snippets, "test_library.py"), join(env["HOME"]!, "src/test_library.py"));
  assert.match(
    execFileSync(environment.bin("mypy"), ["--strict", "src/tokligence", "src/test_library.py"], options),
    /^Success: no issues found in 12/,
  );
  writeFileSync(join(env["HOME"]!, "pyrightconfig.json"), JSON.stringify({ typeCheckingMode: "strict", include: ["src"] }));
  const found = JSON.parse(
    execFileSync(environment.bin("pyright"), ["--pythonpath", environment.bin("python"), "--outputjson"], options),
  ) as {
    readonly summary: { readonly errorCount: number; readonly filesAnalyzed: number };
  };
  assert.deepEqual([found.summary.errorCount, found.summary.filesAnalyzed], [0, 12]);
});

test("`pip install -e .` in python/ runs the clone", (t) => {
  const environment = createEnvironment({ ...installed.at(-1)!, version: "editable" });
  environment.pip("-e", resolve("python"));
  const env = homeOf(t);
  const users = `import tokligence; g = tokligence.Gateway(); g.init(); print(g.create_user("alice")["username"], tokligence.__file__)`;
  const output = execFileSync(environment.bin("python"), ["-c", users], { env, encoding: "utf8", timeout: commandMs });
  assert.equal(output, `alice ${resolve("python/src/tokligence/__init__.py")}\n`);
});
