import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startGateway } from "../e2e/harness.ts";
import { sendRaw, type RawReply } from "../e2e/raw-http.ts";
import { createFaultServer } from "../testbed/fault-server.ts";
import { faults } from "../testbed/faults.ts";
import { waitUntil } from "../testbed/wait-until.ts";
import { dialects } from "./dialects.ts";
import { ask, readReply } from "./observe.ts";

const server = await createFaultServer();
after(() => server.close());
const gateway = await startGateway({
  config: `
limits: { max_in_flight: 2 }
providers:
  p: { protocols: [openai-chat, openai-responses, anthropic-messages, gemini-generate], base_url: "${server.url}", api_key: k }
model_provider_routes: { "gpt-*": p, "claude-*": p, "gemini-*": p }
`,
});
after(() => gateway.stop());
await server.waitForRequests(1);

const gauges = (): Readonly<Record<string, number>> => gateway.gateway.metrics().gauges;

const countActive = (): number => (gauges()["in_flight"] ?? 0) + (gauges()["in_flight_waiting"] ?? 0);

/** Takes all places, and all that wait, by requests that end when `release` is called. */
async function fill(keys: readonly string[]): Promise<{ release: () => Promise<readonly RawReply[]> }> {
  const held = Promise.withResolvers<void>();
  server.use(async (context) => {
    await held.promise;
    return faults.healthy.play(context);
  });
  const dialect = dialects[0]!;
  const replies: Promise<RawReply>[] = [];
  for (const [index, key] of keys.entries()) {
    const headers = ["authorization", `Bearer ${key}`, "content-type", "application/json"];
    replies.push(sendRaw(gateway.url, { path: dialect.path(false), headers, body: dialect.body(false) }));
    await waitUntil("it is served or waits", () => countActive() === index + 1);
  }
  return {
    release: () => {
      held.resolve();
      return Promise.all(replies);
    },
  };
}

test("over limits.max_in_flight every dialect gets its 503 with retry-after at once; lists, health, metrics and the admin API are answered", async () => {
  const callers = [await gateway.createKey("one"), await gateway.createKey("two")];
  const keys = callers.map(({ key }) => key);
  const full = await fill([...keys, ...keys]);
  const rowsBefore = (await gateway.rows()).length;
  for (const dialect of dialects) {
    for (const stream of [false, true]) {
      const { status, how, headers, error } = await ask(gateway, keys[0]!, dialect, stream);
      const shown = [status, how, headers["retry-after"], error?.message];
      assert.deepEqual(
        shown,
        [503, "error", "1", "The gateway serves as many requests as it may (limits.max_in_flight). Try again soon."],
        dialect.id,
      );
      // An SDK sends it again.
      assert.equal(headers["x-should-retry"], undefined);
    }
  }
  for (const path of ["/health", "/metrics", "/v1/models", "/api/v1/users"]) {
    const reply = await sendRaw(gateway.url, { method: "GET", path, headers: ["authorization", `Bearer ${gateway.adminKey}`] });
    assert.equal(reply.status, 200, path);
  }
  const served = (await full.release()).map((reply) => readReply(reply, dialects[0]!).how);
  assert.deepEqual(served, ["whole", "whole", "whole", "whole"]);
  await waitUntil("all are over", () => gauges()["in_flight"] === 0);
  assert.deepEqual({ ...gateway.gateway.edge.shed() }, { in_flight: 8, event_loop: 0, memory: 0 });
  // What is refused has not been asked of anybody.
  assert.equal((await gateway.rows()).length - rowsBefore, 4);
});
