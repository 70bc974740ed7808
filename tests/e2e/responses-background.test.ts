import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, afterEach, before, test } from "node:test";
import OpenAI, { BadRequestError, NotFoundError } from "openai";
import type { Response } from "openai/resources/responses/responses";
import type { UsageRow } from "../../src/ledger/index.ts";
import type { MockUpstream } from "../testbed/mock-upstream.ts";
import { createMockUpstream } from "../testbed/mock-upstream.ts";
import type { Caller, TestGateway } from "./harness.ts";
import { providerKeys, startGateway, withMockUpstream } from "./harness.ts";
import { waitUntil } from "../testbed/wait-until.ts";

const translated = ["claude-mock", "gemini-mock", "org/local-model"] as const;

let mock: MockUpstream;
let gateway: TestGateway;
let caller: Caller;
let client: OpenAI;
/** The clock that the gateway goes by, moved by hand. */
let nowMs = Date.now();
const clock = { now: () => nowMs, monotonic: () => performance.now() };

before(async () => {
  mock = await createMockUpstream({ apiKeys: Object.values(providerKeys) });
  const prices = '\nprices: { claude-mock: { input: "0", output: "100000" } }\n';
  gateway = await startGateway({ config: withMockUpstream(mock.url, prices), clock });
  caller = await gateway.createKey("alice");
  client = sdk(gateway, caller.key);
});
afterEach(() => {
  mock.reset();
});
after(async () => {
  await gateway.stop();
  await mock.close();
});

function sdk({ url }: TestGateway, apiKey: string): OpenAI {
  return new OpenAI({ apiKey, baseURL: `${url}/v1`, maxRetries: 0 });
}

/** Polls until the response is over. */
function ended(of: OpenAI, id: string): Promise<Response> {
  return waitUntil(`${id} is over`, async () => {
    const response = await of.responses.retrieve(id);
    return response.status !== "queued" && response.status !== "in_progress" && response;
  });
}

/** Entries of this user, from a given one on, as what was billed. */
async function billed(from: number): Promise<unknown[]> {
  const rows: readonly UsageRow[] = (await gateway.rows()).filter((row) => row.user_id === caller.user.id);
  return rows.slice(from).map((row) => [row.status, row.usage_source, row.input_tokens, row.output_tokens]);
}

async function count(): Promise<number> {
  return (await billed(0)).length;
}

/** POSTs that have reached the upstream, past what the gateway itself asks. */
async function posts(atLeast: number): Promise<MockUpstream["requests"]> {
  for (let wanted = atLeast; ; wanted++) {
    const made = (await mock.waitForRequests(wanted)).filter(({ method }) => method === "POST");
    if (made.length >= atLeast) return made;
  }
}

for (const model of [...translated, "loopback"]) {
  test(`${model}: a response in the background is queued, polled, completed, continued, and billed once`, async () => {
    const from = await count();
    mock.enqueue({ text: ["Hello ✓"], usage: { input: 40, cached: 0, cacheWrite5m: 0, cacheWrite1h: 0, output: 7, reasoning: 0 } });
    const queued = await client.responses.create({ model, input: "hi", background: true, metadata: { a: "b" } });
    assert.deepEqual([queued.status, queued.background, queued.output, queued.metadata], ["queued", true, [], { a: "b" }]);
    const done = await ended(client, queued.id);
    assert.deepEqual([done.status, done.background, done.created_at], ["completed", true, queued.created_at]);
    assert.equal(done.output_text, model === "loopback" ? "hi" : "Hello ✓");
    const next = await client.responses.create({ model, input: "and?", previous_response_id: queued.id, background: true });
    assert.equal((await ended(client, next.id)).previous_response_id, queued.id);
    const rows = await billed(from);
    assert.equal(rows.length, 2);
    if (model !== "loopback") assert.deepEqual(rows[0], ["ok", "reported", 40, 7]);
  });
}

