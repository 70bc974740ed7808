import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { writeFigures } from "./figures.ts";
import { waitUntil } from "../testbed/wait-until.ts";

/** The versions of Node that people have: those before 24 run the gateway in the Node that the package brings. Others run it themselves. */
const majors = [18, 20, 22, 24, 26];
const commandMs = 60_000;
const installMs = 300_000;
/** Starts of each kind, by turns. */
const starts = 10;

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "tokligence-package-"));
  t.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

function npm(args: readonly string[], cwd: string): string {
  return execFileSync("npm", [...args, "--no-audit", "--no-fund"], {
    cwd,
    encoding: "utf8",
    timeout: installMs,
    stdio: ["ignore", "pipe", "inherit"],
  });
}

/** @returns the packed package. */
function buildAndPack(into: string): string {
  execFileSync("npm", ["run", "build:bundle"], { timeout: installMs, stdio: ["ignore", "ignore", "inherit"] });
  const packed = JSON.parse(npm(["pack", "--json", "--pack-destination", into], "build/npm")) as [{ readonly filename: string }];
  return join(into, packed[0].filename);
}

const hashOf = (file: string): string => createHash("sha256").update(readFileSync(file)).digest("hex");

/** A user's home, in which commands of the installed package run with one version of Node. */
function createUser(home: string, script: string, node: string) {
  const env = { PATH: process.env["PATH"] ?? "", HOME: home };
  return {
    env,
    command: (...args: readonly string[]): string =>
      execFileSync(node, [script, ...args], { env, cwd: home, encoding: "utf8", timeout: commandMs }),
  };
}

async function ask(url: string, key: string): Promise<unknown> {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "loopback", messages: [{ role: "user", content: "hello" }] }),
  });
  const { choices } = (await response.json()) as { readonly choices: readonly [{ readonly message: { readonly content: string } }] };
  return [response.status, choices[0].message.content];
}

test("the package installs in an empty folder, and answers under each Node; two builds are one package", async (t) => {
  const folder = folderOf(t);
  const first = buildAndPack(folderOf(t));
  const second = buildAndPack(folderOf(t));
  assert.equal(hashOf(first), hashOf(second));
  writeFileSync(join(folder, "package.json"), "{}");
  npm(["install", second], folder);
  const script = join(folder, "node_modules", "tokligence", "bin", "tokligence.cjs");
  const versions: Record<string, string> = {};
  for (const major of majors) {
    const nodes = folderOf(t);
    writeFileSync(join(nodes, "package.json"), "{}");
    const name = `node-${process.platform}-${process.arch}`;
    npm(["install", `${name}@${major}`], nodes);
    const node = join(nodes, "node_modules", name, "bin", "node");
    const user = createUser(folderOf(t), script, node);
    versions[major] = user.command("version").trim();
    assert.match(user.command(), /Usage: tokligence [^]*The gateway is not running\./);
    const { url, api_key: key } = JSON.parse(user.command("start", "--background", "--port", "0", "--json")) as {
      url: string;
      api_key: string;
    };
    try {
      assert.deepEqual(await ask(url, key), [200, "hello"]);
      // What is loaded only when it is asked for.
      for (const path of ["/metrics", "/docs/", "/health"]) assert.equal((await fetch(url + path)).status, 200, path);
      user.command("restart");
      assert.deepEqual(await ask(url, key), [200, "hello"]);
      assert.match(user.command(), /The gateway is running/);
      assert.match(user.command("usage", "--json"), /"requests": 2/);
    } finally {
      user.command("stop");
    }
  }
  assert.deepEqual(new Set(Object.values(versions)).size, 1);
  writeFigures("npm-package", { nodes: majors, size_kib: Math.ceil(readFileSync(second).length / 1024) });
});

interface Ready {
  readonly ms: number;
  /** Of all its threads, until it answers. */
  readonly cpuMs: number;
}

/** In ticks of a hundredth of a second (proc(5)). */
function cpuMsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

async function startOnce(script: string, home: string): Promise<Ready> {
  const from = performance.now();
  const env = { PATH: process.env["PATH"] ?? "", HOME: home };
  const child = spawn(process.execPath, [script, "start", "--port", "0", "--json"], { env, stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.on("data", (data: Buffer) => (output += data.toString()));
  const ended = new Promise((resolve) => child.once("exit", resolve));
  try {
    const line = await waitUntil("it serves", () => (output.includes("\n") ? output.split("\n")[0] : undefined), commandMs);
    const { url } = JSON.parse(line) as { readonly url: string };
    assert.equal((await fetch(`${url}/health/live`)).status, 200);
    return { ms: performance.now() - from, cpuMs: cpuMsOf(child.pid!) };
  } finally {
    child.kill("SIGTERM");
    await ended;
  }
}

const middle = (values: readonly number[]): number => Math.round(values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!);

test("a start of the package is ready sooner than one of the clone", { skip: process.platform !== "linux" }, async (t) => {
  const scripts = { clone: "bin/tokligence-daemon.js", package: "build/npm/bin/tokligence-daemon.cjs" };
  const home = folderOf(t);
  const found: Record<keyof typeof scripts, Ready[]> = { clone: [], package: [] };
  for (let start = 0; start < starts; start++) {
    for (const kind of ["clone", "package"] as const) found[kind].push(await startOnce(scripts[kind], home));
  }
  // The first one fills the compile cache.
  const [clone, bundle] = [found.clone.slice(1), found.package.slice(1)];
  const of = (starts: readonly Ready[]) => ({
    ready_ms: middle(starts.map(({ ms }) => ms)),
    best_ms: Math.round(Math.min(...starts.map(({ ms }) => ms))),
    cpu_ms: middle(starts.map(({ cpuMs }) => cpuMs)),
  });
  writeFigures("npm-package", { start_of_the_clone: of(clone), start_of_the_package: of(bundle) });
  assert.ok(of(bundle).cpu_ms < of(clone).cpu_ms, JSON.stringify([of(clone), of(bundle)]));
});
