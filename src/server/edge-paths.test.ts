import assert from "node:assert/strict";
import { request } from "node:http";
import { test } from "node:test";
import { createRouteTable, type Route } from "./route-table.ts";
import { parseAnswers, rawClient, route, startEdge } from "./testing.ts";

const routes: Route[] = [
  route("/v1/chat/completions", (exchange) => exchange.json(200, [], "chat")),
  route("/v1/models", (exchange) => exchange.json(200, [], "list"), { method: "GET" }),
  route("/v1/models/{model}", (exchange, { param }) => exchange.json(200, [], `model ${param}`), { method: "GET" }),
  route("/v1/models/{model}:generateContent", (exchange, { param }) => exchange.json(200, [], `generate ${param}`)),
  route("/v1/models/{model}:streamGenerateContent", (exchange, { param }) => exchange.json(200, [], `stream ${param}`)),
  route("/v1/responses/{id}", (exchange, { param }) => exchange.json(200, [], `response ${param}`), { method: "GET" }),
  route("/v1/responses/{id}/cancel", (exchange, { param }) => exchange.json(200, [], `cancel ${param}`)),
  route("/v1/responses/compact", (exchange) => exchange.json(200, [], "compact"), { method: "GET" }),
  route("/api/v1/keys/{id}", (exchange, { param }) => exchange.json(200, [], `key ${param}`), { method: "DELETE" }),
];

/** Sends a request target as it is; `fetch` would tidy it up. */
function ask(port: number, method: string, path: string, key?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = key === undefined ? {} : { "api-key": key };
    const call = request({ port, host: "127.0.0.1", method, path, headers, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (piece: string) => (text += piece));
      response.on("end", () =>
        resolve(response.statusCode === 200 ? text : `${response.statusCode} ${(JSON.parse(text) as { code: string }).code}`),
      );
    });
    call.on("error", reject);
    call.end();
  });
}

test("paths find their route and their decoded parameter", async (t) => {
  const { port } = await startEdge(t, routes);
  const expected: [string, string, string][] = [
    ["POST", "/v1/chat/completions", "chat"],
    ["POST", "/v1/chat/completions?beta=true", "chat"],
    ["GET", "/v1/models", "list"],
    ["GET", "/v1/models/gpt-4o", "model gpt-4o"],
    ["GET", "/v1/models/meta-llama/Llama-3-8B", "model meta-llama/Llama-3-8B"],
    ["GET", "/v1/models/meta-llama%2FLlama-3-8B", "model meta-llama/Llama-3-8B"],
    ["GET", "/v1/models/llama3:8b", "model llama3:8b"],
    ["GET", "/v1/models/...", "model ..."],
    ["GET", "/v1/models/.hidden", "model .hidden"],
    ["GET", "/v1/models/%C3%A9t%C3%A9", "model été"],
    ["POST", "/v1/models/gemini-2.5-pro:generateContent", "generate gemini-2.5-pro"],
    ["POST", "/v1/models/a/b:8b:streamGenerateContent?alt=sse", "stream a/b:8b"],
    ["GET", "/v1/responses/resp_1", "response resp_1"],
    ["GET", "/v1/responses/compact", "compact"],
    ["POST", "/v1/responses/resp_1/cancel", "cancel resp_1"],
    ["DELETE", "/api/v1/keys/key_1", "key key_1"],
  ];
  for (const [method, path, answer] of expected) assert.equal(await ask(port, method, path), answer, path);
});

