import assert from "node:assert/strict";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { NoteOfLoaded } from "../testbed/note-loaded.ts";
import { withMockUpstream } from "../e2e/harness.ts";
import type { RawReply } from "../e2e/raw-http.ts";
import { sendRaw } from "../e2e/raw-http.ts";
import type { MockUpstream } from "../testbed/mock-upstream.ts";
import { createMockUpstream } from "../testbed/mock-upstream.ts";
import type { Home, RunningProcess } from "./processes.ts";
import { createHome } from "./processes.ts";
import { waitUntil } from "../testbed/wait-until.ts";

const note = new URL("../testbed/note-loaded.ts", import.meta.url).href;

/** One daemon with two workers for this file: a test at its end ends it. Each of its processes that ends in order leaves a note in its home. */
let mock: MockUpstream;
let home: Home;
let daemon: RunningProcess;
let origin: string;
before(async () => {
  mock = await createMockUpstream({ validate: false });
  home = await createHome({ env: (folder) => ({ NODE_OPTIONS: `--import=${note}`, NOTE_LOADED_IN: folder }) });
  await home.writeConfig(withMockUpstream(mock.url).replace("{ work_mode: auto }", "{ workers: 2 }"));
  daemon = await home.start();
  origin = `http://127.0.0.1:${daemon.port}`;
});
after(async () => {
  await home.clear();
  await mock.close();
});

const answered: string[] = [];

/** On a connection of its own, so that the workers take turns. */
async function ask(key = daemon.api_key!, model = "loopback"): Promise<RawReply> {
  const reply = await sendRaw(origin, {
    path: "/v1/chat/completions",
    headers: ["authorization", `Bearer ${key}`, "content-type", "application/json", "connection", "close"],
    body: JSON.stringify({ model, messages: [{ role: "user", content: "hi" }] }),
  });
  if (reply.status !== 401) answered.push(String(reply.headers["x-request-id"]));
  return reply;
}

async function askMany(count: number): Promise<void> {
  const statuses = await Promise.all(Array.from({ length: count }, async () => (await ask()).status));
  assert.deepEqual([...new Set(statuses)], [200]);
}

/** The processes that have written a line for a request. */
async function servers(): Promise<Map<number, number>> {
  const counts = new Map<number, number>();
  // The last line may be on its way still.
  for (const line of (await home.log()).split("\n").slice(0, -1)) {
    if (!line.includes('"msg":"request"')) continue;
    const { pid } = JSON.parse(line) as { pid: number };
    counts.set(pid, (counts.get(pid) ?? 0) + 1);
  }
  return counts;
}

