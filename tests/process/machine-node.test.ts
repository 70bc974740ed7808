import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { readVersion } from "../../src/app/version.ts";

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