test("odd spellings of a path are refused or unknown, and never reach another route", async (t) => {
  const { port } = await startEdge(t, routes);
  const expected: [string, string, string][] = [
    ["POST", "//v1/chat/completions", "400 invalid_path"],
    ["POST", "/v1//chat/completions", "400 invalid_path"],
    ["POST", "/v1/./chat/completions", "400 invalid_path"],
    ["POST", "/v1/x/../chat/completions", "400 invalid_path"],
    ["POST", "/../v1/chat/completions", "400 invalid_path"],
    ["POST", "/v1/chat/completions/..", "400 invalid_path"],
    ["POST", "/v1/chat/completions/.", "400 invalid_path"],
    ["POST", "/v1\\chat\\completions", "400 invalid_path"],
    ["POST", "http://127.0.0.1/v1/chat/completions", "400 invalid_path"],
    ["POST", "/v1/chat/completions#x", "400 invalid_path"],
    ["POST", "/v1/chat/completions?a#x", "400 invalid_path"],
    ["POST", "v1/chat/completions", "400 invalid_http"],
    ["POST", "/v1/chat/completions/", "404 not_found"],
    ["POST", "/v1/chat%2Fcompletions", "404 not_found"],
    ["POST", "/v1/%63hat/completions", "404 not_found"],
    ["POST", "/v1/%2e%2e/v1/chat/completions", "404 not_found"],
    ["POST", "/v1/chat/completions%00", "404 not_found"],
    ["POST", "/v1/chat/completions;a=b", "404 not_found"],
    ["POST", "/V1/chat/completions", "404 not_found"],
    ["POST", "/v1/chat/completions%3Fa", "404 not_found"],
    ["GET", "/v1/models/", "404 not_found"],
    ["GET", "/v1/models/%2e%2e/chat", "400 invalid_path"],
    ["GET", "/v1/models/a%2F%2Fb", "400 invalid_path"],
    ["GET", "/v1/models/a%2f..%2fb", "400 invalid_path"],
    ["GET", "/v1/models/a%5Cb", "400 invalid_path"],
    ["GET", "/v1/models/a%00b", "400 invalid_path"],
    ["GET", "/v1/models/a%zz", "400 invalid_path"],
    ["GET", "/v1/models/a%ff", "400 invalid_path"],
    ["GET", "/v1/responses/a%2Fcancel", "400 invalid_path"],
    ["GET", "/v1/responses/%2e", "400 invalid_path"],
    ["GET", "/v1/responses/a/b", "404 not_found"],
    ["DELETE", "/api/v1/keys/%2e%2e%2fusers", "400 invalid_path"],
    ["POST", "/v1/models/:generateContent", "404 not_found"],
    ["POST", "/v1/models/m%3AgenerateContent", "405 method_not_allowed"],
    ["POST", "/v1/models/m:generatecontent", "404 not_found"],
    ["OPTIONS", "/v1/models", "405 method_not_allowed"],
    ["GET", "/toString", "404 not_found"],
    ["GET", "/__proto__", "404 not_found"],
  ];
  for (const [method, path, answer] of expected) {
    const seen = await ask(port, method, path).catch((error: Error) => error.message);
    assert.equal(seen, answer === "400 invalid_http" ? "400 invalid_request" : answer, path);
  }
});

const anyBase = { anyBase: true, access: "user" } as const;
const baseRoutes: Route[] = [
  route("/v1/chat/completions", (exchange, { query }) => exchange.json(200, [], `chat ${query}`), anyBase),
  route("/v1/messages", (exchange) => exchange.json(200, [], "messages"), anyBase),
  route("/anthropic/v1/messages", (exchange) => exchange.json(200, [], "anthropic"), anyBase),
  route("/v1/responses/{id}", (exchange, { param }) => exchange.json(200, [], `response ${param}`), { ...anyBase, method: "GET" }),
  route("/v1/models/{model}", (exchange, { param }) => exchange.json(200, [], `model ${param}`), { ...anyBase, method: "GET" }),
  route("/v1beta/models/{model}:generateContent", (exchange, { param }) => exchange.json(200, [], `generate ${param}`), anyBase),
  route("/v1beta/openai/chat/completions", (exchange) => exchange.json(200, [], "google chat"), anyBase),
  route("/v1/inside", (exchange) => exchange.json(200, [], "inside"), { access: "public" }),
  route("/api/v1/users", (exchange) => exchange.json(200, [], "users"), { access: "admin", method: "GET" }),
  route("/metrics", (exchange) => exchange.json(200, [], "metrics"), { access: "admin", method: "GET" }),
];

