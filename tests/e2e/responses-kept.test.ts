import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import OpenAI, { BadRequestError, NotFoundError } from "openai";
import type { FunctionTool, Response, ResponseInputItem, ResponseStreamEvent } from "openai/resources/responses/responses";
import type { JsonObject } from "../testbed/json.ts";
import type { BothWays } from "./both-ways.ts";
import { announcementsOver, startBothWays } from "./both-ways.ts";
import { providerKeys, startGateway, withMockUpstream } from "./harness.ts";

/** One model of each upstream that keeps no responses, and the built-in one. */
const translated = ["claude-mock", "gemini-mock", "org/local-model"] as const;
const models = [...translated, "loopback"] as const;

const tool: FunctionTool = {
  type: "function",
  name: "weather",
  strict: false,
  parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
};

let ways: BothWays<OpenAI>;
let client: OpenAI;
before(async () => {
  ways = await startBothWays("openai", (url, apiKey) => new OpenAI({ apiKey, baseURL: `${url}/v1`, maxRetries: 0 }));
  ({ client } = ways);
});
after(() => ways.stop());

/** The object without what the SDK's methods add to it. */
function plain<T>(value: T): T {
  const copy = JSON.parse(JSON.stringify(value)) as Record<string, unknown>;
  delete copy["output_text"];
  return copy as T;
}

/** The bodies that reached the upstream since the last reset. */
function sent(): JsonObject[] {
  return ways.mock.requests.filter(({ method }) => method === "POST").map(({ body }) => JSON.parse(body.toString("utf8")) as JsonObject);
}

async function otherUser(): Promise<OpenAI> {
  const { key } = await ways.gateway.createKey();
  return new OpenAI({ apiKey: key, baseURL: `${ways.gateway.url}/v1`, maxRetries: 0 });
}

for (const model of models) {
  test(`${model}: an answer is read as it was given, whole and streamed`, async () => {
    ways.mock.reset();
    const whole = await client.responses.create({ model, input: "hi ✓", instructions: "Be brief.", metadata: { a: "b" } });
    const streamed = await lastOf(client.responses.create({ model, input: "hi 日本", stream: true }));
    for (const given of [whole, streamed]) assert.deepEqual(plain(await client.responses.retrieve(given.id)), plain(given));
    assert.deepEqual(
      [whole.status, streamed.status, (whole as { store?: boolean }).store, whole.metadata],
      ["completed", "completed", true, { a: "b" }],
    );
  });

  test(`${model}: what is deleted, or not to be stored, is not found`, async () => {
    const kept = await client.responses.create({ model, input: "hi" });
    assert.deepEqual(await client.responses.delete(kept.id), { id: kept.id, object: "response", deleted: true });
    const unkept = await client.responses.create({ model, input: "hi", store: false });
    for (const { id } of [kept, unkept]) {
      await assert.rejects(client.responses.retrieve(id), NotFoundError);
      await assert.rejects(client.responses.delete(id), NotFoundError);
      await assert.rejects(client.responses.inputItems.list(id), NotFoundError);
      await assert.rejects(client.responses.cancel(id), NotFoundError);
      await assert.rejects(client.responses.create({ model, input: "and?", previous_response_id: id }), (error: unknown) => {
        assert.ok(error instanceof NotFoundError);
        assert.deepEqual([error.code, error.param], ["response_not_found", "previous_response_id"]);
        return true;
      });
    }
  });

  test(`${model}: another user neither reads, deletes, lists, cancels nor continues it`, async () => {
    const kept = await client.responses.create({ model, input: "hi" });
    const other = await otherUser();
    await assert.rejects(other.responses.retrieve(kept.id), NotFoundError);
    await assert.rejects(other.responses.delete(kept.id), NotFoundError);
    await assert.rejects(other.responses.inputItems.list(kept.id), NotFoundError);
    await assert.rejects(other.responses.cancel(kept.id), NotFoundError);
    await assert.rejects(other.responses.create({ model, input: "and?", previous_response_id: kept.id }), NotFoundError);
    const reference = { type: "item_reference" as const, id: kept.output[0]!.id! };
    await assert.rejects(other.responses.create({ model, input: [reference, { role: "user", content: "and?" }] }), NotFoundError);
    assert.equal((await client.responses.retrieve(kept.id)).id, kept.id);
  });
}

