import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { withMockUpstream } from "../e2e/harness.ts";
import type { NoteOfLoaded } from "../testbed/note-loaded.ts";
import { runtimePaths } from "../../src/app/paths.ts";
import { createHome, type Home } from "./processes.ts";
import { waitUntil } from "../testbed/wait-until.ts";

const note = new URL("../testbed/note-loaded.ts", import.meta.url).href;
const program = fileURLToPath(new URL("../../bin/tokligence-daemon.js", import.meta.url));

/** Starts a daemon, ends it when it says that it serves, and gives what it had loaded. */
async function startAndEnd(t: TestContext, config: string): Promise<NoteOfLoaded> {
  const home = await createHome();
  t.after(() => home.clear());
  await home.writeConfig(config);
  const notes = join(home.folder, "notes");
  await mkdir(notes);
  const env = { PATH: process.env["PATH"] ?? "", HOME: home.folder, XDG_CONFIG_HOME: join(home.folder, "config"), NOTE_LOADED_IN: notes };
  const child = spawn(process.execPath, ["--import", note, program, "start", "--port", "0", "--json"], {
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const limit = setTimeout(() => child.kill("SIGKILL"), 20_000);
  const ended = once(child, "close");
  await Promise.race([once(child.stdout, "data"), ended]);
  child.kill("SIGTERM");
  await ended;
  clearTimeout(limit);
  assert.equal(child.exitCode, 0);
  return JSON.parse(await readFile(join(notes, `${child.pid}.json`), "utf8")) as NoteOfLoaded;
}

/** Nobody listens on this port of the providers. */
const config = withMockUpstream("http://127.0.0.1:9");

test("a start loads nothing before it serves that only a request, a report or another database needs", async (t) => {
  const loaded = await startAndEnd(t, config);
  const packages = new Set(loaded.modules.flatMap((url) => /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1] ?? []));
  // The list is a real one: what a start needs is on it.
  for (const needed of ["kysely", "yaml", "zod"]) assert.ok(packages.has(needed), needed);
  for (const late of ["undici", "@pydantic/genai-prices", "pg", "prom-client", "re2js", "openai", "@anthropic-ai/sdk", "@google/genai"]) {
    assert.ok(!packages.has(late), `${late} is loaded before the gateway serves`);
  }
  assert.equal(loaded.hasInnerUndici, false);
});

/** Runs a command to its end. @returns what it had loaded. */
async function loadedBy(home: Home, program: string, args: readonly string[]): Promise<readonly string[]> {
  const notes = join(home.folder, "notes");
  const env = { PATH: process.env["PATH"] ?? "", HOME: home.folder, XDG_CONFIG_HOME: join(home.folder, "config"), NOTE_LOADED_IN: notes };
  const file = fileURLToPath(new URL(`../../bin/${program}.js`, import.meta.url));
  const child = spawn(process.execPath, ["--import", note, file, ...args], { env, stdio: ["ignore", "ignore", "inherit"] });
  const limit = setTimeout(() => child.kill("SIGKILL"), 20_000);
  await once(child, "close");
  clearTimeout(limit);
  return (JSON.parse(await readFile(join(notes, `${child.pid}.json`), "utf8")) as NoteOfLoaded).modules;
}

test("help, and a command that only asks the running gateway, load no server, no database and no schema of the settings", async (t) => {
  const home = await createHome();
  t.after(() => home.clear());
  const path = join(home.folder, "gateway.db");
  await home.writeConfig(`database: { path: ${path} }\n`);
  await mkdir(join(home.folder, "notes"));
  const answers = createServer((_, response) => {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ status: "running", pid: 1, port: 2, uptime_seconds: 3, dependencies: [], providers: [] }));
  }).listen(runtimePaths(path).socket);
  t.after(() => answers.close());
  await once(answers, "listening");
  for (const [program, ...args] of [
    ["tokligence-daemon", "status"],
    ["tokligence", "status"],
    ["tokligence", "help"],
  ] as const) {
    const modules = await loadedBy(home, program, args);
    const rooms = new Set(modules.flatMap((url) => /\/src\/(\w+)\//.exec(url)?.[1] ?? []));
    const packages = new Set(modules.flatMap((url) => /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1] ?? []));
    const allowed = { rooms: ["app", "core", "ir"], packages: ["commander", "yaml"] };
    const name = `${program} ${args.join(" ")}`;
    assert.deepEqual(
      [...rooms].filter((room) => !allowed.rooms.includes(room)),
      [],
      name,
    );
    assert.deepEqual(
      [...packages].filter((each) => !allowed.packages.includes(each)),
      [],
      name,
    );
    assert.ok(modules.length < 300, `${name}: ${modules.length} modules`);
  }
});

test("what a start has compiled is kept while the gateway runs, so that one that is killed has not lost it", async (t) => {
  const home = await createHome();
  t.after(() => home.clear());
  await home.writeConfig(config);
  const env = { PATH: process.env["PATH"] ?? "", HOME: home.folder, XDG_CONFIG_HOME: join(home.folder, "config"), TMPDIR: home.folder };
  const child = spawn(process.execPath, [program, "start", "--port", "0", "--json"], { env, stdio: "ignore" });
  const ended = once(child, "close");
  try {
    // Several hundred.
    const cached = async (): Promise<number> =>
      (await readdir(join(home.folder, "node-compile-cache"), { recursive: true }).catch(() => [])).length;
    await waitUntil("the cache is written", async () => (await cached()) > 300);
    assert.equal(child.exitCode, null);
  } finally {
    child.kill("SIGKILL");
    await ended;
  }
});