test("a base URL whose /v1 is missing or doubled, or that is Azure's, reaches the same route with the same access", async (t) => {
  const { port } = await startEdge(t, baseRoutes);
  const expected: [string, string, string][] = [
    ["POST", "/chat/completions?a=1", "chat a=1"],
    ["POST", "/v1/v1/chat/completions", "chat "],
    ["POST", "/openai/v1/chat/completions?api-version=preview&b=2", "chat b=2"],
    ["POST", "/openai/chat/completions?api-version=2024-10-21", "chat "],
    ["POST", "/messages", "messages"],
    ["POST", "/v1/v1/messages", "messages"],
    ["POST", "/anthropic/messages", "anthropic"],
    ["POST", "/anthropic/v1/v1/messages", "anthropic"],
    ["GET", "/responses/resp_1", "response resp_1"],
    ["GET", "/models/org%2Fname", "model org/name"],
    ["POST", "/v1beta/v1beta/models/m:generateContent", "generate m"],
    ["POST", "/v1/v1beta/models/m:generateContent", "generate m"],
    ["POST", "/v1beta/openai/v1/chat/completions", "google chat"],
    ["GET", "/chat/completions", "405 method_not_allowed"],
    // Twice wrong is not guessed at, and what is no model route has one path.
    ["POST", "/v1/v1/v1/chat/completions", "404 not_found"],
    ["POST", "/openai/openai/chat/completions", "404 not_found"],
    ["POST", "/inside", "404 not_found"],
    ["POST", "/v1/v1/inside", "404 not_found"],
    ["GET", "/users", "404 not_found"],
    ["GET", "/v1/users", "404 not_found"],
    ["GET", "/v1/metrics", "404 not_found"],
    ["GET", "/openai/metrics", "404 not_found"],
    ["POST", "/openai//chat/completions", "400 invalid_path"],
    ["POST", "/openai/../chat/completions", "400 invalid_path"],
    ["GET", "/models/%2e%2e%2fusers", "400 invalid_path"],
  ];
  for (const [method, path, answer] of expected) {
    assert.equal(await ask(port, method, path, "tok_user"), answer, path);
    if (!answer.startsWith("4")) assert.equal(await ask(port, method, path), "401 missing_api_key", path);
  }
});

test("a path that is not served names the base URLs that are, with the address that was called", async (t) => {
  const { port } = await startEdge(t, baseRoutes);
  const message = async (...lines: string[]): Promise<string> => {
    const client = await rawClient(t, port);
    const { body } = await client.send(`POST /v2/chat HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`).answer();
    return (JSON.parse(body) as { message: string }).message;
  };
  const named = (origin: string): string =>
    `There is no POST /v2/chat here. Base URLs: ${origin}/v1 for OpenAI's SDKs, ${origin}/anthropic for Anthropic's, ${origin} for Google's.`;
  assert.equal(await message("Host: gateway.example:8081"), named("http://gateway.example:8081"));
  assert.equal(await message("Host: gateway.example", "X-Forwarded-Proto: https"), named("https://gateway.example"));
  assert.equal(await message('Host: "><script>'), named("http://localhost:8081"));
});

test("bytes that no target may contain are refused", async (t) => {
  const { port } = await startEdge(t, routes);
  for (const target of ["/v1/mod\0els", "/v1/models\x01", "/v1/mod\u00e9ls", "/v1/models?a=\u00e9", "*", "/v1/models x"]) {
    const client = await rawClient(t, port);
    client.send(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
    const { status } = await client.answer();
    assert.equal(status, 400, JSON.stringify(target));
  }
});

test("an Upgrade is answered 426 with a body, in the dialect of the path, and nothing behind it is served", async (t) => {
  let served = 0;
  const { port } = await startEdge(t, [route("/v1/chat/completions", () => void served++)]);
  const webSocket = await rawClient(t, port);
  webSocket.send(
    "GET /v1/responses HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
  );
  const [first] = parseAnswers(await webSocket.ended());
  assert.equal(first!.status, 426);
  assert.deepEqual([first!.headers["upgrade"], first!.headers["connection"]], ["HTTP/1.1", "upgrade, close"]);
  const body = JSON.parse(first!.body) as { dialect: string; code: string };
  assert.deepEqual([body.dialect, body.code], ["openai-responses", "upgrade_required"]);
  const withBody = await rawClient(t, port);
  withBody.send(
    "POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\n{}" +
      "POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}",
  );
  const answers = parseAnswers(await withBody.ended());
  assert.deepEqual([answers.map((answer) => answer.status), served], [[426], 0]);
});

test("HTTP/1.1 without Host is refused; HTTP/1.0 without one is served and closed", async (t) => {
  const { port } = await startEdge(t, routes);
  const modern = await rawClient(t, port);
  assert.equal((await modern.send("GET /v1/models HTTP/1.1\r\n\r\n").answer()).status, 400);
  const old = await rawClient(t, port);
  const [answer] = parseAnswers(await old.send("GET /v1/models HTTP/1.0\r\n\r\n").ended());
  assert.deepEqual([answer!.status, answer!.body, answer!.headers["connection"]], [200, "list", "close"]);
  const oldKept = await rawClient(t, port);
  oldKept.send("GET /v1/models HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  assert.equal((await oldKept.answer()).headers["connection"], "keep-alive");
});

test("a table with two routes for one method and path is refused", () => {
  const again =
    (path: string): (() => void) =>
    () => {
      createRouteTable([route(path, () => {}), route(path.replace("{id}", "{other}"), () => {})]);
    };
  assert.throws(again("/x"), /two routes for POST \/x/);
  assert.throws(again("/x/{id}"), /two routes for POST/);
});
