import assert from "node:assert/strict";
import { once } from "node:events";
import { inspect } from "node:util";
import { test } from "node:test";
import { Secret } from "../../core/index.ts";
import { clientFor, gather, Gatherer, jsonAnswer, providerAt, rawServer, requestTo, start, testBothWays } from "../testing.ts";
import { loopbackProvider } from "../providers/build-providers.ts";
import { nextKeyIndex } from "../providers/next-key-index.ts";

test("a request arrives with its path, headers, key and body, and the answer comes back as received", async (t) => {
  const upstream = await rawServer(t, ({ socket }) => socket.write(jsonAnswer('{"id":"a"}', "HTTP/1.1 201 Created\r\nX-Odd-Case: Yes")));
  const provider = providerAt(`${upstream.origin}/v1`);
  const client = clientFor(t, [provider]);
  const result = await gather(
    client,
    requestTo(provider, { headers: ["content-type", "application/json", "user-agent", "test/1"], body: '{"model":"m"}' }),
  );
  assert.deepEqual(result, {
    status: 201,
    headers: ["X-Odd-Case", "Yes", "content-type", "application/json", "content-length", "10"],
    body: '{"id":"a"}',
  });
  const [arrived] = upstream.requests;
  assert.equal(
    arrived!.head,
    [
      "POST /v1/chat/completions HTTP/1.1",
      `host: 127.0.0.1:${upstream.port}`,
      "connection: keep-alive",
      "content-type: application/json",
      "user-agent: test/1",
      "accept-encoding: identity",
      "authorization: Bearer sk-upstream",
      "content-length: 13",
      "",
      "",
    ].join("\r\n"),
  );
  assert.equal(arrived!.body, '{"model":"m"}');
});

testBothWays("a string body is sent as the bytes it represents", async (t, reach) => {
  const upstream = await rawServer(t, ({ socket }) => socket.write(jsonAnswer()));
  const { provider, client } = reach(t, upstream);
  const body = Buffer.from('{"a":"é €"}', "utf8").toString("latin1");
  await gather(client, requestTo(provider, { body }));
  assert.equal(upstream.requests[0]!.body, body);
});

testBothWays("a body in parts arrives complete and in order, small or large", async (t, reach) => {
  const upstream = await rawServer(t, ({ socket }) => socket.write(jsonAnswer()));
  const { provider, client } = reach(t, upstream);
  const letters = (letter: string, count: number): Uint8Array => Buffer.from(letter.repeat(count));
  const bodies = [
    [letters("a", 3), letters("b", 2)],
    [letters("a", 10), letters("b", 20), letters("c", 70_000), letters("d", 5), letters("e", 100_000), letters("f", 1)],
    [letters("a", 0), letters("b", 20_000), letters("c", 30_000), letters("d", 40_000)],
    [],
  ];
  for (const body of bodies) assert.equal((await gather(client, requestTo(provider, { body }))).status, 200);
  assert.deepEqual(
    upstream.requests.map((request) => request.body),
    bodies.map((parts) => Buffer.concat(parts).toString("latin1")),
  );
  for (const { head, body } of upstream.requests) assert.match(head, new RegExp(`content-length: ${body.length}\r\n`));
  assert.equal(upstream.sockets.length, 1);
});

test("a GET and a DELETE carry no body", async (t) => {
  const upstream = await rawServer(t, ({ socket }) => socket.write(jsonAnswer()));
  const provider = providerAt(upstream.origin);
  const client = clientFor(t, [provider]);
  await gather(client, requestTo(provider, { method: "GET", path: "/models", body: undefined, headers: [] }));
  await gather(client, requestTo(provider, { method: "DELETE", path: "/responses/r_1", body: undefined, headers: [] }));
  assert.deepEqual(
    upstream.requests.map(({ head }) => [head.split("\r\n")[0], /content-length/.test(head)]),
    [
      ["GET /v1/models HTTP/1.1", false],
      ["DELETE /v1/responses/r_1 HTTP/1.1", false],
    ],
  );
});

testBothWays("connections are reused, each for one request at a time", async (t, reach) => {
  const upstream = await rawServer(t, ({ socket }) => socket.write(jsonAnswer()));
  const { provider, client } = reach(t, upstream);
  for (let round = 0; round < 4; round++) {
    await Promise.all([1, 2, 3].map(() => gather(client, requestTo(provider))));
  }
  assert.equal(upstream.requests.length, 12);
  assert.equal(upstream.sockets.length, 3);
});

