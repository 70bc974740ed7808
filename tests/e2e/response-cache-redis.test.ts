import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createMockUpstream, type MockUpstream } from "../testbed/mock-upstream.ts";
import type { RedisServer } from "../testbed/redis-server.ts";
import { newRedis, withoutRedis } from "../testbed/shared-redis.ts";
import { waitUntil } from "../testbed/wait-until.ts";
import { startGateway, type TestGateway } from "./harness.ts";

let redis: RedisServer;
let upstream: MockUpstream;
let gateways: TestGateway[] = [];

before(async () => {
  if (withoutRedis !== false) return;
  [redis, upstream] = await Promise.all([newRedis(), createMockUpstream()]);
  const config = `
redis: { url: "${redis.url}" }
response_cache: { enabled: true, store: redis }
providers: { openai: { api_key: k, base_url: "${upstream.url}/v1", models: [gpt-5] } }
`;
  const first = await startGateway({ config });
  gateways = [first, await startGateway({ config, database: first.database })];
});
after(async () => {
  for (const gateway of gateways.toReversed()) await gateway.stop();
  await upstream?.close();
  await redis?.close();
});

test(
  "two gateways share answers over Redis, never across users; without Redis each request goes to its provider at once",
  { skip: withoutRedis },
  async () => {
    const [one, other] = gateways as [TestGateway, TestGateway];
    const keys: string[] = [];
    for (const name of ["alice", "bob"]) {
      const { user } = await one.createKey(name);
      keys.push((await one.gateway.accounts.createKey({ user: user.id, cache: "on" })).key);
    }
    const [alice = "", bob = ""] = keys;
    const ask = async (gateway: TestGateway, key: string, stream = false): Promise<string> => {
      const reply = await fetch(`${gateway.url}/v1/chat/completions`, {
        method: "POST",
        headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
        body: JSON.stringify({ model: "gpt-5", messages: [{ role: "user", content: "Grüße" }], stream }),
      });
      const text = await reply.text();
      assert.equal(reply.status, 200, text);
      return `${reply.headers.get("x-tokligence-cache")} ${stream === text.startsWith("data:")}`;
    };
    assert.equal(await ask(one, alice), "miss true");
    await waitUntil("the other gateway finds it", async () => (await ask(other, alice)) === "hit true");
    assert.deepEqual([await ask(other, alice, true), await ask(one, bob)], ["hit true", "miss true"]);
    const hit = (await other.rows()).find(({ from_cache }) => from_cache === 1);
    assert.deepEqual([hit?.lane, Number(hit?.cost_nano_usd), hit?.input_tokens], ["cached", 0, null]);

    await redis.kill();
    const beganMs = performance.now();
    assert.deepEqual([await ask(one, alice), await ask(other, alice)], ["miss true", "miss true"]);
    // Each of them waits for Redis at most 50 ms; the rest is for a slow machine.
    assert.ok(performance.now() - beganMs < 2000);
  },
);
