import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";
import type { Resolve } from "./addresses.ts";
import type { Arrived } from "../testing.ts";
import { clientFor, gather, HandClock, jsonAnswer, listen, providerAt, rawServer, requestTo, start, testBothWays } from "../testing.ts";

const ok = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";

test("a closed port is unreachable, and the message names it and what to check", async (t) => {
  const server = createServer();
  const { port } = await listen(t, server);
  server.close();
  await once(server, "close");
  const provider = providerAt(`http://127.0.0.1:${port}`);
  assert.deepEqual((await gather(clientFor(t, [provider]), requestTo(provider))).failure, {
    kind: "unreachable",
    message: `Provider upstream (127.0.0.1:${port}) refuses connections. Check that the server runs and that base_url names its host and port.`,
  });
});

test("a name that does not resolve is unreachable", async (t) => {
  const provider = providerAt("http://api.test");
  const resolve: Resolve = (_name, callback) => callback(Object.assign(new Error("not found"), { code: "ENOTFOUND" }), []);
  assert.deepEqual((await gather(clientFor(t, [provider], { resolve }), requestTo(provider))).failure, {
    kind: "unreachable",
    message: "Provider upstream (api.test:80) could not be found: the name does not resolve (ENOTFOUND). Check base_url and DNS.",
  });
});

test(
  "a connection that cannot even be made ready, as the proxy's URL is not valid, is a failure of the call",
  { timeout: 5_000 },
  async (t) => {
    const provider = providerAt("http://api.test");
    const client = clientFor(t, [provider], { proxyEnv: { http_proxy: "http://[proxy" } });
    // The first call loads the HTTP client, the second one has it.
    const failures = [await gather(client, requestTo(provider)), await gather(client, requestTo(provider))].map(({ failure }) => failure);
    const message =
      "Provider upstream (api.test:80 through the proxy of the environment) could not be called (ERR_INVALID_URL). Check base_url and the network.";
    const failure = { kind: "unreachable", message };
    assert.deepEqual(failures, [failure, failure]);
  },
);

test("a connection that is not made in time is abandoned", async (t) => {
  const provider = providerAt("http://api.test", { wait: { connectMs: 20 } });
  const client = clientFor(t, [provider], { resolve: () => {} });
  assert.deepEqual((await gather(client, requestTo(provider))).failure, {
    kind: "connect-timeout",
    message:
      "Provider upstream (api.test:80) did not accept a connection in 20 ms. Check base_url and the network; a slow one needs more in " +
      "providers.upstream.timeouts.connect.",
  });
});

const answers: readonly (readonly [what: string, kind: string, answer: (request: Arrived) => void])[] = [
  ["an end without a byte", "reset", ({ socket }) => socket.end()],
  ["a reset without a byte", "reset", ({ socket }) => socket.resetAndDestroy()],
  ["an end in the middle of the head", "reset", ({ socket }) => socket.end("HTTP/1.1 200 OK\r\ncontent-ty")],
  ["an end before Content-Length is reached", "truncated", ({ socket }) => socket.end(`${ok}content-length: 10\r\n\r\n{"a"`)],
  ["the same with connection: close", "truncated", ({ socket }) => socket.end(`${ok}connection: close\r\ncontent-length: 10\r\n\r\n{"a"`)],
  ["an end without the last chunk", "truncated", ({ socket }) => socket.end(`${ok}transfer-encoding: chunked\r\n\r\n3\r\n{"a\r\n`)],
  [
    "the same with connection: close",
    "truncated",
    ({ socket }) => socket.end(`${ok}connection: close\r\ntransfer-encoding: chunked\r\n\r\n3\r\n{"a\r\n`),
  ],
  ["something that is not HTTP", "malformed", ({ socket }) => socket.end("220 mail.example ESMTP\r\n")],
  ["a status line that is none", "malformed", ({ socket }) => socket.end("HTTP/1.1 2x0 OK\r\n\r\n")],
  ["two lengths", "malformed", ({ socket }) => socket.end(`${ok}content-length: 2\r\ncontent-length: 3\r\n\r\n{}`)],
  ["a chunk size that is none", "malformed", ({ socket }) => socket.end(`${ok}transfer-encoding: chunked\r\n\r\nxyz\r\n`)],
  ["a head of 100 KB", "malformed", ({ socket }) => socket.end(`${ok}x: ${"y".repeat(100_000)}\r\n\r\n`)],
  ["100 Continue, unasked", "malformed", ({ socket }) => socket.write("HTTP/1.1 100 Continue\r\n\r\n")],
  ["an unasked upgrade", "malformed", ({ socket }) => socket.write("HTTP/1.1 101 Up\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n")],
  [
    "a redirect",
    "malformed",
    ({ socket }) => socket.write("HTTP/1.1 307 X\r\nlocation: http://elsewhere.example/\r\ncontent-length: 0\r\n\r\n"),
  ],
  ["a length beyond all bounds", "malformed", ({ socket }) => socket.write(`${ok}content-length: 99999999999999999999\r\n\r\n`)],
];

