import assert from "node:assert/strict";
import { mkdir, readFile, readdir, stat, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, test } from "node:test";
import { withMockUpstream } from "../e2e/harness.ts";
import { sendRaw } from "../e2e/raw-http.ts";
import { createMockUpstream } from "../testbed/mock-upstream.ts";
import { spawnStart } from "./foreground.ts";
import { createHome, endBy } from "./processes.ts";
import { waitUntil } from "../testbed/wait-until.ts";

const keyPattern = /tok_[\w-]{20,}/g;

/** Names and modes of all files and folders under a place. */
async function modesIn(place: string): Promise<Record<string, string>> {
  const modes: Record<string, string> = {};
  for (const name of ["", ...(await readdir(place))]) modes[name] = ((await stat(join(place, name))).mode & 0o777).toString(8);
  return modes;
}

// Each in a home of its own; most of the time is waiting for processes.
describe("starting", { concurrency: 3 }, () => {
  test("the first start writes a configuration and prints a key, the next one does neither", async (t) => {
    const home = await createHome();
    t.after(() => home.clear());
    const { code, stdout } = await endBy(await home.start(), "SIGTERM");
    assert.equal(code, 0);
    assert.equal(stdout.match(keyPattern)?.length, 1);
    const again = await home.start();
    assert.equal(again.api_key, null);
    for (const [name, mode] of Object.entries(await modesIn(home.place)))
      assert.equal(mode, name === "" || name.endsWith(".db.journal") ? "700" : "600", name);
    await endBy(again, "SIGTERM");
    assert.deepEqual((await readdir(home.place)).toSorted(), ["config.yaml", "gateway.db", "gateway.lock", "gateway.log"]);
  });

  test("a first start in the background prints the key, too; status, a second start, restart and stop tell the truth", async (t) => {
    const home = await createHome();
    t.after(() => home.clear());
    await home.writeConfig("gateway: { port: 0 }\n");
    const started = await home.daemon("start", "--background");
    assert.equal(started.code, 0, started.stderr);
    const [key] = started.stdout.match(keyPattern) ?? [];
    assert.ok(key !== undefined, `the first key: ${started.stdout}`);
    const running = await home.daemon("status");
    const [, pid, servedPort] = /^running \(pid (\d+)\) on port (\d+), up \d+ s\n$/.exec(running.stdout)!;
    const status = { pid: Number(pid), port: Number(servedPort) };
    // The same screen as in the foreground, but for how it is ended.
    const shown = ["providers", "Try it:", `on http://localhost:${status.port}\n`, "log ", "It runs in the background"];
    for (const part of shown) assert.ok(started.stdout.includes(part), `${part}: ${started.stdout}`);
    assert.doesNotMatch(started.stdout, /Ctrl-C/);
    const { status: http, body } = await sendRaw(`http://127.0.0.1:${status.port}`, {
      path: "/v1/chat/completions",
      headers: ["authorization", `Bearer ${key}`, "content-type", "application/json"],
      body: '{"model": "loopback", "messages": [{"role": "user", "content": "Hello"}]}',
    });
    assert.equal(http, 200, body.toString());
    assert.match(body.toString(), /Hello/);
    // Every command reports the running daemon, and a second one is not started.
    const second = await home.daemon("start", "--port", "0");
    assert.equal(second.code, 1);
    assert.match(second.stderr, new RegExp(`running on this database already \\(pid ${status.pid}, port ${status.port}\\)`));
    assert.equal(second.stderr.trim().split("\n").length, 1);
    const third = await home.daemon("start", "--background", "--port", "1");
    const hint = "\nTo serve another port: tokligence-daemon restart --port 1\n";
    assert.deepEqual([third.code, third.stderr], [0, ""]);
    assert.match(third.stdout, new RegExp(`^already running \\(pid ${status.pid}\\) on port ${status.port}, up \\d+ s${hint}$`));

    // A restart on another port, and the end.
    const free = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => free.once("listening", resolve));
    const { port } = free.address() as AddressInfo;
    await new Promise((resolve) => free.close(resolve));
    const restarted = await home.daemon("restart", "--port", String(port), "--json");
    assert.equal(restarted.code, 0, restarted.stderr);
    const moved = JSON.parse(restarted.stdout) as { port: number; pid: number; api_key?: string };
    assert.deepEqual([moved.port, moved.pid === status.pid, moved.api_key], [port, false, undefined]);
    // What it was started with holds on.
    const now = JSON.parse((await home.daemon("restart", "--json")).stdout) as { port: number; pid: number };
    assert.deepEqual([now.port, now.pid === moved.pid], [port, false]);
    const stopped = await home.daemon("stop");
    assert.deepEqual([stopped.code, stopped.stdout], [0, `stopped (pid ${now.pid})\n`]);
    const after = await home.daemon("status");
    assert.deepEqual([after.code, after.stdout, after.stderr], [3, "stopped\n", ""]);
    assert.deepEqual(await home.daemon("stop"), { code: 0, stdout: "not running\n", stderr: "" });
    assert.equal(home.rows().length, 1);
  });

  test("a foreground start prints a curl command whose every part is right, and warns of a variable of the environment that is no setting", async (t) => {
    const home = await createHome();
    t.after(() => home.clear());
    await home.writeConfig("gateway: { port: 0 }\n");
    const screen = await spawnStart(home, { TOKLIGENCE_GATEWAY_PROT: "99" });
    const url = /curl (\S+)/.exec(screen.text)![1]!;
    const key = /authorization: Bearer (\S+)"/.exec(screen.text)![1]!;
    const body = /-d '(.*)'/.exec(screen.text)![1]!;
    const reply = await sendRaw(new URL(url).origin, {
      path: new URL(url).pathname,
      headers: ["authorization", `Bearer ${key}`, "content-type", "application/json"],
      body,
    });
    assert.equal(reply.status, 200, reply.body.toString());
    assert.equal(new Set(screen.text.match(keyPattern)).size, 1);
    assert.equal((await screen.end()).code, 0);
    const warning = "TOKLIGENCE_GATEWAY_PROT: no setting has this name in the environment; did you mean TOKLIGENCE_GATEWAY_PORT?";
    assert.ok(screen.text.includes(`\n  warning: ${warning}\n`), screen.text);
    assert.ok((await home.log()).includes(warning));
  });

  test("a port that is taken is said so, in the foreground and in the background", async (t) => {
    const home = await createHome();
    t.after(() => home.clear());
    const taker = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => taker.once("listening", resolve));
    t.after(() => taker.close());
    const { port } = taker.address() as AddressInfo;
    await home.writeConfig("gateway: { host: 127.0.0.1 }\n");
    const pattern = new RegExp(`Port ${port} on 127\\.0\\.0\\.1 is taken`);
    const [front, back] = [
      await home.daemon("start", "--port", String(port)),
      await home.daemon("start", "--background", "--port", String(port)),
    ];
    assert.equal(front.code, 1);
    assert.match(front.stderr, pattern);
    assert.equal(front.stderr.trim().split("\n").length, 1);
    assert.equal(back.code, 1);
    assert.match(back.stderr, pattern);
    assert.equal((await home.daemon("status")).code, 3);
  });

  test("what a killed daemon leaves behind does not keep the next one from starting", async (t) => {
    const home = await createHome();
    t.after(() => home.clear());
    const first = await home.start();
    await endBy(first, "SIGKILL");
    const left = await readdir(home.place);
    assert.ok(left.includes("gateway.pid") && left.includes("gateway.sock"), left.join());
    assert.equal((await home.daemon("status")).code, 3);
    // The number in the file is another program's now: this one's.
    await writeFile(join(home.place, "gateway.pid"), `${process.pid}\n`);
    assert.equal((await home.daemon("stop")).stdout, "not running\n");
    const second = await home.start();
    assert.equal(await readFile(join(home.place, "gateway.pid"), "utf8"), `${second.pid}\n`);
    assert.equal((await endBy(second, "SIGINT")).code, 0);
  });

  test("of two starts at once exactly one wins, and the other says why", async (t) => {
    const home = await createHome();
    t.after(() => home.clear());
    await home.writeConfig("gateway: { port: 0 }\n");
    const starts = await Promise.allSettled([home.start(), home.start(), home.start()]);
    const winners = starts.filter((start) => start.status === "fulfilled");
    assert.equal(winners.length, 1);
    for (const start of starts)
      if (start.status === "rejected") assert.match(String(start.reason), /it ended \(1\): .*running on this database already/);
    assert.equal((await endBy(winners[0]!.value, "SIGTERM")).code, 0);
  });

  test("a configuration that cannot be used is refused with file, line and key", async (t) => {
    const home = await createHome();
    t.after(() => home.clear());
    await home.writeConfig("gateway:\n  work_mode: auto\n  port: many\n  prot: 1\n");
    for (const command of [["start"], ["start", "--background"]] as const) {
      const { code, stderr, stdout } = await home.daemon(...command);
      assert.deepEqual([code, stdout], [1, ""], command.join(" "));
      const [first, port, prot, ...rest] = stderr.trim().split("\n");
      assert.equal(first, "tokligence-daemon: the configuration has 2 errors:");
      assert.match(port!, /^ {2}\/.*config\.yaml:3: gateway\.port: found "many", allowed a whole number from 0 to 65535$/);
      assert.match(prot!, /^ {2}\/.*config\.yaml:4: gateway\.prot: found an unknown key \(did you mean port\?\)/);
      assert.deepEqual(rest, []);
    }
    const stop = await home.daemon("stop");
    assert.deepEqual([stop.code, stop.stdout], [0, "not running\n"]);
    assert.match(stop.stderr, /^tokligence-daemon: warning: .*config\.yaml:3: /);
  });

  test("a log file that cannot be written is a warning, and the log goes to stderr", async (t) => {
    const home = await createHome();
    t.after(() => home.clear());
    const blocked = join(home.folder, "a-folder.log");
    await mkdir(blocked);
    // The database's folder is made where it is missing.
    const database = join(home.folder, "far", "away", "ledger.db");
    await home.writeConfig(`gateway: { logging: { file: "${blocked}" } }\ndatabase: { path: "${database}" }\n`);
    const running = await home.start();
    const { status } = await sendRaw(running.url.replace("localhost", "127.0.0.1"), { method: "GET", path: "/health" });
    assert.equal(status, 200);
    for (const [name, mode] of Object.entries(await modesIn(join(home.folder, "far", "away"))))
      assert.equal(mode, name === "" || name.endsWith(".db.journal") ? "700" : "600", name);
    const { code, stderr } = await endBy(running, "SIGTERM");
    assert.equal(code, 0);
    const warning = stderr.split("\n").find((line) => line.includes("cannot be written"));
    assert.equal((JSON.parse(warning!) as { level: number; file: string }).level, 40);
    assert.match(stderr, /"serving"/);
  });

  test("a second signal, of either kind, ends it at once", async (t) => {
    const home = await createHome();
    t.after(() => home.clear());
    const mock = await createMockUpstream({ validate: false });
    t.after(() => mock.close());
    await home.writeConfig(withMockUpstream(mock.url));
    const running = await home.start();
    await mock.waitForRequests(4);
    mock.reset();
    mock.enqueue({ text: ["a", "b"], trouble: { kind: "hang", afterPieces: 1 } });
    const cut = sendRaw(running.url.replace("localhost", "127.0.0.1"), {
      path: "/v1/chat/completions",
      headers: ["authorization", `Bearer ${running.api_key}`],
      body: '{"model":"gpt-mock","messages":[],"stream":true}',
    }).then(
      () => "whole",
      () => "broken",
    );
    await mock.waitForRequests(1);
    running.child.kill("SIGTERM");
    await waitUntil("the end has begun", async () => (await home.log()).includes("shutting down"));
    const asked = performance.now();
    const { code } = await endBy(running, "SIGINT");
    assert.equal(code, 130);
    assert.ok(performance.now() - asked < 3000);
    assert.equal(await cut, "broken");
  });
});