/** The response that the last event of a stream holds. */
async function lastOf(stream: Promise<AsyncIterable<ResponseStreamEvent>>): Promise<Response> {
  let last: ResponseStreamEvent | undefined;
  for await (const event of await stream) last = event;
  assert.ok(last !== undefined && "response" in last && typeof last.response === "object");
  return last.response;
}

for (const model of translated) {
  for (const stream of [false, true]) {
    test(`${model}: five turns with tools by previous_response_id reach the upstream as the whole conversation does${stream ? ", streaming" : ""}`, async () => {
      ways.mock.reset();
      const ask = (params: { input: string | ResponseInputItem[]; previous_response_id?: string; store?: boolean }): Promise<Response> =>
        stream
          ? client.responses.stream({ model, tools: [tool], ...params }).finalResponse()
          : client.responses.create({ model, tools: [tool], ...params });
      const whole: ResponseInputItem[] = [];
      let previous: Response | undefined;
      for (let turn = 0; turn < 5; turn++) {
        const call = previous?.output.find((item) => item.type === "function_call");
        const input: ResponseInputItem[] =
          call === undefined
            ? [{ role: "user", content: `question ${turn} ✓` }]
            : [{ type: "function_call_output", call_id: call.call_id, output: `sunny ${turn}` }];
        ways.mock.enqueue(
          turn % 2 === 0
            ? { text: ["Let me see."], toolCalls: [{ name: "weather", arguments: { city: `Zürich ${turn}` } }] }
            : { text: ["done"] },
        );
        const first: Response = await ask({ input, ...(previous === undefined ? {} : { previous_response_id: previous.id }) });
        assert.equal(first.previous_response_id, previous?.id ?? null);
        whole.push(...input);
        ways.mock.enqueue({ text: ["whatever"] });
        await ask({ input: [...whole], store: false });
        const [chained, complete] = sent().slice(-2);
        assert.deepEqual(chained, complete);
        whole.push(...(plain(first).output as ResponseInputItem[]).map(withoutParsed));
        previous = first;
      }
      const listed: unknown[] = [];
      for await (const item of client.responses.inputItems.list(previous!.id, { order: "asc", limit: 2 })) listed.push(item.type);
      const expected = ["message", "message", "function_call", "function_call_output", "message", "message", "message", "function_call"];
      assert.deepEqual(listed, [...expected, "function_call_output", "message", "message"]);
    });
  }
}

/** The streaming helper adds what it has parsed. */
function withoutParsed(item: ResponseInputItem): ResponseInputItem {
  const { parsed_arguments: _, ...rest } = item as ResponseInputItem & { parsed_arguments?: unknown };
  return rest;
}

test("instructions of the turns before do not carry over", async () => {
  ways.mock.reset();
  const first = await client.responses.create({ model: "claude-mock", input: "hi", instructions: "Be brief." });
  const second = await client.responses.create({ model: "claude-mock", input: "and?", previous_response_id: first.id });
  assert.equal(second.instructions, null);
  assert.deepEqual(
    sent().map((body) => body["system"]),
    [sent()[0]!["system"], undefined],
  );
  assert.notEqual(sent()[0]!["system"], undefined);
});