for (const [what, kind, answer] of answers) {
  testBothWays(`${what} is ${kind}, and the next request uses a new connection`, async (t, reach) => {
    const upstream = await rawServer(t, (request) => (request.connection === 0 ? answer(request) : request.socket.write(jsonAnswer())));
    const { provider, client } = reach(t, upstream);
    const gatherer = start(client, requestTo(provider));
    const { failure } = await gatherer.done;
    assert.equal(failure?.kind, kind);
    assert.match(failure.message, /^Provider upstream \((?:127\.0\.0\.1:\d+|api\.test:80 through the proxy 127\.0\.0\.1:\d+)\) [a-z].*\.$/);
    assert.equal((await gather(client, requestTo(provider))).status, 200);
    assert.deepEqual([gatherer.late, upstream.requests.length, upstream.sockets.length], [0, 2, 2]);
  });
}

testBothWays("a redirect is reported with its status and not followed", async (t, reach) => {
  const upstream = await rawServer(t, ({ socket }) => socket.write("HTTP/1.1 301 X\r\nlocation: /other\r\ncontent-length: 0\r\n\r\n"));
  const { provider, client } = reach(t, upstream);
  const { failure, status } = await gather(client, requestTo(provider));
  assert.deepEqual([status, upstream.requests.length], [undefined, 1]);
  assert.match(failure!.message, /answered 301, a redirect, which the gateway does not follow\. Check base_url\.$/);
});

testBothWays("a reset in the middle of the answer is distinguished from its end", async (t, reach) => {
  const upstream = await rawServer(t, ({ socket }) => socket.write(`${ok}content-length: 10\r\n\r\n{"a"`));
  const { provider, client } = reach(t, upstream);
  const gatherer = start(client, requestTo(provider));
  await gatherer.head;
  upstream.sockets[0]!.resetAndDestroy();
  assert.equal((await gatherer.done).failure!.kind, "reset");
});

testBothWays("an answer without length ends with its connection", async (t, reach) => {
  const upstream = await rawServer(t, ({ socket }) => socket.end(`${ok}\r\n{"a":1}`));
  const { provider, client } = reach(t, upstream);
  const { status, body, failure } = await gather(client, requestTo(provider));
  assert.deepEqual([status, body, failure], [200, '{"a":1}', undefined]);
});

testBothWays("interim answers are skipped", async (t, reach) => {
  const upstream = await rawServer(t, ({ socket }) => socket.write(`HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n${jsonAnswer()}`));
  const { provider, client } = reach(t, upstream);
  const gatherer = start(client, requestTo(provider));
  const { status, body } = await gatherer.done;
  assert.deepEqual([gatherer.heads, status, body], [1, 200, '{"ok":true}']);
});

testBothWays("a broken new connection is not an idle one: the request is not sent again", async (t, reach) => {
  const upstream = await rawServer(t, ({ socket, connection }) => {
    if (connection === 0) socket.end(jsonAnswer());
    else socket.resetAndDestroy();
  });
  const { provider, client } = reach(t, upstream);
  await gather(client, requestTo(provider));
  const first = upstream.sockets[0]!;
  if (!first.destroyed) await once(first, "close");
  // The same carrier opens the second connection.
  assert.equal((await gather(client, requestTo(provider))).failure!.kind, "reset");
  assert.deepEqual([upstream.requests.length, upstream.sockets.length], [2, 2]);
});

testBothWays(
  "if the provider closes an idle connection under a request, the whole request is sent once more over a new one",
  async (t, reach) => {
    const upstream = await rawServer(t, ({ socket, connection, turn }) => {
      if (connection === 0 && turn === 1) socket.resetAndDestroy();
      else socket.write(jsonAnswer());
    });
    const { provider, client } = reach(t, upstream);
    await gather(client, requestTo(provider));
    const body = [Buffer.from("a".repeat(50_000)), Buffer.from("b".repeat(50_000))];
    const { status, failure } = await gather(client, requestTo(provider, { body }));
    assert.deepEqual([status, failure], [200, undefined]);
    assert.deepEqual(
      upstream.requests.map((request) => [request.connection, request.body.length]),
      [
        [0, 2],
        [0, 100_000],
        [1, 100_000],
      ],
    );
  },
);

