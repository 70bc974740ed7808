import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { configOf, models, startBench, type Bench } from "../matrix/bench.ts";
import { PROTOCOLS, type Protocol } from "../testbed/scenario.ts";
import { startGateway } from "./harness.ts";
import { sendRaw, type RawReply } from "./raw-http.ts";

let bench: Bench;
before(async () => {
  bench = await startBench();
});
after(() => bench.stop());

const limit = 250_000;

/** A request of each dialect, with a member `x` more. */
const bodies: Readonly<Record<Protocol, (model: string, x: string) => { readonly path: string; readonly body: string }>> = {
  "openai-chat": (model, x) => ({
    path: "/v1/chat/completions",
    body: `{"model":"${model}","messages":[{"role":"user","content":"hi"}],${x}}`,
  }),
  "openai-responses": (model, x) => ({ path: "/v1/responses", body: `{"model":"${model}","store":false,"input":"hi",${x}}` }),
  "anthropic-messages": (model, x) => ({
    path: "/v1/messages",
    body: `{"model":"${model}","max_tokens":9,"messages":[{"role":"user","content":"hi"}],${x}}`,
  }),
  "gemini-generate": (model, x) => ({
    path: `/v1beta/models/${model}:generateContent`,
    body: `{"contents":[{"role":"user","parts":[{"text":"hi"}]}],${x}}`,
  }),
};

function send({ path, body }: { readonly path: string; readonly body: string }): Promise<RawReply> {
  const headers = ["authorization", `Bearer ${bench.caller.key}`, "content-type", "application/json"];
  return sendRaw(bench.gateway.url, { path, headers, body });
}

/** Another protocol than the dialect's. */
function other(dialect: Protocol): Protocol {
  return dialect === "anthropic-messages" ? "openai-chat" : "anthropic-messages";
}

const ones = (count: number): string => `[${"1,".repeat(count - 1)}1]`;
const message = `The body holds more than ${limit} values and names, the limit for a request that the gateway has to parse (gateway.limits.values).`;

for (const dialect of PROTOCOLS) {
  test(`${dialect}: a body of too many values is refused where it is translated, and passes where it is not`, async () => {
    bench.mock.reset();
    const refused = await send(bodies[dialect](models[other(dialect)], `"x":${ones(limit)}`));
    assert.equal(refused.status, 400);
    const { error } = JSON.parse(refused.body.toString()) as { error: { message: string; code?: string | number } };
    assert.equal(error.message, message);
    if (dialect.startsWith("openai")) assert.equal(error.code, "body_too_complex");
    assert.equal(bench.mock.requests.length, 0);
    const row = (await bench.gateway.rows()).at(-1)!;
    assert.deepEqual([row.status, row.http_status, row.error_code], ["refused", 400, "body_too_complex"]);

    const passed = await send(bodies[dialect](models[dialect], `"x":${ones(limit)}`));
    assert.equal(bench.mock.requests.length, 1, passed.body.toString());
    assert.notEqual(passed.status, 500);
  });

  test(`${dialect}: a great number of fields is dropped, and the header that names them is short`, async () => {
    bench.mock.reset();
    const fields = Array.from({ length: 5000 }, (_, index) => `"field${index}":1`);
    const reply = await send(bodies[dialect](models[other(dialect)], [`"é\\ud800${"x".repeat(3000)}":1`, ...fields].join(",")));
    assert.equal(reply.status, 200, reply.body.toString());
    const value = String(reply.headers["x-tokligence-dropped-params"]);
    const names = value.split(",");
    assert.ok(value.length < 2048, `${value.length} characters`);
    assert.equal(names[0], `%C3%A9%EF%BF%BD${"x".repeat(98)}...`);
    assert.deepEqual(
      names.slice(1, -1),
      fields.slice(0, names.length - 2).map((field) => field.slice(1, -3)),
    );
    assert.equal(names.at(-1), `and at least ${1000 - names.length + 1} more`);
    const line = (await bench.gateway.logText())
      .trim()
      .split("\n")
      .findLast((text) => text.includes('"msg":"request"'))!;
    assert.deepEqual((JSON.parse(line) as { dropped_params: string[] }).dropped_params.slice(1), names.slice(1));
  });
}

test("a translated request has at most 10,000 tools", async () => {
  const tools = Array.from({ length: 10_001 }, (_, index) => ({ type: "function", function: { name: `f${index}` } }));
  const ask = (model: string): Promise<RawReply> =>
    send({ path: "/v1/chat/completions", body: JSON.stringify({ model, tools, messages: [{ role: "user", content: "hi" }] }) });
  const refused = await ask(models["anthropic-messages"]);
  assert.deepEqual(
    [refused.status, (JSON.parse(refused.body.toString()) as { error: { message: string } }).error.message],
    [400, "The request has 10001 tools. A request that is translated may have 10000."],
  );
  assert.equal((await ask(models["openai-chat"])).status, 200);
});