test("the proof of the reasoning in a kept response comes back to the provider that gave it", async () => {
  ways.mock.reset();
  ways.mock.enqueue({ reasoning: ["hm"], toolCalls: [{ name: "weather", arguments: { city: "Bern" } }] }, { text: ["sunny"] });
  const params = { model: "claude-mock", tools: [tool], reasoning: { effort: "low" as const } };
  const first = await client.responses.create({ ...params, input: "hi" });
  const call = first.output.find((item) => item.type === "function_call")!;
  const output = { type: "function_call_output" as const, call_id: call.call_id, output: "sunny" };
  await client.responses.create({ ...params, input: [output], previous_response_id: first.id });
  const turn = (sent()[1]!["messages"] as JsonObject[])[1]!["content"] as JsonObject[];
  assert.deepEqual(
    turn.map((block) => [block["type"], block["thinking"], typeof block["signature"]]),
    [
      ["thinking", "hm", "string"],
      ["tool_use", undefined, "undefined"],
    ],
  );
});

test("a conversation goes on at another provider", async () => {
  ways.mock.reset();
  ways.mock.enqueue({ reasoning: ["hm"], text: ["one"] }, { text: ["two"] }, { text: ["three"] });
  const first = await client.responses.create({ model: "claude-mock", input: "hi" });
  const second = await client.responses.create({ model: "gemini-mock", input: "and?", previous_response_id: first.id });
  await client.responses.create({ model: "org/local-model", input: "more", previous_response_id: second.id });
  assert.deepEqual(sent()[2]!["messages"], [
    { role: "user", content: "hi" },
    { role: "assistant", content: "one" },
    { role: "user", content: "and?" },
    { role: "assistant", content: "two" },
    { role: "user", content: "more" },
  ]);
});

test("a conversation goes on at OpenAI, which is sent its items; from there OpenAI keeps it", async () => {
  ways.mock.reset();
  ways.mock.enqueue({ reasoning: ["hm"], text: ["one"], toolCalls: [{ name: "weather", arguments: { city: "Bern" } }] }, { text: ["two"] });
  const first = await client.responses.create({
    model: "claude-mock",
    input: "hi",
    tools: [tool],
    reasoning: { effort: "low", summary: "auto" },
  });
  const call = first.output.find((item) => item.type === "function_call")!;
  const second = await client.responses.create({
    model: "gpt-mock",
    input: [{ type: "function_call_output", call_id: call.call_id, output: "sunny" }],
    previous_response_id: first.id,
  });
  assert.deepEqual(sent()[1], {
    model: "gpt-mock",
    input: [
      { type: "message", role: "user", content: [{ type: "input_text", text: "hi" }] },
      {
        type: "message",
        status: "completed",
        role: "assistant",
        content: [{ type: "output_text", text: "one", annotations: [], logprobs: [] }],
        phase: "commentary",
      },
      { type: "function_call", status: "completed", call_id: call.call_id, name: "weather", arguments: '{"city":"Bern"}' },
      { type: "function_call_output", call_id: call.call_id, output: "sunny" },
    ],
    previous_response_id: null,
  });
  const third = await client.responses.create({ model: "gpt-mock", input: "more", previous_response_id: second.id });
  assert.deepEqual([sent()[2]!["previous_response_id"], third.previous_response_id], [second.id, second.id]);
});

test("what OpenAI keeps cannot go on elsewhere, and the error says what to do", async () => {
  const first = await client.responses.create({ model: "gpt-mock", input: "hi" });
  await assert.rejects(
    client.responses.create({ model: "claude-mock", input: "and?", previous_response_id: first.id }),
    (error: unknown) => {
      assert.ok(error instanceof BadRequestError);
      assert.equal(error.param, "previous_response_id");
      assert.match(error.message, /is kept by the provider "openai", which does not serve "claude-mock"\. Send the conversation whole/);
      return true;
    },
  );
});

