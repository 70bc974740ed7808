import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Secret, SseSplitter, asBytes, utf8OfLatin1 } from "../../src/core/index.ts";
import { protocols } from "../../src/protocols/index.ts";
import { announcementsOver } from "../e2e/both-ways.ts";
import { startGateway, type Caller, type TestGateway } from "../e2e/harness.ts";
import { sendRaw } from "../e2e/raw-http.ts";
import type { Ask, MatrixClient } from "../matrix/ask.ts";
import { configOf, models } from "../matrix/bench.ts";
import { createAnthropicClient } from "../matrix/client-anthropic.ts";
import { createGeminiClient } from "../matrix/client-gemini.ts";
import { createChatClient } from "../matrix/client-openai-chat.ts";
import { createResponsesClient } from "../matrix/client-openai-responses.ts";
import { ends, weather } from "../matrix/scenarios.ts";
import { createMockUpstream, type MockUpstream } from "../testbed/mock-upstream.ts";
import { PROTOCOLS, type Protocol as ProtocolName } from "../testbed/scenario.ts";
import { reasonOf, type ToyAnswer } from "./answer.ts";
import { toyId } from "./id.ts";
import { toy } from "./index.ts";
import type { ToyRequest } from "./request.ts";
import { startToyServer, type ToyServer } from "./server.ts";
import { ToyDecoder, type ToyEvent } from "./stream.ts";

/** The one line that registers the protocol: in the program it is a name in the list of `src/protocols/index.ts`. */
const withToy = new Map([...protocols, [toy.id, toy]]);

const toyModel = "toy-1";
const apiKey = "toy-key-of-the-provider";

let mock: MockUpstream;
let server: ToyServer;
let gateway: TestGateway;
let caller: Caller;
let clients: Readonly<Record<ProtocolName, MatrixClient>>;

before(async () => {
  mock = await createMockUpstream({ apiKeys: ["sk-matrix"] });
  server = await startToyServer(apiKey);
  const provider = { name: "toy", enabled: true, protocols: [toyId], baseUrl: server.url, keys: [new Secret(apiKey)], models: [toyModel] };
  gateway = await startGateway({ config: configOf(mock.url), protocols: withToy, providers: [provider] });
  await announcementsOver(mock, PROTOCOLS.length);
  caller = await gateway.createKey("alice");
  clients = {
    "openai-chat": createChatClient(gateway.url, caller.key),
    "openai-responses": createResponsesClient(gateway.url, caller.key),
    "anthropic-messages": createAnthropicClient(gateway.url, caller.key),
    "gemini-generate": createGeminiClient(gateway.url, caller.key),
  };
});
after(async () => {
  await gateway.stop();
  await mock.close();
  await server.close();
});

const text = 'Grüße, 日本 ✓ "quoted"';
const args = { city: "Zürich", days: 2 };
const argsText = '{ "city": "Zürich", "days": 2 }';

interface Case {
  readonly name: string;
  /** What the toy server answers. */
  readonly toy: Pick<ToyAnswer, "parts" | "end">;
  readonly sees: { readonly text: string; readonly calls: readonly { readonly name: string; readonly args: unknown }[] };
  readonly stop: "end" | "tool";
}

const cases: readonly Case[] = [
  { name: "text", toy: { parts: [{ text }], end: "done" }, sees: { text, calls: [] }, stop: "end" },
  {
    name: "a tool call",
    toy: { parts: [{ call: { id: "c1", name: weather.name, args: argsText } }], end: "tool" },
    sees: { text: "", calls: [{ name: weather.name, args }] },
    stop: "tool",
  },
];
const tokens = { in: 21, out: 9 };

/** The same conversation in neutral words and on the toy's wire: an earlier call, its result, a tool that is offered. */
const ask: Ask = { system: "Sei kurz.", turns: [{ role: "user", text: "How is the weather? ✓" }], tools: [weather], maxTokens: 321 };
const asked = (model: string, stream: boolean): ToyRequest => ({
  model,
  stream,
  say: [
    { who: "rules", text: "Sei kurz." },
    { who: "user", text: "How is the weather? ✓" },
  ],
  tools: [{ name: weather.name, about: weather.description, takes: weather.schema }],
  limit: 321,
});