for (const model of translated) {
  test(`${model}: one that is cancelled ends at the upstream, stays cancelled, and keeps no answer`, async () => {
    mock.enqueue({ text: ["Hel", "lo"], trouble: { kind: "hang", afterPieces: 1 } });
    const { id } = await client.responses.create({ model, input: "hi", background: true });
    const [request] = await posts(1);
    assert.equal((await client.responses.retrieve(id)).status, "in_progress");
    const cancelled = await client.responses.cancel(id);
    assert.deepEqual([cancelled.status, cancelled.output], ["cancelled", []]);
    assert.equal((await request!.closed).how, "aborted");
    assert.equal((await client.responses.cancel(id)).status, "cancelled");
    assert.equal((await client.responses.retrieve(id)).status, "cancelled");
  });

  test(`${model}: one whose upstream fails has failed, and says why`, async () => {
    mock.enqueue({ trouble: { kind: "error", error: { status: 400, message: "Too hot." } } });
    const { id } = await client.responses.create({ model, input: "hi", background: true });
    const failed = await ended(client, id);
    assert.deepEqual([failed.status, failed.output], ["failed", []]);
    assert.match(failed.error!.message, /Too hot\./);
    mock.enqueue({ text: ["Hel", "lo"], delayBetweenChunksMs: 0, trouble: { kind: "cut", afterPieces: 1 } });
    const broken = await client.responses.create({ model, input: "hi", background: true });
    assert.equal((await ended(client, broken.id)).error?.code, "server_error");
  });
}

test("what one in the background may cost is held in the budget until it is over", async () => {
  const { key, user } = await gateway.createKey();
  const authorization = `Bearer ${gateway.adminKey}`;
  const body = JSON.stringify({ user: user.username, period: "total", stop_usd: "5" });
  const made = await fetch(`${gateway.url}/api/v1/budgets`, { method: "POST", headers: { authorization }, body });
  assert.equal(made.status, 200);
  const state = async (): Promise<unknown> => {
    await gateway.gateway.ledger.flush();
    const answer = await fetch(`${gateway.url}/api/v1/budgets?user=${user.username}`, { headers: { authorization } });
    const { data } = (await answer.json()) as { data: { spent_usd: string; held_usd: string }[] };
    return [data[0]!.spent_usd, data[0]!.held_usd];
  };
  const of = sdk(gateway, key);
  const released = Promise.withResolvers<void>();
  mock.enqueue({
    text: ["Hel", "lo"],
    usage: { input: 5, output: 20 },
    trouble: { kind: "hang", afterPieces: 1, until: released.promise },
  });
  const { id } = await of.responses.create({ model: "claude-mock", input: "hi", background: true, max_output_tokens: 30 });
  await posts(1);
  assert.deepEqual(await state(), ["0", "3"]);
  await assert.rejects(of.responses.create({ model: "claude-mock", input: "hi", background: true, max_output_tokens: 30 }), {
    status: 402,
  });
  released.resolve();
  assert.equal((await ended(of, id)).status, "completed");
  assert.deepEqual(await state(), ["2", "0"]);
});

test("one that is deleted ends at the upstream and is not found", async () => {
  mock.enqueue({ trouble: { kind: "hang", afterPieces: "headers" } });
  const { id } = await client.responses.create({ model: "claude-mock", input: "hi", background: true });
  const [request] = await posts(1);
  await client.responses.delete(id);
  assert.equal((await request!.closed).how, "aborted");
  await assert.rejects(client.responses.retrieve(id), NotFoundError);
});

test("one in progress is neither continued nor streamed; one that cannot be polled is refused", async () => {
  mock.enqueue({ trouble: { kind: "hang", afterPieces: "headers" } });
  const model = "claude-mock";
  const { id } = await client.responses.create({ model, input: "hi", background: true });
  await assert.rejects(client.responses.create({ model, input: "and?", previous_response_id: id }), /is still in progress/);
  await assert.rejects(client.responses.retrieve(id, { stream: true }), BadRequestError);
  await client.responses.cancel(id);
  await assert.rejects(client.responses.create({ model, input: "hi", background: true, store: false }), /must be stored/);
  await assert.rejects(client.responses.create({ model, input: "hi", background: true, stream: true }), /cannot be streamed/);
  await assert.rejects(client.responses.create({ model, input: [{ role: "nobody" }] as never, background: true }), BadRequestError);
});