test("references to items are replaced by the items, also of an input", async () => {
  ways.mock.reset();
  ways.mock.enqueue({ reasoning: ["hm"], text: ["one"] }, { text: ["two"] }, { text: ["three"] });
  const first = await client.responses.create({ model: "claude-mock", input: "hi", reasoning: { effort: "low" } });
  const asked = (await client.responses.inputItems.list(first.id)).data[0]!;
  const references = [asked, ...first.output].map((item) => ({ type: "item_reference" as const, id: item.id! }));
  const second = await client.responses.create({
    model: "claude-mock",
    input: [...references, { role: "user", content: "and?" }],
    reasoning: { effort: "low" },
  });
  const items = [
    { role: "user" as const, content: "hi" },
    ...(plain(first).output as ResponseInputItem[]),
    { role: "user" as const, content: "and?" },
  ];
  await client.responses.create({ model: "claude-mock", input: items, store: false, reasoning: { effort: "low" } });
  assert.deepEqual(sent()[1], sent()[2]);
  const bare = { id: asked.id, role: undefined } as ResponseInputItem;
  const untyped = { type: null, id: asked.id } as ResponseInputItem;
  const params = { model: "claude-mock", store: false };
  for (const input of [[bare], [untyped], [{ type: "item_reference" as const, id: asked.id }]])
    await client.responses.create({ ...params, input });
  assert.deepEqual(
    sent().slice(3),
    Array.from({ length: 3 }, () => sent().at(-1)),
  );
  // What was referred to is kept with the response, even if its own is deleted.
  await client.responses.delete(first.id);
  const kept = (await client.responses.inputItems.list(second.id, { order: "asc" })).data.map((item) => item.type);
  assert.deepEqual(kept, ["message", "reasoning", "message", "message"]);
});

test("a reference to no item is an error that names it; one that OpenAI may know is left to it", async () => {
  ways.mock.reset();
  const input: ResponseInputItem[] = [
    { type: "item_reference", id: "msg_unknown" },
    { role: "user", content: "and?" },
  ];
  for (const model of models) {
    await assert.rejects(client.responses.create({ model, input }), (error: unknown) => {
      assert.ok(error instanceof NotFoundError);
      assert.deepEqual([error.param, error.message.includes('"msg_unknown"')], ["input", true]);
      return true;
    });
  }
  // Another user's item, with an id that the gateway has made, is not asked for at the provider.
  const { output } = await client.responses.create({ model: "loopback", input: "hi" });
  const foreign = [{ type: "item_reference" as const, id: output[0]!.id! }];
  const other = await otherUser();
  for (const model of [...models, "gpt-mock"]) await assert.rejects(other.responses.create({ model, input: foreign }), NotFoundError);
  await assert.rejects(client.responses.create({ model: "gpt-mock", input }), /Item with id 'msg_unknown' not found/);
  assert.deepEqual(sent(), [{ model: "gpt-mock", input }]);
});

test("OpenAI's own conversations are refused for the models of others", async () => {
  for (const model of models) {
    await assert.rejects(client.responses.create({ model, input: "hi", conversation: "conv_1" }), (error: unknown) => {
      assert.ok(error instanceof BadRequestError);
      assert.equal(error.param, "conversation");
      return true;
    });
  }
});

test("a conversation at OpenAI is served to who has the account there, not to the users who share it", async () => {
  const params = { model: "gpt-mock", input: "hi", conversation: "conv_1" };
  const open = await startGateway({
    config: withMockUpstream(ways.mock.url).replace("gateway: {", "gateway: { auth: { enabled: false },"),
  });
  try {
    await announcementsOver(ways.mock, Object.keys(providerKeys).length);
    ways.mock.reset();
    for (const call of [() => client.responses.create(params), () => client.responses.create({ ...params, stream: true })]) {
      await assert.rejects(call(), (error: unknown) => error instanceof NotFoundError && error.param === "conversation");
    }
    await assert.rejects(client.responses.inputTokens.count(params), { status: 404, param: "conversation" });
    assert.deepEqual(sent(), []);
    const admin = new OpenAI({ apiKey: ways.gateway.adminKey, baseURL: `${ways.gateway.url}/v1`, maxRetries: 0 });
    const local = new OpenAI({ apiKey: "none", baseURL: `${open.url}/v1`, maxRetries: 0 });
    for (const allowed of [admin, local]) await allowed.responses.create(params);
    assert.deepEqual(sent(), [params, params]);
  } finally {
    await open.stop();
  }
});