/** Sends the request as a client of the toy protocol, and reads what it gets into one answer. */
async function askAsToy(body: ToyRequest): Promise<Pick<ToyAnswer, "parts" | "end" | "tokens" | "model">> {
  const headers = ["authorization", `Bearer ${caller.key}`, "content-type", "application/json"];
  const reply = await sendRaw(gateway.url, { path: "/toy/ask", headers, body: JSON.stringify(body) });
  assert.equal(reply.status, 200, reply.body.toString());
  if (body.stream !== true) return JSON.parse(reply.body.toString()) as ToyAnswer;
  assert.match(reply.headers["content-type"] ?? "", /^text\/event-stream/);
  return collect(
    new SseSplitter().push(asBytes(reply.body.toString("latin1"))).map(({ data }) => JSON.parse(utf8OfLatin1(data)) as ToyEvent),
  );
}

function collect(events: readonly ToyEvent[]): Pick<ToyAnswer, "parts" | "end" | "tokens" | "model"> {
  const parts: { text?: string; call?: { id: string; name: string; args: string } }[] = [];
  const calls = new Map<number, { id: string; name: string; args: string }>();
  let ended: Pick<ToyAnswer, "end" | "tokens"> | undefined;
  let model = "";
  for (const event of events) {
    assert.equal(ended, undefined, "nothing follows the end");
    if ("open" in event) ({ model } = event.open);
    else if ("call" in event) {
      const call = { ...event.call, args: "" };
      calls.set(event.of, call);
      parts.push({ call });
    } else if ("args" in event) calls.get(event.of)!.args += event.args;
    else if ("end" in event) ended = { end: event.end, tokens: event.tokens };
    else if ("text" in event && parts.at(-1)?.text !== undefined) parts.at(-1)!.text += event.text;
    else if ("text" in event) parts.push({ text: event.text });
    else assert.fail(JSON.stringify(event));
  }
  return { ...ended!, parts: parts as ToyAnswer["parts"], model };
}

function seen({ parts }: Pick<ToyAnswer, "parts">): Case["sees"] {
  return {
    text: parts.map((part) => ("text" in part ? part.text : "")).join(""),
    calls: parts.flatMap((part) => ("call" in part ? [{ name: part.call.name, args: JSON.parse(part.call.args) as unknown }] : [])),
  };
}

async function rowOf(count: number): Promise<object> {
  const rows = await gateway.rows();
  assert.equal(rows.length, count + 1);
  const { dialect, provider, model_served, input_tokens, output_tokens, status, http_status } = rows.at(-1)!;
  return { dialect, provider, model_served, input_tokens, output_tokens, status, http_status };
}

for (const stream of [false, true]) {
  const form = stream ? "streamed" : "whole";
  for (const each of cases) {
    for (const dialect of PROTOCOLS) {
      test(`${dialect} to the toy protocol, ${form}: ${each.name}`, async () => {
        server.answerWith({ ...each.toy, tokens });
        const before = (await gateway.rows()).length;
        const outcome = await clients[dialect].run(ask, toyModel, stream);
        assert.deepEqual(
          { text: outcome.text, calls: outcome.calls.map((call) => ({ name: call.name, args: call.args })), stop: outcome.stop },
          { ...each.sees, stop: ends[dialect][each.stop] },
        );
        assert.deepEqual(server.requests, [asked(toyModel, stream)]);
        assert.deepEqual(await rowOf(before), {
          dialect,
          provider: "toy",
          model_served: toyModel,
          input_tokens: tokens.in,
          output_tokens: tokens.out,
          status: "ok",
          http_status: 200,
        });
      });

      test(`the toy protocol to ${dialect}, ${form}: ${each.name}`, async () => {
        mock.reset();
        mock.enqueue(each.stop === "tool" ? { toolCalls: [{ name: weather.name, arguments: args }] } : { text: [text] });
        const before = (await gateway.rows()).length;
        const answer = await askAsToy(asked(models[dialect], stream));
        const { input, output } = mock.requests[0]!.reportedUsage!;
        assert.deepEqual(
          { ...seen(answer), end: answer.end, tokens: answer.tokens, model: answer.model },
          { ...each.sees, end: each.toy.end, tokens: { in: input, out: output }, model: models[dialect] },
        );
        assert.equal(mock.requests.length, 1);
        const row = await rowOf(before);
        assert.deepEqual(row, {
          dialect: toyId,
          provider: dialect,
          model_served: models[dialect],
          input_tokens: input,
          output_tokens: output,
          status: "ok",
          http_status: 200,
        });
      });
    }

    test(`the toy protocol to itself, ${form}: ${each.name}`, async () => {
      server.answerWith({ ...each.toy, tokens });
      const before = (await gateway.rows()).length;
      assert.deepEqual(await askAsToy(asked(toyModel, stream)), {
        ...(stream ? {} : { id: "toy_1" }),
        ...each.toy,
        model: toyModel,
        tokens,
      });
      assert.deepEqual(server.requests, [asked(toyModel, stream)]);
      assert.deepEqual(await rowOf(before), {
        dialect: toyId,
        provider: "toy",
        model_served: toyModel,
        input_tokens: tokens.in,
        output_tokens: tokens.out,
        status: "ok",
        http_status: 200,
      });
    });
  }
}

