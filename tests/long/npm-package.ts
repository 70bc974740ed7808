import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { test, type TestContext } from "node:test";
import { promisify } from "node:util";
import { servePackages } from "../testbed/package-registry.ts";
import { writeFigures } from "./figures.ts";

/** The versions of Node that people have: those before 24 run the gateway in the executable that the package brings. Others run it themselves. */
const majors = [18, 20, 22, 24, 26];
const commandMs = 300_000;
/** Asynchronous, as the registry is in this process. */
const run = promisify(execFile);
const buildMs = 900_000;
const packages = "build/packages";
const platforms = ["linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64", "win32-x64"];

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "tokligence-package-"));
  t.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/** Removes `made`, and builds what is published as far as it is missing. @returns the hash of each archive. */
function build(...made: readonly string[]): Record<string, string> {
  for (const folder of [...made, packages]) rmSync(folder, { recursive: true, force: true });
  execFileSync(process.execPath, ["scripts/build-packages.ts"], { timeout: buildMs, stdio: ["ignore", "ignore", "inherit"] });
  const hashOf = (file: string): string => createHash("sha256").update(readFileSync(file)).digest("hex");
  return Object.fromEntries(readdirSync(packages).map((name) => [name, hashOf(join(packages, name))]));
}

/** The folder of a version of Node, from the registry, for PATH. */
function installNode(major: number, folder: string): string {
  const name = `node-${process.platform}-${process.arch}`;
  writeFileSync(join(folder, "package.json"), "{}");
  execFileSync("npm", ["install", "--no-audit", "--no-fund", `${name}@${major}`], { cwd: folder, timeout: commandMs, stdio: "ignore" });
  return join(folder, "node_modules", name, "bin");
}

/** The machine's own folders, without those that npm put before them. */
const ownPath = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => !folder.includes("node_modules"));

async function ask(url: string, key: string): Promise<unknown> {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "loopback", messages: [{ role: "user", content: "hello" }] }),
  });
  const { choices } = (await response.json()) as { readonly choices: readonly [{ readonly message: { readonly content: string } }] };
  return [response.status, choices[0].message.content];
}

const hashes = build("build/npm", "build/executables");

test("two builds are the same packages, without scripts that run at an installation", () => {
  const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { readonly version: string };
  const names = ["tokligence", ...platforms.map((platform) => `tokligence-${platform}`)].map((name) => `${name}-${version}.tgz`);
  assert.deepEqual(Object.keys(hashes).toSorted(), names.toSorted());
  for (const folder of ["build/npm", ...platforms.map((platform) => `build/platforms/${platform}`)]) {
    const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
      readonly scripts?: object;
      readonly dependencies?: object;
    };
    assert.deepEqual([manifest.scripts, manifest.dependencies], [undefined, undefined], folder);
  }
  // Two builds of the executables, which take minutes, are compared by the run of their own.
  assert.deepEqual(build("build/npm"), hashes);
  const sizeOf = (name: string): number => statSync(join(packages, `${name}-${version}.tgz`)).size;
  writeFigures("npm-package", {
    nodes: majors,
    size_kib: Math.ceil(sizeOf("tokligence") / 1024),
    platform_mib: Object.fromEntries(platforms.map((platform) => [platform, Math.round(sizeOf(`tokligence-${platform}`) / 2 ** 20)])),
  });
});

test("npx runs the package under each Node, with the executable of this platform only", async (t) => {
  const registry = await servePackages(packages);
  t.after(() => registry.close());
  const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { readonly version: string };
  for (const major of majors) {
    const home = folderOf(t);
    const env = {
      PATH: [installNode(major, folderOf(t)), ...ownPath].join(delimiter),
      HOME: home,
      npm_config_registry: registry.url,
      npm_config_update_notifier: "false",
    };
    const npx = async (...args: readonly string[]): Promise<string> =>
      (await run("npx", ["--yes", "tokligence", ...args], { env, cwd: home, encoding: "utf8", timeout: commandMs })).stdout;
    assert.equal(await npx("version"), `${version}\n`);
    assert.match(await npx(), /Usage: tokligence [^]*The gateway is not running\./);
    const { url, api_key: key } = JSON.parse(await npx("start", "--background", "--port", "0", "--json")) as {
      url: string;
      api_key: string;
    };
    try {
      assert.deepEqual(await ask(url, key), [200, "hello"]);
      // What is loaded only when it is asked for.
      for (const path of ["/metrics", "/docs/", "/health"]) assert.equal((await fetch(url + path)).status, 200, path);
      await npx("restart");
      assert.deepEqual(await ask(url, key), [200, "hello"]);
      assert.match(await npx(), /The gateway is running/);
      assert.match(await npx("usage", "--json"), /"requests": 2/);
    } finally {
      await npx("stop");
    }
  }
  const own = `${process.platform}-${process.arch}`;
  assert.deepEqual(
    [...new Set(registry.downloads)].toSorted(),
    [`tokligence-${version}.tgz`, `tokligence-${own}-${version}.tgz`].toSorted(),
  );
});

test("a global installation has the four commands; without the executable an old Node names what to install", async (t) => {
  const registry = await servePackages(packages);
  t.after(() => registry.close());
  const nodes = new Map([20, 26].map((major) => [major, installNode(major, folderOf(t))]));
  for (const [major, omit, status] of [
    [20, false, 0],
    [26, true, 0],
    [20, true, 1],
  ] as const) {
    const prefix = folderOf(t);
    const env = {
      PATH: [join(prefix, "bin"), nodes.get(major)!, ...ownPath].join(delimiter),
      HOME: prefix,
      npm_config_registry: registry.url,
      npm_config_prefix: prefix,
    };
    const options = ["install", "--global", "--no-audit", "--no-fund", ...(omit ? ["--omit=optional"] : []), "tokligence"];
    await run("npm", options, { env, cwd: prefix, timeout: commandMs });
    for (const name of ["tokligence", "tgw", "tokligence-daemon", "tokligenced"]) assert.ok(existsSync(join(prefix, "bin", name)), name);
    const found = await run("tokligence-daemon", ["status", "--help"], { env, encoding: "utf8", timeout: commandMs }).then(
      ({ stderr }) => ({ status: 0, stderr }),
      ({ code, stderr }: { code: number; stderr: string }) => ({ status: code, stderr }),
    );
    assert.equal(found.status, status, found.stderr);
    if (status === 1)
      assert.match(
        found.stderr,
        /^tokligence needs Node 24 or later; this is 20\.[\d.]+\. Install Node 24 or later, or the package @tokligence\/[^\n]+\n$/,
      );
  }
});
