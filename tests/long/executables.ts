import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test, type TestContext } from "node:test";
import { describePe } from "../../scripts/executables/pe.ts";
import { readFixups } from "../../scripts/executables/mach-o.ts";
import { verifySignature } from "../../scripts/executables/sign.ts";
import { waitUntil } from "../testbed/wait-until.ts";
import { writeFigures } from "./figures.ts";

const folder = "build/executables";
const buildMs = 600_000;
const commandMs = 60_000;
const turns = 10;

function buildAll(): Record<string, string> {
  execFileSync(process.execPath, ["scripts/build-executables.ts"], { timeout: buildMs, stdio: ["ignore", "ignore", "inherit"] });
  const names = ["SHA256SUMS", "sbom.cdx.json", "LICENSES.txt"];
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(folder, name), "utf8")]));
}

function homeOf(t: TestContext): string {
  const home = mkdtempSync(join(tmpdir(), "tokligence-executable-"));
  t.after(() => rmSync(home, { recursive: true, force: true, maxRetries: 5 }));
  return home;
}

test("two builds of all platforms are equal; macOS' are signed, and Windows' has no stale certificate", () => {
  const first = buildAll();
  assert.deepEqual(buildAll(), first);
  assert.equal(first["SHA256SUMS"]!.trim().split("\n").length, 5);
  execFileSync("sha256sum", ["--check", "--quiet", "SHA256SUMS"], { cwd: folder });
  for (const name of ["darwin-x64", "darwin-arm64"]) {
    const program = readFileSync(join(folder, `tokligence-${name}`));
    assert.deepEqual({ ...verifySignature(program), pages: 0 }, { identifier: "tokligence", isAdHoc: true, pages: 0 });
    assert.ok(readFixups(program).length > 100_000);
  }
  const { machine, isSigned, resourceBytes } = describePe(readFileSync(join(folder, "tokligence-win32-x64.exe")));
  assert.deepEqual({ machine, isSigned }, { machine: "x64", isSigned: false });
  assert.ok(resourceBytes > 1e6, "the program is a resource");
  const arm = readFileSync(join(folder, "tokligence-linux-arm64"));
  assert.deepEqual([arm.toString("latin1", 1, 4), arm.readUInt16LE(18)], ["ELF", 183]);
  const names = ["linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64", "win32-x64.exe"];
  writeFigures("executables", {
    size_mib: Object.fromEntries(names.map((name) => [name, Math.round(statSync(join(folder, `tokligence-${name}`)).size / 2 ** 20)])),
  });
});

test("with nothing but the executable: start, a request, a user, restart, usage, stop, with workers too", async (t) => {
  for (const workers of ["1", "2"]) {
    const home = homeOf(t);
    const program = join(home, "tokligence");
    symlinkSync(resolve(folder, "tokligence-linux-x64"), program);
    symlinkSync(program, join(home, "tokligenced"));
    const env = { HOME: home, TOKLIGENCE_GATEWAY_WORKERS: workers, TMPDIR: home };
    const run = (...args: readonly string[]): string =>
      execFileSync(program, args, { env, cwd: home, encoding: "utf8", timeout: commandMs });
    assert.equal(run("version"), `${(JSON.parse(readFileSync("package.json", "utf8")) as { version: string }).version}\n`);
    const { url, api_key: key } = JSON.parse(run("start", "--background", "--port", "0", "--json")) as { url: string; api_key: string };
    try {
      for (const step of ["started", "restarted"]) {
        const response = await fetch(`${url}/v1/chat/completions`, {
          method: "POST",
          headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
          body: JSON.stringify({ model: "loopback", messages: [{ role: "user", content: step }] }),
        });
        const { choices } = (await response.json()) as { choices: readonly [{ message: { content: string } }] };
        assert.deepEqual([response.status, choices[0].message.content], [200, step]);
        if (step === "started") assert.match(run("restart"), /^restarted: running/);
      }
      run("user", "create", "alice");
      assert.match(run("usage", "--json"), /"requests": 2/);
      assert.match(execFileSync(join(home, "tokligenced"), ["status"], { env, encoding: "utf8" }), /^running/);
    } finally {
      run("stop");
    }
    assert.equal(spawnSync(join(home, "tokligenced"), ["status"], { env }).status, 3);
  }
});

const qemu = "qemu-aarch64-static";
const armLibraries = "/usr/aarch64-linux-gnu";
const hasArm = spawnSync(qemu, ["--version"]).status === 0 && existsSync(join(armLibraries, "lib/libstdc++.so.6"));
const unable =
  !hasArm &&
  `needs ${qemu} and arm64's libraries (Debian's packages qemu-user-static, libc6-arm64-cross, libstdc++6-arm64-cross, libatomic1-arm64-cross)`;
const emulatedMs = 180_000;

test("the one for Linux arm64 starts, answers, makes a user and stops, under qemu", { skip: unable }, async (t) => {
  const home = homeOf(t);
  const env = { HOME: home, TMPDIR: home, PATH: process.env["PATH"] };
  const emulate = ["-L", armLibraries, resolve(folder, "tokligence-linux-arm64")];
  const run = (...args: readonly string[]): string =>
    execFileSync(qemu, [...emulate, ...args], { env, cwd: home, encoding: "utf8", timeout: emulatedMs });
  assert.equal(run("version"), `${(JSON.parse(readFileSync("package.json", "utf8")) as { version: string }).version}\n`);
  const from = performance.now();
  // In the foreground: a process that is emulated cannot start its own program again.
  const child = spawn(qemu, [...emulate, "--as=tokligence-daemon", "start", "--port", "0", "--json"], {
    env,
    cwd: home,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise<number | null>((done) => child.once("exit", done));
  try {
    let output = "";
    child.stdout.on("data", (data: Buffer) => (output += data.toString()));
    await waitUntil("it serves", () => output.includes("\n"), emulatedMs);
    writeFigures("executables", { arm64_under_qemu_ready_s: Math.round((performance.now() - from) / 100) / 10 });
    const { url, api_key: key } = JSON.parse(output.slice(0, output.indexOf("\n"))) as { url: string; api_key: string };
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: JSON.stringify({ model: "loopback", messages: [{ role: "user", content: "emulated" }] }),
    });
    const { choices } = (await response.json()) as { choices: readonly [{ message: { content: string } }] };
    assert.deepEqual([response.status, choices[0].message.content], [200, "emulated"]);
    run("user", "create", "alice");
    assert.match(run("usage", "--json"), /"requests": 1/);
    child.kill("SIGTERM");
    assert.equal(await ended, 0);
  } finally {
    child.kill("SIGKILL");
    await ended;
  }
});

/** User and system time of one command. */
function cpuMs(program: string, args: readonly string[], env: NodeJS.ProcessEnv): number {
  const script =
    "import os,subprocess,sys; p=subprocess.Popen(sys.argv[1:],stdout=subprocess.DEVNULL); r=os.wait4(p.pid,0)[2]; print((r.ru_utime+r.ru_stime)*1000)";
  return Number(
    execFileSync("python3", ["-c", script, program, ...args], { env: { ...env, PATH: process.env["PATH"] }, encoding: "utf8" }),
  );
}

test("`version` needs little time", (t) => {
  const home = homeOf(t);
  const program = resolve(folder, "tokligence-linux-x64");
  const found = Array.from({ length: turns }, () => cpuMs(program, ["version"], { HOME: home }));
  writeFigures("executables", { version_cpu_ms: Math.round(Math.min(...found)) });
  assert.ok(Math.min(...found) < 60, String(found));
});
