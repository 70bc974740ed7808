import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { withMockUpstream } from "../e2e/harness.ts";
import type { RawReply } from "../e2e/raw-http.ts";
import { sendRaw } from "../e2e/raw-http.ts";
import type { MockUpstream } from "../testbed/mock-upstream.ts";
import { createMockUpstream } from "../testbed/mock-upstream.ts";
import type { Home, RunningProcess } from "./processes.ts";
import { createHome } from "./processes.ts";
import { waitUntil } from "../testbed/wait-until.ts";

/** One daemon for this file: the last test ends it. */
let mock: MockUpstream;
let home: Home;
let daemon: RunningProcess;
let origin: string;
before(async () => {
  mock = await createMockUpstream({ validate: false });
  home = await createHome();
  await home.writeConfig(withMockUpstream(mock.url));
  daemon = await home.start();
  origin = `http://127.0.0.1:${daemon.port}`;
  // Every provider has been asked which models it has.
  await mock.waitForRequests(4);
});
after(async () => {
  await home.clear();
  await mock.close();
});

const chat = (model: string, key = daemon.api_key!, stream = false): Promise<RawReply> =>
  sendRaw(origin, {
    path: "/v1/chat/completions",
    headers: ["authorization", `Bearer ${key}`, "content-type", "application/json"],
    body: JSON.stringify({ model, messages: [{ role: "user", content: "hi" }], ...(stream ? { stream: true } : {}) }),
  });

/** Rows that the daemon has to have, asked of it over HTTP. */
let requests = 0;
async function counted(model: string, key?: string): Promise<number> {
  const { status } = await chat(model, key);
  if (status !== 401) requests += 1;
  return status;
}

test("a key that a command makes works at once, and one that a command revokes is refused within a second", async () => {
  const made = await home.tokligence("apikey", "create", "admin", "--name", "second", "--json");
  assert.equal(made.code, 0, made.stderr);
  const { id, key } = JSON.parse(made.stdout) as { id: string; key: string };
  assert.equal(await counted("loopback", key), 200);
  const { code, stdout } = await home.tokligence("apikey", "revoke", id);
  const revokedAt = performance.now();
  assert.deepEqual([code, stdout], [0, `second (${key.slice(0, 8)}…) of admin is revoked.\n`]);
  await waitUntil("the key is refused", async () => (await counted("loopback", key)) === 401, 1000);
  assert.ok(performance.now() - revokedAt < 1000);
  assert.equal(await counted("loopback"), 200);
});

test("reload under load: a valid file is swapped in without a failed request, an invalid one changes nothing and is reported once", async () => {
  const path = join(home.place, "config.yaml");
  const good = await readFile(path, "utf8");
  const over = new AbortController();
  const statuses = new Map<number, number>();
  const load = Array.from({ length: 4 }, async () => {
    while (!over.signal.aborted) {
      const status = await counted("gpt-mock");
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  });
  try {
    for (const name of ["one", "two"]) {
      assert.equal(await counted(`alias-${name}`), 404);
      await writeFile(path, good.replace("model_aliases:", `model_aliases:\n  alias-${name}: gpt-mock`));
      await waitUntil(`alias-${name} is served`, async () => (await counted(`alias-${name}`)) === 200);
    }
    // What one swap brought, the next one took away.
    assert.equal(await counted("alias-one"), 404);
    await writeFile(path, good.replace("work_mode: auto", "work_mode: sometimes"));
    await waitUntil("the fault is logged", async () => (await home.log()).includes("not valid; the old one stays"));
    // Two more looks at the file.
    await new Promise((resolve) => setTimeout(resolve, 1100));
    assert.equal(await counted("alias-two"), 200);
    const faults = (await home.log()).split("\n").filter((line) => line.includes("not valid; the old one stays"));
    assert.equal(faults.length, 1);
    assert.match(faults[0]!, /config\.yaml:2: gateway\.work_mode: found \\"sometimes\\"/);
    const status = await home.daemon("status");
    assert.deepEqual([status.code, status.stderr], [0, ""]);
    assert.match(status.stdout, /^running .*\nreload failed, the settings read before stay in use: .*config\.yaml:2: gateway\.work_mode: /);
    const health = JSON.parse((await sendRaw(origin, { method: "GET", path: "/health" })).body.toString()) as { status: string };
    assert.equal(health.status, "degraded");
    await writeFile(path, good);
    await waitUntil("the first file is back", async () => (await counted("alias-two")) === 404);
  } finally {
    over.abort();
    await Promise.all(load);
  }
  assert.deepEqual([...statuses.keys()], [200], JSON.stringify([...statuses]));
  assert.ok(statuses.get(200)! > 50);
});

test("SIGHUP without a terminal reloads; SIGUSR1 opens no debugger", async () => {
  const reloads = async (): Promise<number> => (await home.log()).split('"configuration reloaded"').length;
  const before = await reloads();
  daemon.child.kill("SIGUSR1");
  daemon.child.kill("SIGHUP");
  await waitUntil("it has reloaded", async () => (await reloads()) === before + 1);
  assert.equal(await counted("loopback"), 200);
  // That nothing was printed, as a debugger does, the last test sees.
});

test("SIGTERM: the active answer ends properly, no new request is admitted, exit 0, and all rows are in the database", async () => {
  mock.reset();
  let release: () => void = () => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  mock.enqueue({ text: ["slow ", "but ", "whole"], trouble: { kind: "hang", afterPieces: 2, until: released } });
  const slow = chat("gpt-mock", undefined, true);
  requests += 1;
  await mock.waitForRequests(1);
  daemon.child.kill("SIGTERM");
  await waitUntil("new connections are refused", () => isRefused(daemon.port));
  assert.equal(daemon.child.exitCode, null);
  release();
  const { status, body } = await slow;
  assert.equal(status, 200);
  assert.match(body.toString(), /whole[^]*data: \[DONE\]\n\n$/);
  const { code, stderr } = await daemon.ended;
  assert.deepEqual([code, stderr], [0, ""]);
  const rows = home.rows();
  assert.equal(rows.length, requests);
  assert.equal(new Set(rows.map((row) => row.request_id)).size, requests);
  assert.deepEqual([rows.at(-1)?.status, rows.at(-1)?.output_tokens], ["ok", mock.requests[0]?.reportedUsage?.output]);
  const log = (await home.log()).trim().split("\n");
  assert.equal(log.filter((line) => line.includes('"msg":"request"')).length, requests, "one line a request");
  for (const line of log) JSON.parse(line);
});

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