test("a conversation with a call and its result is the same on both sides", async () => {
  server.answerWith({ parts: [{ text }], end: "done", tokens });
  const call = { id: "c1", name: weather.name, arguments: argsText };
  const body = {
    model: toyModel,
    messages: [
      { role: "user", content: "How is the weather?" },
      {
        role: "assistant",
        content: null,
        tool_calls: [{ id: call.id, type: "function", function: { name: call.name, arguments: argsText } }],
      },
      { role: "tool", tool_call_id: call.id, content: "sunny" },
    ],
  };
  const headers = ["authorization", `Bearer ${caller.key}`, "content-type", "application/json"];
  const reply = await sendRaw(gateway.url, { path: "/v1/chat/completions", headers, body: JSON.stringify(body) });
  assert.equal(reply.status, 200, reply.body.toString());
  assert.deepEqual(server.requests[0]!.say, [
    { who: "user", text: "How is the weather?" },
    { who: "model", text: "", calls: [{ id: call.id, name: call.name, args: argsText }] },
    { who: "tool", id: call.id, text: "sunny" },
  ]);
});

test("errors: of the provider in every dialect, of the gateway and on unknown paths in the toy's", async () => {
  server.answerWith({ error: { status: 400, message: "too many words" } });
  const headers = ["authorization", `Bearer ${caller.key}`, "content-type", "application/json"];
  const send = async (path: string, body: object): Promise<readonly [number, string]> => {
    const reply = await sendRaw(gateway.url, { path, headers, body: JSON.stringify(body) });
    return [reply.status, (JSON.parse(reply.body.toString()) as { error: { message: string } }).error.message];
  };
  assert.deepEqual(await send("/toy/ask", asked(toyModel, false)), [400, "too many words"]);
  const chat = { model: toyModel, messages: [{ role: "user", content: "hi" }] };
  assert.deepEqual(await send("/v1/chat/completions", chat), [400, "too many words"]);
  const unknown = await send("/toy/ask", { ...asked("nobody-has-this", false) });
  assert.equal(unknown[0], 404);
  const lost = await sendRaw(gateway.url, { path: "/toy/nothing", headers, body: "{}" });
  assert.deepEqual(Object.keys((JSON.parse(lost.body.toString()) as { error: object }).error), ["status", "code", "message", "request"]);
});

test("law: the events of a stream and the object of the same answer are the same answer", () => {
  const parts = [{ text }, { call: { id: "c1", name: weather.name, args: argsText } }];
  const decoder = new ToyDecoder();
  const wire: readonly ToyEvent[] = [
    { open: { id: "a", model: toyModel } },
    { text },
    { call: { id: "c1", name: weather.name }, of: 1 },
    { args: argsText, of: 1 },
    { end: "tool", tokens },
  ];
  const events = wire.flatMap((event) => {
    const data = asBytes(Buffer.from(JSON.stringify(event)).toString("latin1"));
    return decoder.push({ name: "", data, raw: data });
  });
  assert.deepEqual(
    events.flatMap((event) => (event.type === "message-delta" ? [event.stopReason] : [])),
    [reasonOf("tool")],
  );
  assert.deepEqual(collect(wire).parts, parts);
});
