import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { after, before, test } from "node:test";
import OpenAI, { NotFoundError } from "openai";
import type { Response } from "openai/resources/responses/responses";
import { announcementsOver } from "../e2e/both-ways.ts";
import { providerKeys, startGateway, withMockUpstream, type TestGateway } from "../e2e/harness.ts";
import { createMockUpstream, type MockUpstream } from "../testbed/mock-upstream.ts";
import { callAdmin } from "../e2e/call-admin.ts";
import { dialects } from "./dialects.ts";
import { ask } from "./observe.ts";
import { waitUntil } from "../testbed/wait-until.ts";

/** A provider that keeps responses, one that does not, and the built-in model. */
const models = ["gpt-mock", "claude-mock", "loopback"] as const;
/** SQLite waits 5 s for a lock: what is faster has not waited for the database. */
const quickMs = 3000;

let mock: MockUpstream;
let gateway: TestGateway;
let client: OpenAI;
before(async () => {
  mock = await createMockUpstream({ apiKeys: Object.values(providerKeys) });
  gateway = await startGateway({ config: withMockUpstream(mock.url) });
  await announcementsOver(mock, Object.keys(providerKeys).length);
  const { key } = await gateway.createKey("alice");
  client = new OpenAI({ apiKey: key, baseURL: `${gateway.url}/v1`, maxRetries: 0 });
  await client.responses.create({ model: "loopback", input: "the key is known from here on", store: false });
});
after(async () => {
  await gateway.stop();
  await mock.close();
});

/** While another program holds the database's write lock. */
async function locked<T>(run: () => Promise<T>): Promise<T> {
  const other = new DatabaseSync(gateway.database);
  other.exec("begin exclusive");
  const startMs = performance.now();
  try {
    const result = await run();
    const tookMs = performance.now() - startMs;
    assert.ok(tookMs < quickMs, `${Math.round(tookMs)} ms`);
    return result;
  } finally {
    other.exec("rollback");
    other.close();
  }
}

async function streamed(params: { model: string; input: string; previous_response_id?: string }): Promise<Response> {
  return await client.responses.stream(params).finalResponse();
}

test("while the database is locked responses are answered, read, continued and listed; then each is there once", async () => {
  const before = (await gateway.rows()).length;
  const ids = await locked(async () => {
    const made: string[] = [];
    for (const model of models) {
      const whole = await client.responses.create({ model, input: "hi" });
      const next = await streamed({ model, input: "and?", previous_response_id: whole.id });
      assert.deepEqual([whole.status, next.status], ["completed", "completed"], model);
      made.push(whole.id, next.id);
      if (model === "gpt-mock") continue;
      assert.equal((await client.responses.retrieve(next.id)).previous_response_id, whole.id);
      const items = (await client.responses.inputItems.list(next.id, { order: "asc" })).data;
      assert.deepEqual(
        items.map(({ type }) => type),
        ["message", "message", "message"],
      );
    }
    await assert.rejects(client.responses.retrieve("resp_unknown"), NotFoundError);
    return made;
  });
  assert.deepEqual(
    (await gateway.rows()).slice(before).map(({ status }) => status),
    [...ids.map(() => "ok"), "refused"],
  );
  const kept = await gateway.sql("select id from stored_responses");
  assert.deepEqual(kept.map(({ id }) => String(id)).toSorted(), ids.toSorted());
  for (const id of ids) assert.equal((await client.responses.retrieve(id)).id, id);
});

test("while the database is locked a key with a budget is refused within two seconds, in each dialect, and one without is served; then both are", async () => {
  const poor = await gateway.createKey("poor");
  await callAdmin(gateway, "budgets.set", { body: { subject: poor.keyId, period: "total", stop_usd: "1000" } });
  const askAll = (key: string): Promise<readonly unknown[]> =>
    Promise.all(
      dialects.flatMap((dialect) =>
        [false, true].map(async (stream) => {
          const { status, how, error } = await ask(gateway, key, dialect, stream);
          return [status, how, error?.code];
        }),
      ),
    );
  const { key: rich } = await gateway.createKey("rich");
  const whole = Array.from({ length: 8 }, () => [200, "whole", undefined]);
  assert.deepEqual(await askAll(poor.key), whole);
  assert.deepEqual(await askAll(rich), whole);
  const [refused, served] = await locked(() => Promise.all([askAll(poor.key), askAll(rich)]));
  assert.deepEqual(
    refused,
    whole.map(() => [503, "error", "budget_unavailable"]),
  );
  assert.deepEqual(served, whole);
  const [chat] = dialects;
  await waitUntil("the database answers again", async () => (await ask(gateway, poor.key, chat!, false)).status === 200);
  assert.deepEqual(await askAll(poor.key), whole);
});

test("while the database is locked a response in the background runs to its end, and another is cancelled", async () => {
  mock.enqueue({ text: ["Hel", "lo"] }, { text: ["Hel", "lo"], trouble: { kind: "hang", afterPieces: 1 } });
  const [done, cancelled] = await locked(async () => {
    const first = await client.responses.create({ model: "claude-mock", input: "hi", background: true });
    let read = first;
    for (let look = 0; look < 500 && read.status !== "completed"; look++) {
      await new Promise((resolve) => setTimeout(resolve, 2));
      read = await client.responses.retrieve(first.id);
    }
    assert.equal(read.status, "completed");
    const second = await client.responses.create({ model: "claude-mock", input: "hi", background: true });
    assert.equal((await client.responses.cancel(second.id)).status, "cancelled");
    return [first.id, second.id] as const;
  });
  await gateway.rows();
  const kept = await gateway.sql("select status from stored_responses where id in (?, ?) order by status", done, cancelled);
  assert.deepEqual(
    kept.map(({ status }) => status),
    ["cancelled", "completed"],
  );
});

test("while the database is locked an answer whose proofs are kept is not held up", async () => {
  mock.enqueue({ text: ["I look."], reasoning: ["hm"], toolCalls: [{ name: "weather", arguments: { city: "Bern" } }] });
  const tools = [{ type: "function" as const, function: { name: "weather", parameters: { type: "object", properties: {} } } }];
  const answer = await locked(() =>
    client.chat.completions.create({ model: "gemini-mock", messages: [{ role: "user", content: "hi" }], tools }),
  );
  assert.equal(answer.choices[0]?.finish_reason, "tool_calls");
  await gateway.rows();
  assert.equal((await gateway.sql("select sealed from kept_proofs")).length, 1);
});
