import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { connect } from "node:net";
import { test } from "node:test";
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { GatewayError } from "../core/index.ts";
import type { EdgeSettings } from "./edge-types.ts";
import { defaultSettings, deferred, keys, parseAnswers, rawClient, route, startEdge } from "./testing.ts";

/** Answers with the size and digest of the body. */
const digest = route("/body", async (exchange) => {
  const hash = createHash("sha256");
  let size = 0;
  for (const part of await exchange.readBody()) {
    hash.update(part);
    size += part.length;
  }
  exchange.json(200, [], `${size} ${hash.digest("hex")}`);
});

const digestOf = (body: Buffer): string => `${body.length} ${createHash("sha256").update(body).digest("hex")}`;

async function post(origin: string, body: Uint8Array | ReadableStream, headers: Record<string, string> = {}): Promise<[number, string]> {
  // `duplex` belongs to a body that is a stream, and is in no type of fetch.
  const init = { method: "POST", headers, body, duplex: "half" } as RequestInit;
  const answer = await fetch(`${origin}/body`, init);
  const text = await answer.text();
  return [answer.status, answer.status === 200 ? text : (JSON.parse(text) as { code: string }).code];
}

function streamOf(parts: readonly Uint8Array[]): ReadableStream {
  return new ReadableStream({
    start(controller) {
      for (const part of parts) controller.enqueue(part);
      controller.close();
    },
  });
}

test("a body arrives whole: empty, small, large, in chunks", async (t) => {
  const { origin } = await startEdge(t, [digest]);
  for (const size of [0, 1, 1000, 300_000]) {
    const body = randomBytes(size);
    assert.deepEqual(await post(origin, body), [200, digestOf(body)]);
    assert.deepEqual(await post(origin, streamOf([body.subarray(0, size / 2), body.subarray(size / 2)])), [200, digestOf(body)]);
  }
});

test("a body is inflated by its content-encoding", async (t) => {
  const { origin } = await startEdge(t, [digest]);
  const body = Buffer.from(JSON.stringify({ text: "Grüße, ".repeat(20_000) }));
  const coded: Record<string, Buffer> = {
    gzip: gzipSync(body),
    "x-gzip": gzipSync(body),
    GZIP: gzipSync(body),
    br: brotliCompressSync(body),
    zstd: zstdCompressSync(body),
    deflate: deflateSync(body),
    identity: body,
    " identity ": body,
  };
  for (const [coding, bytes] of Object.entries(coded))
    assert.deepEqual(await post(origin, bytes, { "content-encoding": coding }), [200, digestOf(body)], coding);
});

test("a broken or cut coding is a 400, an unknown or a double one a 415, and the connection serves on", async (t) => {
  const { origin, port } = await startEdge(t, [digest]);
  const gzip = gzipSync(randomBytes(10_000));
  const broken = Buffer.from(gzip);
  broken.fill(0xff, 5000, 5200);
  assert.deepEqual(await post(origin, broken, { "content-encoding": "gzip" }), [400, "invalid_request"]);
  assert.deepEqual(await post(origin, gzip.subarray(0, 9000), { "content-encoding": "gzip" }), [400, "invalid_request"]);
  // Random bytes would do nearly always: one in some hundred is a whole brotli stream of nothing.
  const uncoded = Buffer.alloc(100, 0xff);
  assert.deepEqual(await post(origin, uncoded, { "content-encoding": "zstd" }), [400, "invalid_request"]);
  assert.deepEqual(await post(origin, uncoded, { "content-encoding": "br" }), [400, "invalid_request"]);
  assert.deepEqual(await post(origin, gzip, { "content-encoding": "lzma" }), [415, "unsupported_content_encoding"]);
  assert.deepEqual(await post(origin, gzip, { "content-encoding": "gzip, br" }), [415, "unsupported_content_encoding"]);
  const client = await rawClient(t, port);
  client.send(`POST /body HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: 300000\r\n\r\n${"x".repeat(300_000)}`);
  client.send("POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}");
  const answers = await client.answers(2);
  assert.deepEqual(
    answers.map((answer) => answer.status),
    [400, 200],
  );
});

