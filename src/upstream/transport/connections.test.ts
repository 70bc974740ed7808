import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import type { Every } from "../../core/index.ts";
import { clientFor, gather, jsonAnswer, providerAt, rawServer, requestTo, start } from "../testing.ts";

/** Calls tasks only when the test says so. */
function ticks(): { readonly every: Every; tick(times: number): void } {
  const tasks = new Set<() => void>();
  return {
    every: (_everyMs, task) => {
      tasks.add(task);
      return () => tasks.delete(task);
    },
    tick(times) {
      for (let i = 0; i < times; i++) for (const task of tasks) task();
    },
  };
}

const kept: readonly (readonly [header: string, seconds: number])[] = [
  ["", 30],
  ["keep-alive: timeout=5, max=100\r\n", 3],
  ["Keep-Alive: timeout=3600\r\n", 600],
];

for (const [header, seconds] of kept) {
  test(`an idle connection is closed after ${seconds} s${header === "" ? "" : ` if the server says ${header.trim()}`}`, async (t) => {
    const upstream = await rawServer(t, ({ socket }) => socket.write(jsonAnswer("{}", `HTTP/1.1 200 OK\r\n${header}x: y`)));
    const provider = providerAt(upstream.origin);
    const { every, tick } = ticks();
    const client = clientFor(t, [provider], { every });
    await gather(client, requestTo(provider));
    tick(seconds - 1);
    await gather(client, requestTo(provider));
    assert.equal(upstream.sockets.length, 1, "kept until then, and the time begins again with each request");
    const closed = once(upstream.sockets[0]!, "close");
    tick(seconds);
    await closed;
    await gather(client, requestTo(provider));
    assert.equal(upstream.sockets.length, 2);
  });
}

test("a connection that the server does not keep, or not for long enough, is not used again", async (t) => {
  const heads = ["connection: close", "keep-alive: timeout=2", "connection: keep-alive, CLOSE"];
  const upstream = await rawServer(t, ({ socket, connection }) =>
    socket.write(jsonAnswer("{}", `HTTP/1.1 200 OK\r\n${heads[connection] ?? "x: y"}`)),
  );
  const provider = providerAt(upstream.origin);
  const client = clientFor(t, [provider]);
  for (let i = 0; i < 5; i++) assert.equal((await gather(client, requestTo(provider))).status, 200);
  assert.deepEqual(
    upstream.requests.map(({ connection }) => connection),
    [0, 1, 2, 3, 3],
  );
});

test("a byte on an idle connection closes it, and is never read as an answer", async (t) => {
  const upstream = await rawServer(t, ({ socket }) => socket.write(jsonAnswer()));
  const provider = providerAt(upstream.origin);
  const client = clientFor(t, [provider]);
  await gather(client, requestTo(provider));
  const closed = once(upstream.sockets[0]!, "close");
  upstream.sockets[0]!.write(jsonAnswer('{"stray":1}'));
  await closed;
  assert.deepEqual(await gather(client, requestTo(provider)), {
    status: 200,
    headers: ["content-type", "application/json", "content-length", "11"],
    body: '{"ok":true}',
  });
  assert.equal(upstream.sockets.length, 2);
});

test("an answer before the request is out is received, and the connection closed", async (t) => {
  const upstream = await rawServer(t, () => {});
  upstream.server.removeAllListeners("connection");
  const closed: Promise<unknown>[] = [];
  upstream.server.on("connection", (socket) => {
    socket.on("error", () => undefined);
    closed.push(once(socket, "close"));
    socket.once("data", () => {
      socket.pause();
      socket.write(jsonAnswer('{"error":"too large"}', "HTTP/1.1 413 Too Large"));
      // The body is read by nobody until the client has closed.
      setTimeout(() => socket.resume(), 20);
    });
  });
  const provider = providerAt(upstream.origin);
  const client = clientFor(t, [provider]);
  const body = [Buffer.alloc(30_000_000, "x")];
  for (let i = 0; i < 2; i++) assert.equal((await gather(client, requestTo(provider, { body }))).status, 413);
  await Promise.all(closed);
  assert.equal(closed.length, 2);
});

test("a request whose path or header would break its lines is not sent", async (t) => {
  const upstream = await rawServer(t, ({ socket }) => socket.write(jsonAnswer()));
  const provider = providerAt(upstream.origin);
  const client = clientFor(t, [provider]);
  const failures = [
    await gather(client, requestTo(provider, { path: "/a b" })),
    await gather(client, requestTo(provider, { path: "/a\r\nx: 1" })),
    await gather(client, requestTo(provider, { headers: ["x", "a\r\nx-admin: 1"] })),
    await gather(client, requestTo(provider, { headers: ["x y", "a"] })),
    await gather(client, requestTo(provider, { headers: ["x", "\u20ac"] })),
  ].map(({ failure }) => [failure!.kind, failure!.message.replace(/^.*\) /, "")]);
  assert.deepEqual(failures, [
    ["unreachable", "could not be called: invalid request path."],
    ["unreachable", "could not be called: invalid request path."],
    ["unreachable", "could not be called: invalid x header."],
    ["unreachable", "could not be called: invalid header name."],
    ["unreachable", "could not be called: invalid x header."],
  ]);
  assert.equal(upstream.requests.length, 0);
});

test("a pause between two chunks that arrive together is kept", async (t) => {
  const upstream = await rawServer(t, ({ socket }) =>
    socket.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"),
  );
  const provider = providerAt(upstream.origin);
  const client = clientFor(t, [provider]);
  const seen: string[] = [];
  await new Promise<void>((resolve) => {
    const call = client.dispatch(requestTo(provider, { stream: true }), {
      onHead: () => seen.push("head"),
      onData(piece) {
        seen.push(piece.toString());
        call.pause();
        setImmediate(() => {
          seen.push("resume");
          call.resume();
        });
      },
      onEnd: () => {
        seen.push("end");
        resolve();
      },
      onFailure: ({ message }) => assert.fail(message),
    });
  });
  assert.deepEqual(seen, ["head", "one", "resume", "two", "resume", "end"]);
  assert.equal((await start(client, requestTo(provider)).done).body, "onetwo");
  assert.equal(upstream.sockets.length, 1);
});
