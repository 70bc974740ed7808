import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { endBy, createHome, type Home, type RunningProcess } from "./processes.ts";

let home: Home;
let daemon: RunningProcess;
before(async () => {
  home = await createHome();
  daemon = await home.start();
});
after(async () => {
  await endBy(daemon, "SIGTERM");
  await home.clear();
});

test("run sets the variables for one process, with a key that ends with it, and passes its exit status", async () => {
  const file = join(home.folder, "seen.json");
  const names = "['OPENAI_BASE_URL','ANTHROPIC_BASE_URL','GOOGLE_GEMINI_BASE_URL','OPENAI_API_KEY']";
  const script = `require('fs').writeFileSync(${JSON.stringify(file)},JSON.stringify(${names}.map((name)=>process.env[name])));process.exit(7)`;
  const { code, stderr } = await home.tokligence("run", "--", process.execPath, "-e", script);
  assert.deepEqual([code, stderr], [7, ""]);
  const [openai, anthropic, google, key] = JSON.parse(readFileSync(file, "utf8")) as string[];
  const url = `http://localhost:${daemon.port}`;
  assert.deepEqual([openai, anthropic, google], [`${url}/v1`, `${url}/anthropic`, url]);
  const keys = JSON.parse((await home.tokligence("apikey", "list", "--json")).stdout) as {
    prefix: string;
    role: string;
    revoked_at: string | null;
  }[];
  const made = keys.find(({ prefix }) => key!.startsWith(prefix))!;
  assert.deepEqual([made.role, typeof made.revoked_at], ["user", "string"]);
  const missing = await home.tokligence("run", "--", "no-such-program");
  assert.deepEqual(
    [missing.code, missing.stderr],
    [1, 'tokligence: There is no program "no-such-program". Install it, or give its path.\n'],
  );
});

test("run passes a signal on, and ends as the program does", async () => {
  const script = "process.on('SIGTERM',()=>process.exit(9));console.log('up');setInterval(()=>{},1000)";
  const bin = fileURLToPath(new URL("../../bin/tokligence.js", import.meta.url));
  const args = [bin, "run", "--key", "tok_x", "--", process.execPath, "-e", script];
  const child = spawn(process.execPath, args, {
    env: { PATH: process.env["PATH"], HOME: home.folder, XDG_CONFIG_HOME: join(home.folder, "config") },
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  child.kill("SIGTERM");
  assert.deepEqual(await once(child, "exit"), [9, null]);
});

test("ask prints the answer of a model of the running gateway", async () => {
  const { code, stdout, stderr } = await home.tokligence("ask", "hello", "there", "-m", "loopback");
  assert.deepEqual([code, stderr], [0, ""]);
  assert.match(stdout, /hello there/);
  const { answer, model } = JSON.parse((await home.tokligence("ask", "hi", "-m", "loopback", "--json")).stdout) as Record<string, string>;
  assert.equal(model, "loopback");
  assert.match(answer!, /hi/);
  const bad = await home.tokligence("ask", "hi", "--max-tokens", "x");
  assert.deepEqual([bad.code, bad.stderr], [1, 'tokligence: --max-tokens takes a whole number from 1 up, not "x".\n']);
});

test("connect shows what to set, and writes and undoes it", async () => {
  const shown = await home.tokligence("connect", "codex", "--model", "gpt-5.1");
  assert.match(shown.stdout, new RegExp(`base_url = "http://localhost:${daemon.port}/v1"`));
  assert.match(shown.stdout, /export TOKLIGENCE_KEY=tok_…/);
  assert.deepEqual(await home.tokligence("connect", "claude-code", "--write"), {
    code: 1,
    stdout: "",
    stderr: "tokligence: Claude Code reads the key from its file: give one with --key, or make one with --user NAME.\n",
  });
  const unknown = await home.tokligence("connect", "nobody");
  assert.deepEqual([unknown.code, unknown.stderr.split("\n").length], [1, 2]);
  assert.equal((await home.tokligence("user", "create", "alice")).code, 0);
  const written = await home.tokligence("connect", "claude-code", "--write", "--user", "alice", "--model", "loopback");
  assert.deepEqual([written.code, written.stderr], [0, ""]);
  const file = join(home.folder, ".claude", "settings.json");
  const { env } = JSON.parse(readFileSync(file, "utf8")) as { env: Record<string, string> };
  assert.equal(env["ANTHROPIC_BASE_URL"], `http://localhost:${daemon.port}/anthropic`);
  assert.match(env["ANTHROPIC_AUTH_TOKEN"]!, /^tok_/);
  assert.equal((await home.tokligence("connect", "claude-code", "--undo")).code, 0);
  assert.ok(!existsSync(file));
});
