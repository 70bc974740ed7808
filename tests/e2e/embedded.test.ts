import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { connect, createServer as createHttp2Server, type ClientHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text as readText } from "node:stream/consumers";
import { test, type TestContext } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { createGateway, GatewayError, type EmbeddedGateway } from "../../src/app/index.ts";
import { createMockUpstream } from "../testbed/mock-upstream.ts";
import { waitUntil } from "../testbed/wait-until.ts";
import { providerKeys } from "./harness.ts";

interface Embedded {
  readonly gateway: EmbeddedGateway;
  readonly key: string;
  readonly database: string;
}

async function embed(t: TestContext, settings: Record<string, unknown> = {}, basePath = ""): Promise<Embedded> {
  const folder = mkdtempSync(join(tmpdir(), "tokligence-embedded-"));
  const database = join(folder, "gateway.db");
  const gateway = await createGateway({ env: {}, settings: { ...settings, database: { path: database } }, basePath });
  t.after(async () => {
    await gateway.close({ graceMs: 0 });
    rmSync(folder, { recursive: true });
  });
  return { gateway, key: gateway.apiKey!, database };
}

function call(key: string, path: string, body?: object | string, headers: Record<string, string> = {}): Request {
  const init = body === undefined ? {} : { method: "POST", body: typeof body === "string" ? body : JSON.stringify(body) };
  return new Request(`http://gateway.test${path}`, { ...init, headers: { authorization: `Bearer ${key}`, ...headers } });
}

const hello = { model: "loopback", messages: [{ role: "user", content: "Hello there" }] };

