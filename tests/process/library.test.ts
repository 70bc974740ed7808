import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { Daemon, Gateway, GatewayError, loadConfig } from "../../src/app/index.ts";

const folder = mkdtempSync(join(tmpdir(), "tokligence-library-"));
after(() => rmSync(folder, { recursive: true }));
const config = join(folder, "config.yaml");

/** The codes of errors, which programs decide by. */
async function codes(gateway: Gateway): Promise<(string | undefined)[]> {
  const calls = [gateway.createUser("ALICE"), gateway.createApiKey("nobody"), gateway.createUser("a b")];
  const errors = await Promise.allSettled(calls);
  return errors.map((result) => {
    const reason: unknown = result.status === "rejected" ? result.reason : undefined;
    return reason instanceof GatewayError ? reason.code : undefined;
  });
}

test("a program makes users and keys, runs the gateway, calls it, reads usage, and ends it", async () => {
  const gateway = new Gateway({ config });
  assert.deepEqual(await gateway.init(), { created: true, path: config });
  assert.deepEqual(await gateway.init(), { created: false, path: config });
  const settings = loadConfig(config);
  settings.set("database.path", join(folder, "gateway.db"));
  settings.set("gateway.host", "127.0.0.1");
  settings.save();
  assert.equal(loadConfig(config).get("gateway.host", "localhost"), "127.0.0.1");

  const alice = await gateway.createUser("alice", { email: "alice@example.com" });
  assert.equal(alice.email, "alice@example.com");
  const { key } = await gateway.createApiKey(alice.id, { name: "laptop" });
  const daemon = new Daemon({ config, port: 0 });
  assert.deepEqual(await daemon.status(), { status: "stopped" });
  const state = await daemon.start();
  try {
    assert.equal(state.status, "running");
    const port = state.status === "running" ? state.port : 0;
    const answer = await fetch(`http://127.0.0.1:${port}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: JSON.stringify({ model: "loopback", messages: [{ role: "user", content: "Hello" }] }),
    });
    assert.equal(answer.status, 200);
    await answer.arrayBuffer();
    // While it runs, calls go through its control socket: the user list is the daemon's.
    assert.deepEqual(
      (await gateway.listUsers()).map((user) => user.username),
      ["alice", "admin"],
    );
    // The first start makes the admin's key, as it does on the command line.
    const adminKey = state.status === "running" ? state.api_key : undefined;
    const asked = await fetch(`http://127.0.0.1:${port}/api/v1/users`, { headers: { authorization: `Bearer ${adminKey}` } });
    assert.equal(asked.status, 200);
    await asked.arrayBuffer();
    assert.deepEqual(await codes(gateway), ["conflict", "not_found", "invalid_request"]);
  } finally {
    await daemon.stop();
  }
  assert.deepEqual(await daemon.status(), { status: "stopped" });
  const usage = await gateway.getUsage({ userId: "alice" });
  assert.equal(usage.totals.requests, 1);
  assert.equal(usage.totals.input_tokens, 2);
  await assert.rejects(gateway.createApiKey("nobody"), /nobody/);
  assert.deepEqual(await codes(gateway), ["conflict", "not_found", "invalid_request"], "the same without a daemon");
});
