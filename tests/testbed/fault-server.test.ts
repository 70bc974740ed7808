import assert from "node:assert/strict";
import { test } from "node:test";
import { createFaultServer } from "./fault-server.ts";
import { sendWhole } from "./fault-wire.ts";
import { createRawClient } from "./raw-client.ts";

test("requests and connections are recorded, with the time a connection was closed", async () => {
  await using server = await createFaultServer();
  const client = createRawClient(server.port);
  client.send("anthropic-messages", true);
  await client.receive();
  client.send("gemini-generate", false);
  await client.receive();
  assert.deepEqual(
    server.requests.map((request) => [request.method, request.target, request.protocol, request.isStream, request.indexOnSocket]),
    [
      ["POST", "/v1/messages", "anthropic-messages", true, 0],
      ["POST", "/v1beta/models/m:generateContent", "gemini-generate", false, 1],
    ],
  );
  assert.equal(server.requests[0]?.headers["content-type"], "application/json");
  assert.deepEqual(JSON.parse(String(server.requests[1]?.body)), { contents: [{ parts: [{ text: "hi" }] }] });
  assert.deepEqual([server.connections, server.sockets[0]?.requests, server.sockets[0]?.closedAtMs], [1, 2, null]);
  const leftAtMs = performance.now();
  client.leave();
  const closedAtMs = await server.sockets[0]?.closed;
  assert.ok(closedAtMs !== undefined && closedAtMs >= leftAtMs);
  assert.equal(server.sockets[0]?.closedAtMs, closedAtMs);
});

test("a client that leaves a silent fault is noticed", async () => {
  await using server = await createFaultServer();
  server.use("hang-before-headers");
  const client = createRawClient(server.port);
  client.send("openai-chat", true);
  await server.waitForRequests(1);
  client.leave();
  assert.ok((await server.sockets[0]?.closed) !== undefined);
});

test("an endless event stops when the client leaves", async () => {
  await using server = await createFaultServer();
  server.use({ fault: "sse-endless-event", capBytes: Number.MAX_SAFE_INTEGER });
  const client = createRawClient(server.port);
  client.send("openai-chat", true);
  await new Promise((resolve) => client.socket.once("data", resolve));
  client.leave();
  assert.ok((await server.sockets[0]?.closed) !== undefined);
});

test("a connection is reset on its second request, before any byte", async () => {
  await using server = await createFaultServer();
  server.use("reset-on-reuse");
  const client = createRawClient(server.port);
  client.send("openai-chat", false);
  assert.equal((await client.receive()).how, "complete");
  client.send("openai-chat", false);
  const second = await client.receive();
  assert.deepEqual([second.how, second.bytes.length], ["reset", 0]);
  const fresh = createRawClient(server.port);
  fresh.send("openai-chat", false);
  assert.equal((await fresh.receive()).how, "complete");
  fresh.leave();
  assert.equal(server.connections, 2);
});

test("faults are played in order, the last one stays; settings, wire and own faults are taken", async () => {
  await using server = await createFaultServer();
  server.use("status-503", { fault: "429-retry-seconds", retryAfterSeconds: 31, protocol: "anthropic-messages" }, (context) =>
    sendWhole(context, 418, {}, "teapot"),
  );
  const client = createRawClient(server.port);
  const statuses: number[] = [];
  for (let at = 0; at < 4; at += 1) {
    client.send("openai-chat", false);
    const answer = await client.receive();
    statuses.push(answer.status);
    if (at === 1) assert.deepEqual([answer.headers["retry-after"], answer.body.includes("rate_limit_error")], ["31", true]);
  }
  client.leave();
  assert.deepEqual(statuses, [503, 429, 418, 418]);
});

test("a chunked request and two requests in one write are read", async () => {
  await using server = await createFaultServer();
  const client = createRawClient(server.port);
  const chunked = 'POST /v1/responses HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{"a":\r\n2\r\n1}\r\n0\r\n\r\n';
  client.socket.write(chunked + chunked);
  await server.waitForRequests(2);
  client.leave();
  assert.deepEqual(
    server.requests.map((request) => String(request.body)),
    ['{"a":1}', '{"a":1}'],
  );
});