test("the limit counts what comes out of the inflater: a bomb is cut at the limit", async (t) => {
  const { origin } = await startEdge(t, [digest], { limits: { maxBodyBytes: 100_000 } });
  const fits = Buffer.alloc(100_000);
  const bomb = Buffer.alloc(5_000_000);
  for (const [coding, compress] of [
    ["gzip", gzipSync],
    ["br", brotliCompressSync],
    ["zstd", zstdCompressSync],
    ["deflate", deflateSync],
  ] as const) {
    assert.deepEqual(await post(origin, compress(fits), { "content-encoding": coding }), [200, digestOf(fits)], coding);
    assert.deepEqual(await post(origin, compress(bomb), { "content-encoding": coding }), [413, "body_too_large"], coding);
  }
});

test("a body over the limit is refused at the limit, declared or not, and the client reads the answer", async (t) => {
  const { origin, refused } = await startEdge(t, [digest], { limits: { maxBodyBytes: 100_000 } });
  const fits = randomBytes(100_000);
  assert.deepEqual(await post(origin, fits), [200, digestOf(fits)]);
  assert.deepEqual(await post(origin, randomBytes(100_001)), [413, "body_too_large"]);
  const big = randomBytes(8_000_000);
  assert.deepEqual(await post(origin, big), [413, "body_too_large"]);
  assert.deepEqual(await post(origin, streamOf([big.subarray(0, 4_000_000), big.subarray(4_000_000)])), [413, "body_too_large"]);
  assert.deepEqual(refused, ["body_too_large", "body_too_large", "body_too_large"]);
});

test("limits that a reload changes hold from the next request on", async (t) => {
  let settings: EdgeSettings = { ...defaultSettings, maxBodyBytes: 10 };
  const { origin } = await startEdge(t, [digest], { settings: () => settings });
  const body = randomBytes(11);
  assert.deepEqual(await post(origin, body), [413, "body_too_large"]);
  settings = { ...settings, maxBodyBytes: 11 };
  assert.deepEqual(await post(origin, body), [200, digestOf(body)]);
});

test("a client that is still sending gets its 413 before it has sent all, and can go on afterwards", async (t) => {
  const { port } = await startEdge(t, [digest], { limits: { maxBodyBytes: 1000 } });
  const declared = await rawClient(t, port);
  declared.send("POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n");
  assert.equal((await declared.answer()).status, 413);
  declared.send("x".repeat(3_000_000)).send("POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}");
  assert.equal((await declared.answers(2))[1]!.status, 200);

  const chunked = await rawClient(t, port);
  chunked.send(`POST /body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n${"x".repeat(1000)}\r\n`);
  chunked.send("1\r\nx\r\n");
  assert.equal((await chunked.answer()).status, 413);
  chunked.send(`100000\r\n${"x".repeat(0x100000)}\r\n0\r\n\r\nPOST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}`);
  assert.equal((await chunked.answers(2))[1]!.status, 200);
});

test("a refused body that never ends is cut off after the time for slow clients", async (t) => {
  const { port } = await startEdge(t, [digest], { limits: { maxBodyBytes: 1000, slowClientMs: 100 } });
  const client = await rawClient(t, port);
  client.send("POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n");
  const steady = setInterval(() => client.send("xxxx"), 10);
  t.after(() => {
    clearInterval(steady);
  });
  const [answer] = parseAnswers(await client.ended());
  assert.equal(answer!.status, 413);
});

test("a key that is refused does not wait for the body", async (t) => {
  const { port } = await startEdge(t, [{ ...digest, access: "user" }]);
  const client = await rawClient(t, port);
  client.send("POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
  assert.equal((await client.answer()).status, 401);
  client.send("x".repeat(100_000)).send("POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nx-api-key: tok_user\r\n\r\n{}");
  assert.equal((await client.answers(2))[1]!.status, 200);
});

test("a body that makes no progress is cut off with a 408; one that does is served, however slow", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const { port } = await startEdge(t, [digest], { limits: { slowClientMs: 1000 } });
  const probe = await rawClient(t, port);
  let probed = 0;
  /** Server and clients share an event loop: what was sent before has been read when this is answered. */
  const settled = async (): Promise<void> => {
    await probe.send("GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n").answers(++probed);
  };
  const slow = await rawClient(t, port);
  const stuck = await rawClient(t, port);
  slow.send("POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n");
  await settled();
  for (let i = 0; i < 5; i++) {
    slow.send("x");
    await settled();
    t.mock.timers.tick(1000);
  }
  slow.send("x");
  stuck.send("POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nxxx");
  await settled();
  t.mock.timers.tick(1000);
  slow.send("xxxx");
  assert.deepEqual((await slow.answer()).body.split(" ")[0], "10");
  assert.equal(stuck.received, "");
  t.mock.timers.tick(250);
  const [answer] = parseAnswers(await stuck.ended());
  assert.deepEqual([answer!.status, answer!.headers["connection"]], [408, "close"]);
});

