import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { readVersion } from "../../src/app/self.ts";
import { withMockUpstream } from "../e2e/harness.ts";
import { sendRaw } from "../e2e/raw-http.ts";
import { createMockUpstream } from "../testbed/mock-upstream.ts";

const home = mkdtempSync(join(tmpdir(), "tokligence-node-"));
after(() => rmSync(home, { recursive: true }));

/** The Node that a shell on this machine has, which may be too old for the sources; npm puts the project's own before it. */
const folders = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => !folder.includes("node_modules"));
const machineNode = folders.map((folder) => join(folder, "node")).find((file) => existsSync(file)) ?? process.execPath;

function run(command: string, ...args: string[]): { status: number | null; out: string; err: string } {
  const bin = fileURLToPath(new URL(`../../bin/${command}.js`, import.meta.url));
  const env = { PATH: folders.join(delimiter), HOME: home };
  const { status, stdout, stderr } = spawnSync(machineNode, [bin, ...args], { env, encoding: "utf8", timeout: 20_000 });
  return { status, out: stdout, err: stderr };
}

test("the commands of a clone run from a shell whose Node is the machine's own", () => {
  assert.deepEqual(run("tokligence", "version"), { status: 0, out: `${readVersion()}\n`, err: "" });
  const made = run("tokligence", "user", "create", "alice", "--json");
  assert.deepEqual([made.status, (JSON.parse(made.out) as { username: string }).username], [0, "alice"]);
  const refused = run("tokligence", "user", "create", "alice");
  assert.equal(refused.status, 1);
  assert.match(refused.err, /^tokligence: .*alice.*\n$/);
  assert.deepEqual(run("tokligence-daemon", "status"), { status: 3, out: "stopped\n", err: "" });
});

test("Ctrl-C, which a terminal sends to the launcher and its child, lets the answer under way end", async (t) => {
  const mock = await createMockUpstream({ validate: false });
  const place = join(home, ".config", "tokligence");
  mkdirSync(place, { recursive: true, mode: 0o700 });
  writeFileSync(join(place, "config.yaml"), withMockUpstream(mock.url), { mode: 0o600 });
  const bin = fileURLToPath(new URL("../../bin/tokligence-daemon.js", import.meta.url));
  const env = { PATH: folders.join(delimiter), HOME: home };
  // A process group of its own, as a shell makes one for each command.
  const child = spawn(machineNode, [bin, "start", "--port", "0"], { env, detached: true, stdio: ["ignore", "pipe", "inherit"] });
  const limit = setTimeout(() => process.kill(-child.pid!, "SIGKILL"), 20_000);
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  t.after(async () => {
    await ended;
    clearTimeout(limit);
    await mock.close();
  });
  let screen = "";
  const shown = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => void (screen.includes(text) && resolve());
      child.stdout.on("data", look);
      void ended.then(() => reject(new Error(`it ended: ${screen}`)));
      look();
    });
  child.stdout.on("data", (data: Buffer) => (screen += data.toString()));
  await shown("Ctrl-C ends it.");
  await mock.waitForRequests(4);
  mock.reset();
  const release = Promise.withResolvers<void>();
  mock.enqueue({ text: ["slow ", "but ", "whole"], trouble: { kind: "hang", afterPieces: 2, until: release.promise } });
  const slow = sendRaw(/on (http:\S+)/.exec(screen)![1]!.replace("localhost", "127.0.0.1"), {
    path: "/v1/chat/completions",
    headers: ["authorization", `Bearer ${/tok_[\w-]{20,}/.exec(screen)![0]}`, "content-type", "application/json"],
    body: '{"model":"gpt-mock","messages":[{"role":"user","content":"hi"}],"stream":true}',
  });
  await mock.waitForRequests(1);
  process.kill(-child.pid!, "SIGINT");
  await shown("draining 1 request, Ctrl-C again ends at once\n");
  release.resolve();
  const { status, body } = await slow;
  assert.equal(status, 200);
  assert.match(body.toString(), /whole[^]*data: \[DONE\]\n\n$/);
  assert.equal(await ended, 0);
});