testBothWays("the request is sent once more, not twice, and a partial answer ends the call", async (t, reach) => {
  const upstream = await rawServer(t, ({ socket, turn, connection }) => {
    if (connection === 0 && turn === 0) socket.write(jsonAnswer());
    else socket.resetAndDestroy();
  });
  const { provider, client } = reach(t, upstream);
  await gather(client, requestTo(provider));
  assert.equal((await gather(client, requestTo(provider))).failure!.kind, "reset");
  assert.equal(upstream.requests.length, 3);

  const partial = await rawServer(t, ({ socket, turn }) => {
    if (turn === 0) socket.write(jsonAnswer());
    else socket.write("HTTP/1.1 200 OK\r\nx: ", () => socket.resetAndDestroy());
  });
  const { provider: other, client: second } = reach(t, partial);
  await gather(second, requestTo(other));
  assert.equal((await gather(second, requestTo(other))).failure!.kind, "reset");
  assert.equal(partial.requests.length, 2);
});

testBothWays("bytes after the answer close the connection, and never become another request's answer", async (t, reach) => {
  const upstream = await rawServer(t, ({ socket }) => socket.write(`${jsonAnswer()}${jsonAnswer('{"stray":1}')}`));
  const { provider, client } = reach(t, upstream);
  for (let i = 0; i < 3; i++) {
    const { body } = await gather(client, requestTo(provider));
    assert.equal(body, '{"ok":true}');
  }
  assert.equal(upstream.sockets.length, 3);
});

testBothWays("a stream has a limit for its first byte, a JSON answer has only its deadline", async (t, reach) => {
  const clock = new HandClock();
  const upstream = await rawServer(t, () => {});
  const { provider, client } = reach(t, upstream, { wait: { firstByteMs: 60, totalMs: 600, streamTotalMs: 3_600 } }, { clock });
  const stream = start(client, requestTo(provider, { stream: true }));
  const json = start(client, requestTo(provider));
  await upstream.arrived(2);
  clock.ms += 60;
  assert.match(
    (await stream.done).failure!.message,
    /did not begin its stream within 60 ms\. .* raise providers\.upstream\.timeouts\.first_byte in/,
  );
  assert.equal(stream.result.failure!.kind, "first-byte-timeout");
  assert.equal(json.result.failure, undefined);
  clock.ms += 540;
  assert.deepEqual([(await json.done).failure!.kind, json.result.status], ["deadline", undefined]);
  assert.match(json.result.failure!.message, /did not complete its answer within 0\.6 s, .* raise providers\.upstream\.timeouts\.total in/);
});

testBothWays("a request's own deadline is used if it is earlier", async (t, reach) => {
  const clock = new HandClock();
  const upstream = await rawServer(t, () => {});
  const { provider, client } = reach(t, upstream, {}, { clock });
  const gatherer = start(client, requestTo(provider, { deadlineAt: clock.ms + 100 }));
  await upstream.arrived(1);
  clock.ms += 100;
  assert.equal((await gatherer.done).failure!.kind, "deadline");
});

testBothWays("a body that stalls is abandoned; a slow one, at its deadline", async (t, reach) => {
  const clock = new HandClock();
  const upstream = await rawServer(t, ({ socket }) => socket.write(`${ok}content-length: 100\r\n\r\n{`));
  const { provider, client } = reach(t, upstream, { wait: { idleMs: 50, totalMs: 200 } }, { clock });
  const stalled = start(client, requestTo(provider));
  await stalled.head;
  // The idle time begins when a sweep has seen that something came.
  await clock.swept();
  clock.ms += 50;
  assert.match(
    (await stalled.done).failure!.message,
    /sent nothing for 50 ms in the middle of its answer\. .* raise providers\.upstream\.timeouts\.idle in/,
  );
  assert.equal(stalled.result.failure!.kind, "idle-timeout");

  let last = "";
  let drops = 0;
  const dripping = new Promise<string>((resolve) => {
    client.dispatch(requestTo(provider), {
      onHead() {},
      onData() {
        if (drops++ > 40) return;
        clock.ms += 10;
        upstream.sockets[1]!.write(" ");
      },
      onEnd: () => resolve("ended"),
      onFailure: ({ kind }) => resolve((last = kind)),
    });
  });
  assert.equal(await dripping, "deadline");
  assert.equal(last, "deadline");
});