test("configured headers and query are added, and replace the client's", async (t) => {
  const upstream = await rawServer(t, ({ socket }) => socket.write(jsonAnswer()));
  const provider = providerAt(`${upstream.origin}/openai/v1/`, {
    headers: [["X-Team", "gateway"]],
    query: [["api-version", "v1 preview"]],
    keyHeader: "api-key",
  });
  const client = clientFor(t, [provider]);
  await gather(client, requestTo(provider, { headers: ["x-team", "client"] }));
  await gather(client, requestTo(provider, { headers: [], path: "/responses?a=1" }));
  const [first, second] = upstream.requests;
  assert.match(first!.head, /^POST \/openai\/v1\/chat\/completions\?api-version=v1%20preview HTTP/);
  assert.match(second!.head, /^POST \/openai\/v1\/responses\?a=1&api-version=v1%20preview HTTP/);
  assert.deepEqual(
    [...first!.head.matchAll(/^(x-team|api-key|authorization): (.*)\r$/gm)].map((match) => [match[1], match[2]]),
    [
      ["x-team", "gateway"],
      ["api-key", "sk-upstream"],
    ],
  );
});

test("credentials and connection headers that a caller passes are never sent", async (t) => {
  const upstream = await rawServer(t, ({ socket }) => socket.write(jsonAnswer()));
  const provider = providerAt(upstream.origin);
  await gather(
    clientFor(t, [provider]),
    requestTo(provider, {
      headers: Object.entries({
        Authorization: "Bearer tok_client",
        "x-api-key": "tok_client",
        "X-Goog-Api-Key": "tok_client",
        cookie: "c=tok_client",
        "transfer-encoding": "chunked",
        expect: "100-continue",
        host: "elsewhere.example",
        "content-length": "9999",
        upgrade: "h2c",
      }).flat(),
    }),
  );
  const { head } = upstream.requests[0]!;
  assert.doesNotMatch(head, /tok_client|chunked|100-continue|elsewhere|9999|h2c/);
  assert.match(head, /authorization: Bearer sk-upstream\r\n/);
});

test("a client's header with the name of the key's header is not sent beside it", async (t) => {
  const upstream = await rawServer(t, ({ socket }) => socket.write(jsonAnswer()));
  const provider = providerAt(upstream.origin, { keyHeader: "X-Private-Key" });
  await gather(clientFor(t, [provider]), requestTo(provider, { headers: ["x-private-key", "the client's"] }));
  assert.deepEqual(upstream.requests[0]!.head.match(/^x-private-key: .*$/gim), ["x-private-key: sk-upstream"]);
});

test("keyHeader authorization carries the key as a bearer token over every protocol", async (t) => {
  const upstream = await rawServer(t, ({ socket }) => socket.write(jsonAnswer()));
  const provider = providerAt(upstream.origin, { protocols: ["anthropic-messages"], keyHeader: "authorization" });
  const client = clientFor(t, [provider], { credentialHeader: (_, key) => ["x-api-key", key.reveal()] });
  await gather(client, requestTo(provider, { path: "/v1/messages" }));
  assert.match(upstream.requests[0]!.head, /^POST \/v1\/messages HTTP\/1\.1\r\n(?:.*\r\n)*authorization: Bearer sk-upstream\r\n/);
  assert.doesNotMatch(upstream.requests[0]!.head, /x-api-key/);
});

test("a key is sent only to its own provider, and only registered providers are called", async (t) => {
  const upstream = await rawServer(t, ({ socket }) => socket.write(jsonAnswer()));
  const provider = providerAt(upstream.origin);
  const stranger = providerAt(upstream.origin);
  const client = clientFor(t, [provider]);
  const outcomes = [
    await gather(client, requestTo(stranger)),
    await gather(client, requestTo({ ...provider })),
    await gather(client, requestTo(provider, { key: stranger.keys[0] })),
    await gather(client, requestTo(provider, { protocol: "anthropic-messages" })),
    await gather(client, requestTo(loopbackProvider, { key: undefined })),
  ];
  assert.deepEqual(
    outcomes.map(({ failure, status }) => [failure?.kind, status]),
    outcomes.map(() => ["refused-destination", undefined]),
  );
  assert.equal(outcomes[0]!.failure!.message, "Provider upstream is not configured for openai-chat with this key; nothing was sent.");
  assert.equal(upstream.requests.length, 0);
});

testBothWays("no key at all sends none", async (t, reach) => {
  const upstream = await rawServer(t, ({ socket }) => socket.write(jsonAnswer()));
  const { provider, client } = reach(t, upstream, { keys: [] });
  await gather(client, requestTo(provider));
  assert.doesNotMatch(upstream.requests[0]!.head, /authorization/i);
});

