import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { test } from "node:test";
import { checkClearing } from "../../src/market/clearing/check.ts";
import { createClearing } from "../../src/market/clearing/clearing.ts";
import { createSqliteStore } from "../../src/store/index.ts";
import { systemClock } from "../../src/core/index.ts";
import { callAdmin } from "./call-admin.ts";
import { startGateway } from "./harness.ts";

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

test("a seller that is started anew settles what it sold before, and sells on to buyers that know its old offers", async () => {
  const config = `market: { listen: "127.0.0.1:${await freePort()}", name: bob }\n`;
  const before = await startGateway({ config });
  const alice = await startGateway({ config: "market: { listen: 127.0.0.1:0, name: alice }\n" });
  try {
    const caller = await alice.createKey();
    await callAdmin(before, "market.share", { body: { model: "loopback", input: "1", output: "2" } });
    const { invite } = await callAdmin(before, "market.invite", { body: { limit: "5" } });
    await callAdmin(alice, "market.join", { body: { invite } });
    const ask = async (): Promise<number> => {
      const reply = await fetch(`${alice.url}/v1/chat/completions`, {
        method: "POST",
        headers: { authorization: `Bearer ${caller.key}`, "content-type": "application/json" },
        body: JSON.stringify({ model: "@bob/loopback", messages: [{ role: "user", content: "Hi" }] }),
      });
      await reply.text();
      return reply.status;
    };
    assert.deepEqual([await ask(), await ask()], [200, 200]);
    await before.drain(1000);
    const after = await startGateway({ config, database: before.database, processes: 1 });
    try {
      await callAdmin(after, "market.status");
      assert.equal(await ask(), 200);
      await alice.drain(1000);
      const peer = (await callAdmin(after, "market.status")).peers[0]!;
      assert.equal(peer.reserved_credits, "0");
    } finally {
      await after.stop();
    }
    const store = await createSqliteStore({ path: before.database, clock: systemClock });
    const state = await createClearing(store, () => Date.now()).readAll();
    await store.close();
    assert.deepEqual(checkClearing(state), []);
    assert.deepEqual(
      // The lease of before the restart was settled without its last acknowledgement, which came later.
      [...state.leases.values()].map(({ state: how, charged, paid }) => [how, charged > 0n, paid === charged]),
      [
        ["settled", true, true],
        ["settled", true, true],
      ],
    );
  } finally {
    await alice.stop();
    await before.stop();
  }
});