async function host(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test("official SDKs use the gateway's fetch in place of the network, with and without streams", async (t) => {
  const { gateway, key } = await embed(t);
  const openai = new OpenAI({
    apiKey: key,
    baseURL: "http://gateway.test/v1",
    fetch: (url, init) => gateway.fetch(new Request(url, init)),
  });
  const answer = await openai.chat.completions.create({ model: "loopback", messages: [{ role: "user", content: "Hello there" }] });
  assert.equal(answer.choices[0]!.message.content, "Hello there");
  const anthropic = new Anthropic({
    apiKey: key,
    baseURL: "http://gateway.test",
    fetch: (url, init) => gateway.fetch(new Request(url, init)),
  });
  const stream = anthropic.messages.stream({ model: "loopback", max_tokens: 99, messages: [{ role: "user", content: "a b c" }] });
  assert.equal(await stream.finalText(), "a b c");
  await waitUntil("both requests are in the ledger", async () => (await gateway.admin.getUsage()).totals.requests === 2);
});

test("refusals are those of the server, in the client's dialect", async (t) => {
  const { gateway, key } = await embed(t, { gateway: { limits: { body: "64KB" } } });
  const cases: readonly (readonly [Request, number, string])[] = [
    [call("tok_unknown", "/v1/models"), 401, "invalid_api_key"],
    [call(key, "/v1/nothing"), 404, "not_found"],
    [call(key, "/v1/chat/completions", "{"), 400, "invalid_json"],
    [call(key, "/v1/chat/completions", "x".repeat(100_000)), 413, "body_too_large"],
    [call(key, "/v1/models", undefined, { "x-long": "x".repeat(20_000) }), 431, "invalid_request"],
    [call(key, "/v1//models"), 400, "invalid_path"],
  ];
  for (const [request, status, code] of cases) {
    const response = await gateway.fetch(request);
    const { error } = (await response.json()) as { error: { code: string } };
    assert.deepEqual([response.status, error.code], [status, code]);
  }
  const anthropic = await gateway.fetch(call("tok_unknown", "/anthropic/v1/messages", {}));
  assert.equal(((await anthropic.json()) as { type: string }).type, "error");
});

test("without a remote address a caller is not taken for a program on this machine", async (t) => {
  const { gateway } = await embed(t, { gateway: { auth: { enabled: false } } });
  const ask = async (remoteAddress?: string): Promise<number> => {
    const caller = remoteAddress === undefined ? {} : { remoteAddress };
    const response = await gateway.fetch(new Request("http://localhost/v1/models"), caller);
    await response.arrayBuffer();
    return response.status;
  };
  assert.deepEqual([await ask(), await ask("203.0.113.7"), await ask("127.0.0.1")], [403, 403, 200]);
});

test("a reader that leaves, and one that aborts, end the attempt at the provider", async (t) => {
  const upstream = await createMockUpstream({
    choose: () => ({ text: ["one", "two", "three"], trouble: { kind: "hang", afterPieces: 1 } }),
  });
  t.after(() => upstream.close());
  const provider = { base_url: `${upstream.url}/v1`, api_key: providerKeys.openai };
  const { gateway, key } = await embed(t, { providers: { openai: provider } });
  const body = { ...hello, model: "gpt-5.5", stream: true };
  const left = await gateway.fetch(call(key, "/v1/chat/completions", body));
  const reader = left.body!.getReader();
  assert.match(new TextDecoder().decode((await reader.read()).value), /^data: /);
  const control = new AbortController();
  const aborted = await gateway.fetch(new Request(call(key, "/v1/chat/completions", body), { signal: control.signal }));
  const reading = aborted.text();
  await reader.cancel();
  control.abort(new Error("the user went away"));
  await assert.rejects(reading, /the user went away/);
  const [first, second] = upstream.requests.filter(({ method }) => method === "POST");
  assert.deepEqual([(await first!.closed).how, (await second!.closed).how], ["aborted", "aborted"]);
});

test("a handler for servers of node:http serves below a path, and leaves the host's own paths to it", async (t) => {
  const { gateway, key } = await embed(t);
  const url = await host(t, (request, response) => {
    if (request.url?.startsWith("/ai/") !== true) {
      response.end("host");
      return;
    }
    request.url = request.url.slice("/ai".length);
    gateway.handler(request, response);
  });
  assert.equal(await (await fetch(`${url}/`)).text(), "host");
  const client = new OpenAI({ apiKey: key, baseURL: `${url}/ai/v1` });
  const stream = await client.chat.completions.create({ ...hello, messages: [{ role: "user", content: "a b" }], stream: true });
  let text = "";
  for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? "";
  assert.equal(text, "a b");
});

test("a route handler in the shape of Next.js gets all paths below its own", async (t) => {
  const { gateway, key } = await embed(t, {}, "/api/ai/");
  // Next.js calls it with the request and the parameters of the path.
  const POST: (request: Request, context: object) => Promise<Response> = gateway.fetch;
  const context = { params: Promise.resolve({ path: ["v1", "chat", "completions"] }) };
  const answer = await POST(call(key, "/api/ai/v1/chat/completions?x=1", hello), context);
  const { choices } = (await answer.json()) as { choices: [{ message: { content: string } }] };
  assert.deepEqual([answer.status, choices[0].message.content], [200, "Hello there"]);
  assert.equal((await gateway.fetch(call(key, "/api/ai"))).status, 200);
  assert.equal((await gateway.fetch(call(key, "/api/aim/v1/models"))).status, 404);
});

test("messages name the base URLs below the path that was cut off, by the gateway or by Express", async (t) => {
  const { gateway, key } = await embed(t, {}, "/ai");
  const url = await host(t, (request, response) => {
    if (request.url?.startsWith("/express/") === true) {
      Object.assign(request, { baseUrl: "/express", url: request.url.slice("/express".length) });
    }
    gateway.handler(request, response);
  });
  for (const base of ["/ai", "/express"]) {
    const response = await fetch(`${url}${base}/v1/nothing`, { headers: { authorization: `Bearer ${key}` } });
    const { error } = (await response.json()) as { error: { message: string } };
    assert.equal(
      error.message,
      `There is no GET ${base}/v1/nothing here. Base URLs: ${url}${base}/v1 for OpenAI's SDKs, ${url}${base}/anthropic for Anthropic's, ${url}${base} for Google's.`,
    );
  }
});

test("the handler serves a host of HTTP/2: answers, streams, refusals, and a client that resets its stream", async (t) => {
  const upstream = await createMockUpstream({ choose: () => ({ text: ["one", "two"], trouble: { kind: "hang", afterPieces: 1 } }) });
  t.after(() => upstream.close());
  const { gateway, key } = await embed(
    t,
    { providers: { openai: { base_url: `${upstream.url}/v1`, api_key: providerKeys.openai } } },
    "/ai",
  );
  let isRead = false;
  const server = createHttp2Server((request, response) => {
    if (isRead) request.resume().once("end", () => gateway.handler(request, response));
    else gateway.handler(request, response);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  t.after(() => {
    session.destroy();
    server.close();
  });
  const open = (path: string, body?: object): ClientHttp2Stream => {
    const method = body === undefined ? "GET" : "POST";
    const stream = session.request({ ":method": method, ":path": path, authorization: `Bearer ${key}` }, { endStream: body === undefined });
    if (body !== undefined) stream.end(JSON.stringify(body));
    return stream;
  };
  const ask = async (path: string, body?: object): Promise<readonly [status: unknown, text: string]> => {
    const stream = open(path, body);
    const [headers] = (await once(stream, "response")) as [Record<string, unknown>];
    return [headers[":status"], await readText(stream)];
  };
  const [status, answer] = await ask("/ai/v1/chat/completions", hello);
  assert.deepEqual([status, answer.includes('"content":"Hello there"')], [200, true]);
  assert.match((await ask("/ai/v1/chat/completions", { ...hello, stream: true }))[1], /^data: [^]*data: \[DONE\]\n\n$/);
  const [missing, said] = await ask("/ai/v1/nothing");
  assert.deepEqual([missing, /Base URLs: http:\/\/127\.0\.0\.1:\d+\/ai\/v1 /.test(said)], [404, true]);
  const left = open("/ai/v1/chat/completions", { ...hello, model: "gpt-5.5", stream: true });
  await once(left, "data");
  left.close();
  const forwarded = upstream.requests.find(({ method }) => method === "POST");
  assert.equal((await forwarded!.closed).how, "aborted");
  isRead = true;
  const [refused, why] = await ask("/ai/v1/messages", hello);
  assert.deepEqual([refused, (JSON.parse(why) as { type: string }).type], [500, "error"]);
  assert.match(why, /The program around the gateway has read the body of this request/);
});

test("a request whose body the host has read is refused with what to do", async (t) => {
  const { gateway, key } = await embed(t);
  const url = await host(t, (request, response) => {
    request.resume().once("end", () => gateway.handler(request, response));
  });
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}` },
    body: JSON.stringify(hello),
  });
  const { error } = (await response.json()) as { error: { message: string } };
  assert.deepEqual(
    [response.status, error.message],
    [500, "The program around the gateway has read the body of this request. It must hand the request on before any body parser."],
  );
});

test("two gateways run in one process, a third on the same database does not, and the host's signals stay its own", async (t) => {
  const listeners = (): number[] => ["SIGINT", "SIGTERM", "SIGHUP", "exit", "uncaughtException"].map((name) => process.listenerCount(name));
  const before = listeners();
  const [first, second] = [await embed(t), await embed(t)];
  await assert.rejects(
    createGateway({ env: {}, settings: { database: { path: first.database } } }),
    (error: unknown) => error instanceof GatewayError && error.code === "conflict",
  );
  await first.gateway.admin.createUser("alice");
  const names = async ({ gateway }: Embedded): Promise<string[]> => (await gateway.admin.listUsers()).map(({ username }) => username);
  assert.deepEqual([await names(first), await names(second)], [["admin", "alice"], ["admin"]]);
  assert.equal((await second.gateway.fetch(call(first.key, "/v1/models"))).status, 401);
  assert.deepEqual(listeners(), before);
});

test("close lets an active answer end, refuses new requests, and leaves the database to the next gateway", async (t) => {
  const { gateway, key, database } = await embed(t);
  const active = await gateway.fetch(call(key, "/v1/chat/completions", { ...hello, stream: true }));
  const closed = gateway.close();
  const late = await gateway.fetch(call(key, "/v1/chat/completions", hello));
  assert.deepEqual([late.status, ((await late.json()) as { error: { code: string } }).error.code], [503, "shutting_down"]);
  assert.match(await active.text(), /data: \[DONE\]\n\n$/);
  await closed;
  assert.deepEqual(
    readdirSync(join(database, "..")).filter((name) => name.endsWith("-wal")),
    [],
  );
  const again = await createGateway({ env: {}, settings: { database: { path: database } } });
  assert.deepEqual([again.apiKey, (await again.admin.getUsage()).totals.requests], [undefined, 1]);
  await assert.rejects(again.fetch("http://again.test/health" as never), /Give fetch a Request/);
  await again.close();
  await assert.rejects(again.admin.getUsage(), /The gateway is closed: make another one with createGateway/);
});