test("the schemas of a translated request have at most 10,000 definitions in all", async () => {
  const schemaOf = (count: number): object => ({
    type: "object",
    properties: { a: { $ref: "#/$defs/d0" } },
    $defs: Object.fromEntries(Array.from({ length: count }, (_, index) => [`d${index}`, { type: "string" }])),
  });
  const ask = async (counts: readonly number[]): Promise<unknown> => {
    const [format, ...tools] = counts.map(schemaOf);
    const body = {
      model: models["gemini-generate"],
      messages: [{ role: "user", content: "hi" }],
      tools: tools.map((parameters, index) => ({ type: "function", function: { name: `f${index}`, parameters } })),
      response_format: { type: "json_schema", json_schema: { name: "answer", schema: format } },
    };
    const reply = await send({ path: "/v1/chat/completions", body: JSON.stringify(body) });
    return [reply.status, (JSON.parse(reply.body.toString()) as { error?: { message: string } }).error?.message];
  };
  assert.deepEqual(
    [await ask([3_000, 3_000, 4_000]), await ask([3_000, 3_000, 4_001])],
    [
      [200, undefined],
      [400, "The schemas of the request have 10001 definitions. A request that is translated may have 10000."],
    ],
  );
});

test("arguments of tools that are text count by what is in them", async () => {
  const call = { id: "c", type: "function", function: { name: "f", arguments: `{"a":${ones(limit)}}` } };
  const messages = [
    { role: "user", content: "hi" },
    { role: "assistant", tool_calls: [call] },
    { role: "tool", tool_call_id: "c", content: "x" },
  ];
  const reply = await send({ path: "/v1/chat/completions", body: JSON.stringify({ model: models["anthropic-messages"], messages }) });
  assert.equal((JSON.parse(reply.body.toString()) as { error: { message: string } }).error.message, message);
});

test("many references to one large item are refused, not multiplied", async () => {
  const say = (input: unknown): Promise<RawReply> => send({ path: "/v1/responses", body: JSON.stringify({ model: "loopback", input }) });
  const kept = JSON.parse((await say("x".repeat(1_000_000))).body.toString()) as { id: string };
  const reference = { type: "item_reference", id: `${kept.id.replace("resp_", "msg_")}_in0` };
  const few = await say([reference, { role: "user", content: "hi" }, reference]);
  assert.equal(few.status, 200, few.body.toString().slice(0, 300));
  const many = await say(Array.from({ length: 40 }, () => reference));
  assert.deepEqual(
    [many.status, (JSON.parse(many.body.toString()) as { error: { message: string } }).error.message],
    [400, "The items that this request refers to have more than 33554432 characters. Send the items themselves."],
  );
});

test("a long text of the built-in model streams in a bounded number of events, and whole", async () => {
  const text = `${"a b ".repeat(30_000)}${"é😀".repeat(5001)}`;
  const body = JSON.stringify({ model: "loopback", stream: true, messages: [{ role: "user", content: text }] });
  const reply = await send({ path: "/v1/chat/completions", body });
  const events = reply.body
    .toString()
    .split("\n\n")
    .filter((event) => event.startsWith("data: {"));
  const pieces = events.map((event) => JSON.parse(event.slice(6)) as { choices: { delta: { content?: string } }[] });
  const got = pieces.map(({ choices }) => choices[0]?.delta.content ?? "").join("");
  assert.ok(got.endsWith(text.slice(-1000)) && got.length >= text.length, `${got.length} characters of ${text.length}`);
  assert.ok(events.length < 20, `${events.length} events`);
});

test("an answer of too many values is a 502, whole or as an event", async () => {
  const numbers = (count: number): string => `{"id":"a","model":"m","created":1,"choices":[],"x":${ones(count)}}`;
  const call = { id: "c", type: "function", function: { name: "f", arguments: `{"a":${ones(2 * limit)}}` } };
  const calling = { index: 0, message: { role: "assistant", content: null, tool_calls: [call] }, finish_reason: "tool_calls" };
  const shapes = [
    {
      contentType: "application/json",
      body: JSON.stringify({ id: "a", model: "m", created: 1, choices: [calling] }),
      status: 502,
      says: /answered more than 500000 values and names/,
    },
    { contentType: "application/json", body: numbers(2 * limit), status: 502, says: /answered more than 500000 values and names/ },
    {
      contentType: "text/event-stream",
      body: `data: ${numbers(2 * limit)}\n\n`,
      status: 502,
      says: /answered more than 500000 values and names/,
    },
    {
      contentType: "text/event-stream",
      body: `data: ${numbers(limit)}\r\n\r\n`.repeat(5),
      status: 502,
      says: /answered more than 1000000 values and names/,
    },
  ];
  for (const { contentType, body, status, says } of shapes) {
    const upstream = createServer((request, response) => {
      request.resume().on("end", () => {
        response.writeHead(200, { "content-type": contentType }).end(body);
      });
    });
    upstream.listen(0, "127.0.0.1");
    await once(upstream, "listening");
    const config = configOf(`http://127.0.0.1:${(upstream.address() as AddressInfo).port}`);
    const gateway = await startGateway({ config });
    try {
      const { path, body: asked } = bodies["anthropic-messages"](models["openai-chat"], '"stream":false');
      const headers = ["authorization", `Bearer ${gateway.adminKey}`, "content-type", "application/json"];
      const reply = await sendRaw(gateway.url, { path, headers, body: asked });
      assert.equal(reply.status, status, reply.body.toString().slice(0, 300));
      assert.match(reply.body.toString(), says);
    } finally {
      await gateway.stop();
      upstream.close();
      upstream.closeAllConnections();
    }
  }
});
