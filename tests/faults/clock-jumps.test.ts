import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { systemClock } from "../../src/core/index.ts";
import type { Caller, TestGateway } from "../e2e/harness.ts";
import { startGateway } from "../e2e/harness.ts";
import type { FaultServer } from "../testbed/fault-server.ts";
import { createFaultServer } from "../testbed/fault-server.ts";
import { sendHealthy } from "../testbed/fault-wire.ts";
import { PROTOCOLS } from "../testbed/scenario.ts";
import { dialects } from "./dialects.ts";
import { ask, isSound } from "./observe.ts";

const hourMs = 3_600_000;
let server: FaultServer;
let gateway: TestGateway;
/** The wall clock is wrong by this time; monotonic time goes on as ever. */
let jumpedMs = 0;
before(async () => {
  server = await createFaultServer();
  const provider = (name: string, more = ""): string =>
    `  ${name}: { protocols: [${name.replace(/^\w+_/, "")}], api_key: k, base_url: "${server.url}${name.includes("openai") ? "/v1" : ""}", models: [${name}-m] ${more} }\n`;
  gateway = await startGateway({
    clock: { now: () => systemClock.now() + jumpedMs, monotonic: () => systemClock.monotonic() },
    config: `providers:\n${PROTOCOLS.map((name) => provider(name)).join("")}routing: { retries: 0 }\nlimits: { default: { requests_per_minute: 10, requests_per_day: 1000 } }\n`,
  });
  await server.waitForRequests(PROTOCOLS.length);
});
after(async () => {
  await gateway.stop();
  await server.close();
});

async function rowsOf(
  caller: Caller,
): Promise<readonly { readonly status: string; readonly duration_ms: number | null; readonly ttft_ms: number | null }[]> {
  const rows = (await gateway.rows()).filter(({ user_id: id }) => id === caller.user.id);
  for (const row of rows) assert.ok(isSound(row), JSON.stringify(row));
  return rows;
}

for (const [what, stepMs] of [
  ["forward", hourMs],
  ["back", -hourMs],
] as const) {
  test(`the clock jumps an hour ${what} during requests: they are answered, and no duration is negative or an hour long`, async () => {
    const caller = await gateway.createKey(`jump-${what}`);
    jumpedMs = 0;
    server.use(async (context) => {
      jumpedMs += stepMs / 8;
      await sendHealthy(context);
    });
    const seen = await Promise.all(
      dialects.flatMap((dialect) => [false, true].map((stream) => ask(gateway, caller.key, dialect, stream, "hi", `${dialect.id}-m`))),
    );
    assert.equal(jumpedMs, stepMs);
    assert.deepEqual(new Set(seen.map(({ how }) => how)), new Set(["whole"]));
    const rows = await rowsOf(caller);
    assert.equal(rows.length, seen.length);
    for (const { status, duration_ms: ms, ttft_ms: firstMs } of rows) {
      assert.equal(status, "ok");
      assert.ok(ms !== null && ms < 60_000 && (firstMs ?? 0) <= ms, `${ms} ${firstMs}`);
    }
  });

  test(`the clock jumps an hour ${what}: a limit that was reached is still reached`, async () => {
    const caller = await gateway.createKey(`limit-${what}`);
    jumpedMs = 0;
    server.use("healthy");
    const [chat] = dialects;
    const request = () => ask(gateway, caller.key, chat!, false, "hi", "openai-chat-m");
    const before = await Promise.all(Array.from({ length: 14 }, request));
    assert.ok(before.filter(({ status }) => status === 200).length <= 11);
    jumpedMs = stepMs;
    const { status, headers } = await request();
    assert.equal(status, 429);
    assert.ok(Number(headers["retry-after"]) <= 60, String(headers["retry-after"]));
  });
}

test("a target that asked to be left alone for a minute is not asked an hour later by the clock alone", async () => {
  const caller = await gateway.createKey("cooling");
  jumpedMs = 0;
  const [chat] = dialects;
  server.use({ fault: "429-retry-seconds", retryAfterSeconds: 60 });
  assert.equal((await ask(gateway, caller.key, chat!, false, "hi", "openai-chat-m")).status, 429);
  const known = server.requests.length;
  jumpedMs = hourMs;
  const again = await ask(gateway, caller.key, chat!, false, "hi", "openai-chat-m");
  assert.deepEqual([again.status, server.requests.length], [429, known]);
});