test("input items are listed in pages, and a wrong query is an error", async () => {
  const input: ResponseInputItem[] = Array.from({ length: 25 }, (_, index) => ({ role: "user" as const, content: `n${index}` }));
  const { id } = await client.responses.create({ model: "loopback", input });
  const page = await client.responses.inputItems.list(id);
  assert.deepEqual([page.data.length, page.has_more], [20, true]);
  const seen: unknown[] = [];
  for await (const item of client.responses.inputItems.list(id, { order: "asc", limit: 7, include: ["message.input_image.image_url"] })) {
    seen.push(item.type === "message" && item.role === "user" && item.content);
  }
  assert.deepEqual(
    seen,
    input.map((_, index) => `n${index}`),
  );
  await assert.rejects(client.responses.inputItems.list(id, { limit: 101 }), BadRequestError);
  await assert.rejects(client.responses.inputItems.list(id, { after: "msg_none" }), BadRequestError);
  await assert.rejects(client.responses.inputItems.list(id, { order: "up" as "asc" }), BadRequestError);
});

for (const model of models) {
  test(`${model}: a kept answer is streamed again, also from the middle`, async () => {
    ways.mock.reset();
    ways.mock.enqueue({ text: ["Hel", "lo ✓"], toolCalls: [{ name: "weather", arguments: { city: "Zürich" } }] });
    const input = model === "loopback" ? 'call weather {"city":"Zürich"}' : "hi";
    const given = await client.responses.create({ model, input, tools: [tool] });
    const again = await client.responses.stream({ response_id: given.id }).finalResponse();
    assert.deepEqual(
      again.output.map((item) => item.id),
      given.output.map((item) => item.id),
    );
    const events = [];
    for await (const event of await client.responses.retrieve(given.id, { stream: true })) events.push(event);
    const last = events.at(-1)!;
    assert.ok(last.type === "response.completed");
    assert.deepEqual(plain(last.response), plain(given));
    assert.deepEqual(
      events.map((event) => event.sequence_number),
      events.map((_, index) => index),
    );
    const rest = [];
    for await (const event of await client.responses.retrieve(given.id, { stream: true, starting_after: 3 })) rest.push(event);
    assert.deepEqual(rest, events.slice(4));
    await assert.rejects(client.responses.retrieve(given.id, { starting_after: 3 } as object), BadRequestError);
  });
}

for (const model of translated) {
  test(`${model}: an upstream that breaks after its first words leaves a failed response`, async () => {
    ways.mock.reset();
    ways.mock.enqueue({ text: ["Hel", "lo"], delayBetweenChunksMs: 0, trouble: { kind: "cut", afterPieces: 1 } });
    const stream = await client.responses.create({ model, input: "hi", stream: true });
    const events = [];
    for await (const event of stream) events.push(event);
    const last = events.at(-1)!;
    assert.ok(last.type === "response.failed");
    const read = await client.responses.retrieve(last.response.id);
    assert.deepEqual([read.id, read.status, read.error?.code], [last.response.id, "failed", "server_error"]);
    await assert.rejects(
      client.responses.create({ model, input: "and?", previous_response_id: read.id }),
      /is failed\. Continue the one before it/,
    );
  });
}

test("reading, listing and deleting what the gateway keeps calls no upstream and costs nothing", async () => {
  const { id } = await client.responses.create({ model: "claude-mock", input: "hi" });
  ways.mock.reset();
  const before = (await ways.gateway.rows()).length;
  await client.responses.retrieve(id);
  await client.responses.inputItems.list(id);
  await client.responses.delete(id);
  assert.deepEqual([ways.mock.requests.length, (await ways.gateway.rows()).length], [0, before]);
});

test("a synchronous response cannot be cancelled", async () => {
  const { id } = await client.responses.create({ model: "loopback", input: "hi" });
  await assert.rejects(client.responses.cancel(id), BadRequestError);
});