test("a head that does not come to its end is cut off with a 408", async (t) => {
  const { port, refused } = await startEdge(t, [digest], { limits: { slowClientMs: 100 } });
  for (const begun of ["", "POST /body HTTP/1.1\r\nHost:"]) {
    const client = await rawClient(t, port);
    const [answer] = parseAnswers(await client.send(begun).ended());
    assert.deepEqual([answer!.status, answer!.headers["connection"]], [408, "close"]);
  }
  assert.deepEqual(refused, ["request_timeout", "request_timeout"]);
});

test("a client that leaves while it sends is noticed, and costs no error log", async (t) => {
  const failed = deferred<unknown>();
  const { port, errors } = await startEdge(t, [
    route("/body", async (exchange) => {
      try {
        await exchange.readBody();
      } catch (error) {
        failed.resolve(error);
        throw error;
      }
    }),
  ]);
  for (const coding of ["", "Content-Encoding: gzip\r\n"]) {
    const client = await rawClient(t, port);
    client.send(`POST /body HTTP/1.1\r\nHost: a\r\n${coding}Content-Length: 10\r\n\r\nxxx`).socket.destroy();
    const error = await failed.promise;
    assert.ok(error instanceof GatewayError && error.code === "invalid_request");
  }
  assert.deepEqual(errors, []);
});

test("a client that left while its key was looked up does not keep its handler waiting", async (t) => {
  const looking = deferred();
  const looked = deferred();
  const read = deferred<string>();
  const { port } = await startEdge(
    t,
    [
      route(
        "/body",
        (exchange) => {
          exchange.readBody().then(
            () => read.resolve("read"),
            (error: unknown) => read.resolve((error as GatewayError).code),
          );
        },
        { access: "user" },
      ),
    ],
    {
      accounts: {
        authenticate: async (key) => {
          looking.resolve();
          await looked.promise;
          return keys.get(key);
        },
      },
    },
  );
  const socket = connect(port, "127.0.0.1");
  socket.write("POST /body HTTP/1.1\r\nHost: a\r\nx-api-key: tok_user\r\nContent-Length: 2\r\n\r\n{}");
  await looking.promise;
  socket.resetAndDestroy();
  // The server hears of it before the next connection's request.
  const probe = await rawClient(t, port);
  await probe.send("GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n").answer();
  looked.resolve();
  assert.equal(await read.promise, "invalid_request");
});

test("a client that waits to be asked for its body is asked once its key is good and its body not too large", async (t) => {
  const { port } = await startEdge(t, [{ ...digest, access: "user" }], { limits: { maxBodyBytes: 100 } });
  const head = (length: number, key: string, expect = "100-continue"): string =>
    `POST /body HTTP/1.1\r\nHost: a\r\nExpect: ${expect}\r\nx-api-key: ${key}\r\nContent-Length: ${length}\r\n\r\n`;
  const good = await rawClient(t, port);
  await good.send(head(2, "tok_user")).until((received) => received === "HTTP/1.1 100 Continue\r\n\r\n");
  assert.equal((await good.send("{}").answer()).status, 200);
  for (const [length, key, status] of [
    [2, "tok_bad", 401],
    [101, "tok_user", 413],
  ] as const) {
    const client = await rawClient(t, port);
    await client.send(head(length, key)).answer();
    assert.match(client.received, new RegExp(`^HTTP/1.1 ${status} `));
  }
  const odd = await rawClient(t, port);
  assert.equal(
    (
      await odd
        .send(head(2, "tok_user", "something-else"))
        .send("{}")
        .answer()
    ).status,
    200,
  );
});