test("several keys take turns", () => {
  const provider = providerAt("http://127.0.0.1:1", { keys: [new Secret("a"), new Secret("b"), new Secret("c")] });
  assert.deepEqual(
    [1, 2, 3, 4].map(() => nextKeyIndex(provider)),
    [0, 1, 2, 0],
  );
  assert.equal(nextKeyIndex(providerAt("http://127.0.0.1:1", { keys: [] })), 0);
});

test("printing a provider, a destination or a client never shows a key", (t) => {
  const provider = providerAt("http://127.0.0.1:1");
  const client = clientFor(t, [provider]);
  assert.doesNotMatch(inspect([provider, client], { depth: 20, showHidden: true }) + JSON.stringify(provider), /sk-upstream/);
});

test("a new configuration is used at once, and a request with the old one still succeeds", async (t) => {
  const upstream = await rawServer(t, ({ socket }) => socket.write(jsonAnswer()));
  const before = providerAt(`${upstream.origin}/v1`);
  const after = providerAt(`${upstream.origin}/v2`, { keys: [new Secret("sk-new")] });
  const client = clientFor(t, [before]);
  await gather(client, requestTo(before));
  client.configure([after]);
  assert.equal((await gather(client, requestTo(after))).status, 200);
  assert.equal((await gather(client, requestTo(before))).status, 200);
  assert.deepEqual(
    upstream.requests.map(({ head }) => [head.slice(5, 8), /Bearer (\S+)/.exec(head)![1]]),
    [
      ["/v1", "sk-upstream"],
      ["/v2", "sk-new"],
      ["/v1", "sk-upstream"],
    ],
  );
  assert.equal(upstream.sockets.length, 1, "both share their connection");
});

testBothWays("pieces of a stream are passed on as they are sent, without waiting for one another", async (t, reach) => {
  const upstream = await rawServer(t, ({ socket }) => {
    socket.write("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n5\r\none\n\n\r\n");
  });
  const { provider, client } = reach(t, upstream);
  const pieces: string[] = [];
  const ended = new Promise<void>((resolve) => {
    client.dispatch(requestTo(provider, { stream: true }), {
      onHead() {},
      onData(chunk) {
        pieces.push(chunk.toString());
        if (pieces.length === 1) upstream.sockets[0]!.write("5\r\ntwo\n\n\r\n");
        if (pieces.length === 2) upstream.sockets[0]!.write("0\r\n\r\n");
      },
      onEnd: resolve,
      onFailure: ({ message }) => assert.fail(message),
    });
  });
  await ended;
  assert.deepEqual(pieces, ["one\n\n", "two\n\n"]);
});

test("the handler is never called from within dispatch, whatever goes wrong", async (t) => {
  const provider = providerAt("http://127.0.0.1:1");
  const client = clientFor(t, [provider]);
  await client.warmUp();
  for (const request of [
    requestTo(provider, { path: "/has space" }),
    requestTo(provider, { headers: ["x", "a\nb"] }),
    requestTo(loopbackProvider),
  ]) {
    const gatherer = new Gatherer();
    client.dispatch(request, gatherer);
    assert.equal(gatherer.result.failure, undefined);
    assert.notEqual((await gatherer.done).failure, undefined);
  }
});

testBothWays("a handler that throws ends its own call, with the connection closed and the error logged", async (t, reach) => {
  const errors: object[] = [];
  const logger = { debug() {}, info() {}, warn() {}, error: (fields: object) => errors.push(fields) };
  const upstream = await rawServer(t, ({ socket }) => socket.write(jsonAnswer()));
  const { provider, client } = reach(t, upstream, {}, { logger });
  for (const where of ["onHead", "onData", "onEnd"] as const) {
    const gatherer = new Gatherer();
    const failing = Object.assign(gatherer, {
      [where]() {
        throw new Error(`thrown in ${where}`);
      },
    });
    client.dispatch(requestTo(provider), failing);
    if (where !== "onEnd") assert.equal((await gatherer.done).failure!.kind, "aborted");
  }
  assert.equal((await gather(client, requestTo(provider))).status, 200);
  assert.deepEqual(
    errors.map((fields) => (fields as { error: string }).error),
    ["thrown in onHead", "thrown in onData", "thrown in onEnd"],
  );
});

testBothWays("close waits for the active calls, refuses new ones and closes the connections", async (t, reach) => {
  const upstream = await rawServer(t, () => {});
  const { provider, client } = reach(t, upstream);
  const running = start(client, requestTo(provider));
  await upstream.arrived(1);
  const socket = upstream.sockets[0]!;
  const closed = once(socket, "close");
  const closing = client.close();
  const refused = await gather(client, requestTo(provider));
  assert.equal(refused.failure!.kind, "aborted");
  socket.write(jsonAnswer());
  assert.equal((await running.done).status, 200);
  await closing;
  await closed;
});
