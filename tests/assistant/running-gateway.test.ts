import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openAdmin } from "../../src/app/admin.ts";
import { openSession, type SessionOptions } from "../../src/app/assistant/session.ts";
import { loadSettings } from "../../src/app/config/index.ts";
import { Daemon } from "../../src/app/library/daemon.ts";
import { withMockUpstream } from "../e2e/harness.ts";
import { createMockUpstream } from "../testbed/mock-upstream.ts";
import { calls, says } from "./world.ts";

test("the running gateway answers, with a key that is revoked at the end, and reads a changed configuration", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "tokligence-chat-"));
  const mock = await createMockUpstream({ validate: false });
  const path = join(folder, "config.yaml");
  await writeFile(path, withMockUpstream(mock.url, `database: { path: "${join(folder, "gateway.db")}" }`), { mode: 0o600 });
  const daemon = new Daemon({ config: path, host: "127.0.0.1", port: 0 });
  const started = await daemon.start();
  t.after(async () => {
    await daemon.stop();
    await mock.close();
    await rm(folder, { recursive: true, force: true });
  });
  assert.equal(started.status, "running");
  const options: SessionOptions = {
    place: { path },
    model: "claude-mock",
    env: {},
    isYes: true,
    isReadOnly: false,
    detect: () => Promise.resolve([]),
    approve: () => Promise.resolve(false),
    showOnce: () => {},
  };
  const session = await openSession(options);
  const port = started.status === "running" ? started.port : 0;
  assert.equal(session.chosen!.way, `through the running gateway on port ${port}, which sends it to anthropic`);
  const change = { changes: [{ setting: "model_aliases.best", value: "claude-mock" }] };
  mock.enqueue(calls(["config_set", change]), says("It is set."));
  const { answer } = await session.conversation!.ask("make best an alias of claude-mock");
  assert.equal(answer, "It is set.");
  // The gateway asks for lists of models when its configuration has changed.
  assert.equal(mock.requests.findLast(({ method }) => method === "POST")!.url, "/v1/messages");
  await session.close();

  const { call, close } = await openAdmin(loadSettings({ path }));
  assert.equal((await call("routes.list")).model_aliases["best"], "claude-mock");
  const keys = (await call("keys.list")).data.filter(({ name }) => name === "assistant");
  assert.deepEqual(
    keys.map(({ username, role, revoked_at }) => [username, role, revoked_at !== null]),
    [["admin", "user", true]],
  );
  await close();
  await assert.rejects(openSession({ ...options, model: "no-such-model" }), {
    message: 'No provider serves the model "no-such-model". `tokligence route explain no-such-model` says why.',
  });
  const last = await openSession(options);
  mock.enqueue(says("Good night."));
  assert.equal((await last.conversation!.ask("good night")).answer, "Good night.");
  await daemon.stop();
  // A conversation ends in order although its gateway is gone.
  await last.close();
});