test("two gateways on one database see the same, and one cancels what the other runs", async () => {
  const other = await startGateway({ config: withMockUpstream(mock.url), clock, database: gateway.database });
  try {
    const elsewhere = sdk(other, caller.key);
    mock.enqueue({ text: ["Hel", "lo"], trouble: { kind: "hang", afterPieces: 1 } });
    const { id } = await client.responses.create({ model: "claude-mock", input: "hi", background: true });
    const [request] = await posts(1);
    assert.equal((await elsewhere.responses.retrieve(id)).status, "in_progress");
    assert.equal((await elsewhere.responses.cancel(id)).status, "cancelled");
    assert.equal((await request!.closed).how, "aborted");
    const kept = await client.responses.create({ model: "loopback", input: "hi" });
    const next = await elsewhere.responses.create({ model: "loopback", input: "and?", previous_response_id: kept.id });
    assert.equal((await client.responses.retrieve(next.id)).previous_response_id, kept.id);
  } finally {
    await other.stop();
  }
});

test("a gateway that stops ends what it runs, which has then failed", async () => {
  const other = await startGateway({ config: withMockUpstream(mock.url), clock, database: gateway.database });
  const elsewhere = sdk(other, caller.key);
  const ids: string[] = [];
  for (const afterPieces of [1, "headers"] as const) {
    mock.enqueue({ text: ["Hel", "lo"], trouble: { kind: "hang", afterPieces } });
    ids.push((await elsewhere.responses.create({ model: "claude-mock", input: "hi", background: true })).id);
  }
  await posts(2);
  await other.gateway.close({ graceMs: 0 });
  for (const id of ids) {
    const read = await client.responses.retrieve(id);
    assert.deepEqual([read.status, read.error?.message], ["failed", "The gateway is shutting down. Send the request again."]);
  }
});

test("one whose process has died has failed after a minute", async () => {
  const { id } = await client.responses.create({ model: "loopback", input: "hi", background: true });
  await ended(client, id);
  await gateway.gateway.ledger.flush();
  await gateway.sql("update stored_responses set status = 'in_progress' where id = ?", id);
  nowMs += 59_000;
  assert.equal((await gateway.sql("select status from stored_responses where id = ?", id))[0]?.["status"], "in_progress");
  nowMs += 2_000;
  const read = await client.responses.retrieve(id);
  assert.deepEqual([read.status, read.error?.code], ["failed", "server_error"]);
});

test("OpenAI: one in the background is billed when it is first seen completed, and only then", async () => {
  const from = await count();
  mock.enqueue({ usage: { input: 100, cached: 40, output: 30, reasoning: 0 } });
  const { id, status } = await client.responses.create({ model: "gpt-mock", input: "hi", background: true });
  assert.equal(status, "queued");
  for (let look = 0; look < 3; look++) assert.equal((await client.responses.retrieve(id)).status, "completed");
  const rows = await billed(from);
  assert.deepEqual(
    rows.filter((row) => (row as unknown[])[2] !== null),
    [["ok", "reported", 100, 30]],
  );
});

test("OpenAI: one in the background whose stream the client left is known, and billed when it is seen completed", async () => {
  const upstream = await createStreamingUpstream();
  const other = await startGateway({
    config: `providers: { far: { protocols: [openai-responses], api_key: k, base_url: "${upstream.url}/v1", models: [far-model] } }`,
  });
  try {
    const { key } = await other.createKey();
    const of = sdk(other, key);
    const stream = await of.responses.create({ model: "far-model", input: "hi", background: true, stream: true });
    for await (const event of stream) if (event.type === "response.output_text.delta") break;
    await upstream.left;
    const read = async (): Promise<unknown> => {
      let last: unknown;
      for await (const event of await of.responses.retrieve("resp_far", { stream: true, starting_after: 2 })) last = event.type;
      return last;
    };
    // The owner is recorded when the gateway notices that the client has left.
    await waitUntil("the owner is recorded", async () => (await other.sql("select unbilled from stored_responses")).length > 0);
    assert.deepEqual([await read(), await read()], ["response.completed", "response.completed"]);
    assert.deepEqual(
      (await other.rows()).map((row) => [row.status, row.input_tokens, row.output_tokens]),
      [
        ["cancelled", null, null],
        ["ok", 11, 5],
        ["ok", null, null],
      ],
    );
  } finally {
    await other.stop();
    await upstream.close();
  }
});