testBothWays("time in which the client pauses the stream does not count as the provider's", async (t, reach) => {
  const clock = new HandClock();
  const upstream = await rawServer(t, ({ socket }) => socket.write(`${ok}content-length: 2\r\n\r\n{`));
  const { provider, client } = reach(t, upstream, { wait: { idleMs: 50, totalMs: 10_000 } }, { clock });
  const gatherer = start(client, requestTo(provider));
  await gatherer.head;
  gatherer.call!.pause();
  await clock.swept();
  clock.ms += 5_000;
  await clock.swept();
  gatherer.call!.resume();
  await clock.swept();
  clock.ms += 49;
  await clock.swept();
  upstream.sockets[0]!.write("}");
  assert.deepEqual((await gatherer.done).failure, undefined);
});

testBothWays("abort closes the connection at once, and the handler is not called any more", async (t, reach) => {
  const upstream = await rawServer(t, ({ socket, connection }) => {
    if (connection === 1) socket.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n");
  });
  const { provider, client } = reach(t, upstream);
  for (const [index, beganToAnswer] of [false, true].entries()) {
    const gatherer = start(client, requestTo(provider, { stream: true }));
    await (beganToAnswer ? gatherer.head : upstream.arrived(index + 1));
    const socket = upstream.sockets[index]!;
    const closed = once(socket, "close");
    const started = performance.now();
    gatherer.call!.abort();
    gatherer.call!.abort();
    await closed;
    assert.ok(performance.now() - started < 100);
    assert.deepEqual([gatherer.result.failure, gatherer.late], [undefined, 0]);
  }
});

testBothWays("a call that is aborted before its connection is open sends nothing", async (t, reach) => {
  const upstream = await rawServer(t, ({ socket }) => socket.write(jsonAnswer()));
  const { provider, client } = reach(t, upstream);
  const loading = start(client, requestTo(provider));
  loading.call!.abort();
  await client.warmUp();
  const connecting = start(client, requestTo(provider));
  connecting.call!.abort();
  assert.equal((await gather(client, requestTo(provider))).status, 200);
  assert.equal(upstream.requests.length, 1);
  assert.deepEqual([loading.result, connecting.result], [{ body: "" }, { body: "" }]);
});

testBothWays("a handler that pauses slows the provider down, and loses nothing", async (t, reach) => {
  const total = 20_000_000;
  const upstream = await rawServer(t, ({ socket }) => {
    socket.write(`${ok}content-length: ${total}\r\n\r\n`);
    socket.write(Buffer.alloc(total, "x"));
  });
  const { provider, client } = reach(t, upstream);
  let size = 0;
  let pauses = 0;
  const ended = new Promise<void>((resolve, reject) => {
    const call = client.dispatch(requestTo(provider, { stream: true }), {
      onHead() {},
      onData(chunk) {
        size += chunk.length;
        if (pauses >= 3) return;
        pauses++;
        const atPause = size;
        call.pause();
        setTimeout(() => {
          if (size !== atPause) reject(new Error("data came in a pause"));
          if (upstream.sockets[0]!.writableLength === 0) reject(new Error("the provider could send everything"));
          call.resume();
        }, 10);
      },
      onEnd: resolve,
      onFailure: ({ message }) => reject(new Error(message)),
    });
  });
  await ended;
  assert.deepEqual([size, pauses], [total, 3]);
});

testBothWays("a JSON answer beyond 64 MiB is abandoned, a stream is not", async (t, reach) => {
  const piece = Buffer.alloc(8 * 1024 * 1024, "x");
  const upstream = await rawServer(t, ({ socket }) => {
    socket.write(`${ok}content-length: ${piece.length * 9}\r\n\r\n`);
    for (let i = 0; i < 9; i++) socket.write(piece);
  });
  const { provider, client } = reach(t, upstream);
  let size = 0;
  const outcome = (stream: boolean): Promise<string> =>
    new Promise((resolve) => {
      client.dispatch(requestTo(provider, { stream }), {
        onHead() {},
        onData: (chunk) => {
          size += chunk.length;
        },
        onEnd: () => resolve("ended"),
        onFailure: ({ kind }) => resolve(kind),
      });
    });
  assert.equal(await outcome(false), "malformed");
  assert.ok(size <= 64 * 1024 * 1024);
  assert.equal(await outcome(true), "ended");
});