async function metric(name: string): Promise<number> {
  const { body } = await sendRaw(origin, { method: "GET", path: "/metrics", headers: ["connection", "close"] });
  const lines = body
    .toString()
    .split("\n")
    .filter((line) => line.startsWith(name) && /[ {]/.test(line.charAt(name.length)));
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
}

test("requests are served by both workers, and the metrics of either are those of both", async () => {
  await askMany(20);
  const counts = await waitUntil("both have logged", async () => {
    const seen = await servers();
    return seen.size === 2 && [...seen.values()].reduce((a, b) => a + b, 0) === 20 ? seen : undefined;
  });
  assert.ok(![...counts.keys()].includes(daemon.pid), "the primary serves nothing");
  for (let i = 0; i < 4; i++) assert.equal(await metric("tokligence_requests_total"), 20);
  assert.equal(await metric("tokligence_workers"), 2);
});

test("a limit that a command sets is that of both workers together", async () => {
  const made = await home.tokligence("apikey", "create", "admin", "--json");
  const { id, key } = JSON.parse(made.stdout) as { id: string; key: string };
  assert.equal((await home.tokligence("limit", "set", id, "--rpd", "1000", "--concurrent", "100")).code, 0);
  const left = async (): Promise<unknown> => (await ask(key)).headers["x-ratelimit-remaining-requests"];
  const both = (): Promise<unknown[]> => Promise.all(Array.from({ length: 6 }, left));
  await waitUntil("both know the limit", async () => (await both()).every((value) => value !== undefined));
  const counts: number[] = [];
  for (let request = 0; request < 10; request++) counts.push(Number(await left()));
  // Each request was counted before the next one, whichever worker served it.
  assert.deepEqual(
    counts,
    counts.map((_, index) => counts[0]! - index),
  );
});

test("what one worker learns of a provider's key the other one knows", async () => {
  mock.enqueue({ trouble: { kind: "error", error: { status: 429, headers: { "retry-after": "60" } } } });
  const first = (await ask(undefined, "claude-mock")).status;
  await waitUntil("both leave the key alone", async () => {
    const before = mock.requests.length;
    const statuses = await Promise.all(Array.from({ length: 6 }, async () => (await ask(undefined, "claude-mock")).status));
    return statuses.every((status) => status === 429) && mock.requests.length === before;
  });
  assert.equal(first, 429);
});

test("a key that a command revokes is refused by all workers within a second", async () => {
  const made = await home.tokligence("apikey", "create", "admin", "--json");
  const { id, key } = JSON.parse(made.stdout) as { id: string; key: string };
  for (let i = 0; i < 4; i++) assert.equal((await ask(key)).status, 200);
  assert.equal((await home.tokligence("apikey", "revoke", id)).code, 0);
  const refused = async (): Promise<boolean> => {
    const statuses = await Promise.all(Array.from({ length: 6 }, async () => (await ask(key)).status));
    return statuses.every((status) => status === 401);
  };
  await waitUntil("all refuse", refused, 1000);
});

test("a worker that is killed: the other goes on, a new one comes, and the counts do not go back", async () => {
  const [victim, other] = [...(await servers()).keys()];
  const before = await metric("tokligence_requests_total");
  // The new worker is given the configuration that is in use, not what lies in the file by then.
  const path = join(home.place, "config.yaml");
  const good = await readFile(path, "utf8");
  await writeFile(path, "gateway: { workers: [\n");
  process.kill(victim!, "SIGKILL");
  const death = /"restart_in_ms":(\d+),"msg":"a worker died; the others go on"/;
  const [, pauseMs] = await waitUntil("its death is logged", async () => death.exec(await home.log()));
  assert.equal(pauseMs, "200");
  // Whether the new one is there yet or not.
  await askMany(10);
  const now = await waitUntil("a new worker serves", async () => {
    await askMany(2);
    return [...(await servers()).keys()].find((pid) => pid !== victim && pid !== other);
  });
  assert.notEqual(now, daemon.pid);
  // A worker that is too busy to report its counts in time is missing in one answer.
  await waitUntil("both are counted", async () => (await metric("tokligence_workers")) === 2);
  await writeFile(path, good);
  await waitUntil("the counts went on", async () => (await metric("tokligence_requests_total")) > before);
});

test("a pid file that is removed is written again, and either worker's health says so", async () => {
  await rm(join(home.place, "gateway.pid"));
  const states = async (): Promise<string[]> => {
    const asked = Array.from({ length: 4 }, async () => {
      const { body } = await sendRaw(origin, { method: "GET", path: "/health", headers: ["connection", "close"] });
      const { dependencies } = JSON.parse(body.toString()) as { dependencies: { name: string; state: string; message: string | null }[] };
      const files = dependencies.find(({ name }) => name === "files");
      return `${files?.state} ${/the pid file .* was removed/.test(files?.message ?? "")}`;
    });
    return [...new Set(await Promise.all(asked))];
  };
  await waitUntil("both say it", async () => (await states()).join() === "degraded true", 5000);
  assert.equal(await readFile(join(home.place, "gateway.pid"), "utf8").then(Number), daemon.pid);
});

test("connections that a worker was given and has not taken when it is killed are served by another one", async () => {
  const now = await waitUntil("two workers serve", async () => {
    await askMany(4);
    const recent = [...(await servers()).keys()].filter((pid) => isAlive(pid));
    return recent.length === 2 ? recent : undefined;
  });
  // A stopped process is given connections, and does nothing with them.
  process.kill(now[0]!, "SIGSTOP");
  const before = answered.length;
  const replies = Promise.all(Array.from({ length: 10 }, async () => (await ask()).status));
  await waitUntil("all but one are answered", () => answered.length === before + 9);
  process.kill(now[0]!, "SIGKILL");
  assert.deepEqual([...new Set(await replies)], [200]);
});

test("SIGTERM drains both workers, exits with 0, and every answered request is in the database once", async () => {
  mock.reset();
  let release: () => void = () => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  const hang = { text: ["slow ", "but ", "whole"], trouble: { kind: "hang", afterPieces: "headers", until: released } } as const;
  mock.enqueue(hang, hang, hang, hang);
  const slow = Promise.all(Array.from({ length: 4 }, () => ask(undefined, "gpt-mock")));
  await mock.waitForRequests(4);
  daemon.child.kill("SIGTERM");
  await waitUntil("new connections are refused", () => isRefused(daemon.port));
  release();
  for (const { status, body } of await slow) {
    assert.equal(status, 200);
    assert.match(body.toString(), /slow but whole/);
  }
  const { code, stderr } = await daemon.ended;
  assert.deepEqual([code, stderr], [0, ""]);
  const ids = home.rows().map((row) => row.request_id);
  assert.equal(new Set(ids).size, ids.length);
  assert.deepEqual(
    answered.filter((id) => !ids.includes(id)),
    [],
  );
  assert.equal(ids.length, answered.length);
});

test("all processes of the gateway took their compiled code from Node's cache", async () => {
  const names = (await readdir(home.folder)).filter((name) => /^\d+\.json$/.test(name));
  const notes = names.map(async (name) => JSON.parse(await readFile(join(home.folder, name), "utf8")) as NoteOfLoaded);
  const found = (await Promise.all(notes)).map(({ compileCache }) => compileCache);
  // The primary, and one worker at least: the other one may have been started just before the end.
  assert.ok(names.includes(`${daemon.pid}.json`) && names.length >= 2, names.join());
  assert.ok(!found.includes(false));
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function isRefused(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("connect", () => {
      socket.destroy();
      resolve(false);
    });
    socket.on("error", () => resolve(true));
  });
}