/** An upstream whose one response streams its first words to the call that makes it, and its end to the call that retrieves it. */
async function createStreamingUpstream(): Promise<{ readonly url: string; readonly left: Promise<void>; close(): Promise<void> }> {
  const left = Promise.withResolvers<void>();
  const response = { id: "resp_far", object: "response", created_at: 1, model: "far-model", output: [], background: true };
  const event = (type: string, sequence: number, fields: object): string =>
    `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: sequence, ...fields })}\n\n`;
  const server = createServer((request, answer) => {
    request.resume();
    if (request.url === "/v1/models") {
      answer.end('{"object":"list","data":[]}');
      return;
    }
    answer.writeHead(200, { "content-type": "text/event-stream" });
    if (request.method === "POST") {
      answer.write(event("response.created", 0, { response: { ...response, status: "queued", usage: null } }));
      answer.write(
        event("response.output_text.delta", 1, { item_id: "msg_1", output_index: 0, content_index: 0, delta: "Hel", logprobs: [] }),
      );
      answer.on("close", left.resolve);
    } else {
      const usage = { input_tokens: 11, output_tokens: 5, total_tokens: 16 };
      answer.end(event("response.completed", 3, { response: { ...response, status: "completed", usage } }));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    left: left.promise,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

test("a call on a stored response that does not exist is an error in the dialect", async () => {
  const { id } = await client.responses.create({ model: "loopback", input: "hi" });
  for (const path of [`${id}/steer`, `${id}/cancel/now`]) {
    const answer = await fetch(`${gateway.url}/v1/responses/${path}`, {
      method: "POST",
      headers: { authorization: `Bearer ${caller.key}` },
    });
    const { error } = (await answer.json()) as { error: { type: string } };
    assert.deepEqual([answer.status, error.type], [404, "invalid_request_error"]);
  }
});

test("what is past its lifetime is not found", async () => {
  const kept = await client.responses.create({ model: "loopback", input: "hi" });
  const native = await client.responses.create({ model: "gpt-mock", input: "hi" });
  nowMs += 29 * 86_400_000;
  const later = await client.responses.create({ model: "loopback", input: "and?", previous_response_id: kept.id });
  nowMs += 2 * 86_400_000;
  await assert.rejects(client.responses.retrieve(kept.id), NotFoundError);
  await assert.rejects(client.responses.retrieve(native.id), NotFoundError);
  assert.equal((await client.responses.retrieve(later.id)).id, later.id);
  await assert.rejects(client.responses.create({ model: "loopback", input: "more", previous_response_id: later.id }), (error: unknown) => {
    assert.ok(error instanceof NotFoundError);
    assert.match(error.message, new RegExp(`The response "${kept.id}", which this conversation goes back to, is no longer kept`));
    return true;
  });
});

test("an answer that is larger than gateway.responses.max_size is given and not kept", async () => {
  const small = await startGateway({
    config: withMockUpstream(mock.url).replace("work_mode: auto", "work_mode: auto, responses: { max_size: 2KiB }"),
  });
  try {
    const { key } = await small.createKey();
    const of = sdk(small, key);
    for (const stream of [false, true]) {
      mock.enqueue({ text: ["x".repeat(3000)] });
      const given = stream
        ? await of.responses.stream({ model: "claude-mock", input: "hi" }).finalResponse()
        : await of.responses.create({ model: "claude-mock", input: "hi" });
      assert.equal(given.output_text.length, 3000);
      await assert.rejects(of.responses.retrieve(given.id), NotFoundError);
      await assert.rejects(of.responses.create({ model: "claude-mock", input: "and?", previous_response_id: given.id }), NotFoundError);
    }
    mock.enqueue({ text: ["x".repeat(3000)] });
    const { id } = await of.responses.create({ model: "claude-mock", input: "hi", background: true });
    const failed = await ended(of, id);
    assert.deepEqual([failed.status, failed.error?.message], ["failed", "The answer is larger than gateway.responses.max_size."]);
    await assert.rejects(of.responses.create({ model: "claude-mock", input: "x".repeat(3000), background: true }), BadRequestError);
    assert.match(await small.logText(), /larger than gateway\.responses\.max_size and is not kept/);
  } finally {
    await small.stop();
  }
});
