import { asBytes } from "../core/index.ts";
import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { test, type TestContext } from "node:test";
import { deferred, parseAnswers, rawClient, route, startEdge, type RawClient } from "./testing.ts";
import type { HttpExchange } from "./http/exchange.ts";

const body = route("/body", async (exchange) => {
  const parts = await exchange.readBody();
  exchange.jsonBytes(200, ["content-type", "text/plain"], asBytes(Buffer.concat(parts).toString("latin1")));
});
const hello = route("/hello", (exchange) => exchange.json(200, [], "hello"), { method: "GET" });

/** The only answer on a connection that the server then closes. */
async function refusal(client: RawClient): Promise<{ status: number; code: string }> {
  const answers = parseAnswers(await client.ended());
  assert.equal(answers.length, 1, client.received);
  assert.equal(client.reset, false);
  assert.equal(answers[0]!.headers["connection"], "close");
  return { status: answers[0]!.status, code: (JSON.parse(answers[0]!.body) as { code: string }).code };
}

test("what is not HTTP, or could be read in two ways, is answered 400 and closed", async (t) => {
  let served = 0;
  const { port, refused } = await startEdge(t, [route("/body", () => void served++), { ...hello, handle: () => void served++ }]);
  const broken: Record<string, string> = {
    "length and encoding": "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "encoding and length": "POST /body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    "two lengths that differ": "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
    "two equal lengths": "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\nabcd",
    "a list of lengths": "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 4, 4\r\n\r\nabcd",
    "a signed length": "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: +4\r\n\r\nabcd",
    "a hexadecimal length": "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 0x4\r\n\r\nabcd",
    "a huge length": "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\n",
    "an encoding that does not end in chunked": "POST /body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "bare LF after the request line": "GET /hello HTTP/1.1\nHost: a\r\n\r\n",
    "bare LF after a header": "GET /hello HTTP/1.1\r\nHost: a\n\r\n",
    "bare LF at the head's end": "GET /hello HTTP/1.1\r\nHost: a\r\n\n",
    "bare CR in a header": "GET /hello HTTP/1.1\r\nHost: a\r\nX: b\rc\r\n\r\n",
    "NUL in a header": "GET /hello HTTP/1.1\r\nHost: a\r\nX: b\0c\r\n\r\n",
    "NUL in a name": "GET /hello HTTP/1.1\r\nHost: a\r\nX\0: b\r\n\r\n",
    "a control character in a header": "GET /hello HTTP/1.1\r\nHost: a\r\nX: b\x07c\r\n\r\n",
    "space before the colon": "GET /hello HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n",
    "a folded header": "GET /hello HTTP/1.1\r\nHost: a\r\n X: b\r\n\r\n",
    "a header without a name": "GET /hello HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n",
    "an unknown method": "DANCE /hello HTTP/1.1\r\nHost: a\r\n\r\n",
    "another version": "GET /hello HTTP/3.7\r\nHost: a\r\n\r\n",
    "HTTP/0.9": "GET /hello\r\n\r\n",
    "HTTP/2": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    TLS: "\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",
    garbage: "\xff\xfe\0garbage\r\n\r\n",
  };
  for (const [what, bytes] of Object.entries(broken)) {
    const client = await rawClient(t, port);
    assert.deepEqual(await refusal(client.send(bytes)), { status: 400, code: "invalid_request" }, what);
  }
  assert.deepEqual(
    refused,
    Object.keys(broken).map(() => "invalid_request"),
  );
  assert.equal(served, 0);
});

test("a broken chunk framing is answered 400 and closed, while the handler waits for the body", async (t) => {
  const { port, errors } = await startEdge(t, [body]);
  for (const bytes of ["zz\r\n", "5\r\nabcdeXX", "5;a=b\nabcde\r\n", "ffffffffffffffffff\r\n", "-1\r\n", "0x5\r\nabcde\r\n"]) {
    const client = await rawClient(t, port);
    client.send(`POST /body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${bytes}`);
    assert.deepEqual(await refusal(client), { status: 400, code: "invalid_request" }, JSON.stringify(bytes));
  }
  assert.deepEqual(errors, []);
});

test("headers over 16 KiB are a 431 that the client reads, even when it sends on", async (t) => {
  const { port, refused } = await startEdge(t, [hello]);
  const fits = await rawClient(t, port);
  assert.equal((await fits.send(`GET /hello HTTP/1.1\r\nHost: a\r\nX: ${"y".repeat(15_000)}\r\n\r\n`).answer()).status, 200);
  const one = await rawClient(t, port);
  one.send(`GET /hello HTTP/1.1\r\nHost: a\r\nX: ${"y".repeat(17_000)}`);
  assert.deepEqual(await refusal(one), { status: 431, code: "invalid_request" });
  const many = await rawClient(t, port);
  many.send(`GET /hello HTTP/1.1\r\nHost: a\r\n${"X: yyyyyyyyyyyyyyyyyyyyyy\r\n".repeat(40_000)}`);
  assert.deepEqual(await refusal(many), { status: 431, code: "invalid_request" });
  assert.deepEqual(refused, ["invalid_request", "invalid_request"]);
});

test("CONNECT is refused", async (t) => {
  const { port } = await startEdge(t, [hello]);
  const client = await rawClient(t, port);
  client.send("CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n");
  assert.deepEqual(await refusal(client), { status: 405, code: "method_not_allowed" });
});

test("garbage behind a request under way cuts the connection, and is not taken for its answer", async (t) => {
  const begun = deferred<HttpExchange>();
  const left = deferred();
  const { port } = await startEdge(t, [
    route("/wait", (exchange) => {
      exchange.onLeave(() => left.resolve());
      begun.resolve(exchange);
    }),
  ]);
  const client = await rawClient(t, port);
  client.send("POST /wait HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
  await begun.promise;
  assert.equal(await client.send("GARBAGE\r\n\r\n").ended(), "");
  await left.promise;
});

test("garbage in the middle of a stream's connection does not end up in the stream", async (t) => {
  const { port } = await startEdge(t, [
    route("/stream", (exchange) => {
      exchange.streamHead(200, []);
      exchange.chunk(asBytes("data: 1\n\n"));
    }),
  ]);
  const client = await rawClient(t, port);
  client.send("POST /stream HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
  await client.until((received) => received.endsWith("data: 1\n\n\r\n"));
  const before = client.received;
  assert.equal(await client.send("GARBAGE\r\n\r\n").ended(), before);
});

test("garbage behind an answer, where the body was still coming, is not answered again", async (t) => {
  const { port } = await startEdge(t, [route("/refuse", (exchange) => exchange.json(413, [], "too large"))]);
  const client = await rawClient(t, port);
  client.send("POST /refuse HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n");
  await client.answer();
  const before = client.received;
  assert.equal(await client.send("garbage\r\n").ended(), before);
});

test("pipelined requests are answered in order, whichever is ready first", async (t) => {
  const slow = deferred();
  const { port } = await startEdge(t, [
    route("/slow", async (exchange) => {
      await slow.promise;
      exchange.json(200, [], "slow");
    }),
    route("/stream", (exchange) => {
      exchange.streamHead(200, []);
      exchange.chunk(asBytes("str"));
      exchange.finish(asBytes("eam"));
    }),
    route("/fast", (exchange) => {
      exchange.json(200, [], "fast");
      slow.resolve();
    }),
  ]);
  const client = await rawClient(t, port);
  client.send(["slow", "stream", "fast"].map((name) => `POST /${name} HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx`).join(""));
  const answers = await client.answers(3);
  assert.deepEqual(
    answers.map((answer) => answer.body),
    ["slow", "stream", "fast"],
  );
});

/** Server and clients share an event loop: when a new connection has its answer, all that was sent or closed before it has been seen. */
async function roundTrip(t: TestContext, port: number): Promise<void> {
  await (await rawClient(t, port)).send("GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n").answer();
}

test("a client that leaves is noticed at once, by each of its pipelined requests", async (t) => {
  const left: string[] = [];
  const begun = deferred();
  const { port } = await startEdge(t, [
    route("/a", (exchange) => exchange.onLeave(() => left.push("a"))),
    route("/b", (exchange) => {
      exchange.onLeave(() => left.push("b"));
      begun.resolve();
    }),
  ]);
  const client = await rawClient(t, port);
  client.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\nPOST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
  await begun.promise;
  client.socket.destroy();
  await once(client.socket, "close");
  await roundTrip(t, port);
  assert.deepEqual(left.sort(), ["a", "b"]);
});

test("a client that leaves before, during or after its answer is reported to the handler at most once, and at once", async (t) => {
  let leaves = 0;
  let begun = deferred<HttpExchange>();
  const { port, errors } = await startEdge(t, [
    route("/wait", (exchange) => {
      exchange.onLeave(() => {
        leaves++;
      });
      begun.resolve(exchange);
    }),
  ]);
  for (const when of ["before", "during", "after"] as const) {
    for (const how of ["destroy", "resetAndDestroy"] as const) {
      leaves = 0;
      begun = deferred();
      const client = await rawClient(t, port);
      client.send("POST /wait HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
      const exchange = await begun.promise;
      if (when !== "before") {
        exchange.streamHead(200, []);
        exchange.chunk(asBytes("x"));
        await client.until((received) => received.endsWith("x\r\n"));
      }
      if (when === "after") {
        exchange.finish();
        await client.answer();
      }
      client.socket[how]();
      await once(client.socket, "close");
      await roundTrip(t, port);
      assert.deepEqual([leaves, exchange.closed], [when === "after" ? 0 : 1, true], `${when} ${how}`);
      // A listener that is added late is called at once, and an exchange without listeners is no error.
      let late = 0;
      exchange.onLeave(() => {
        late++;
      });
      assert.equal(late, when === "after" ? 0 : 1);
      exchange.streamHead(200, []);
      assert.equal(exchange.chunk(asBytes("y")), true);
      exchange.finish(asBytes("z"));
      exchange.json(200, [], "{}");
      exchange.abort();
    }
  }
  assert.deepEqual(errors, []);
});

test("one connection serves many requests without gathering listeners", async (t) => {
  const { port } = await startEdge(t, [
    route("/json", async (exchange) => {
      await exchange.readBody();
      exchange.onLeave(() => {});
      exchange.json(200, [], "{}");
    }),
    route("/stream", async (exchange) => {
      await exchange.readBody();
      exchange.onLeave(() => {});
      exchange.streamHead(200, []);
      exchange.chunk(asBytes("x"));
      exchange.finish();
    }),
    route("/unread", (exchange) => exchange.json(200, [], "{}")),
    hello,
  ]);
  const seen: string[] = [];
  const look = (message: unknown): void => {
    const { socket, server } = message as { socket: Socket; server: Server };
    if ((server.address() as AddressInfo).port !== port) return;
    seen.push(JSON.stringify(socket.eventNames().map((name) => [String(name), socket.listenerCount(name)])));
  };
  subscribe("http.server.request.start", look);
  t.after(() => unsubscribe("http.server.request.start", look));
  const client = await rawClient(t, port);
  for (let i = 0; i < 40;) {
    for (const path of ["/json", "/stream", "/unread"]) {
      client.send(`POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}`);
      await client.answers(++i);
    }
    client.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    await client.answers(++i);
  }
  assert.equal(seen.length, 40);
  // The first one finds the connection as it is made; all later ones as the one before has left it.
  assert.deepEqual(new Set(seen.slice(1)).size, 1, [...new Set(seen)].join("\n"));
});

test("a thousand idle connections, and it still serves", async (t) => {
  const { port } = await startEdge(t, [hello]);
  const idle = await Promise.all(Array.from({ length: 1000 }, () => rawClient(t, port)));
  for (const client of idle.slice(0, 100)) client.send("GET /hel");
  const client = await rawClient(t, port);
  assert.equal((await client.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n").answer()).body, "hello");
  for (const late of [idle[0]!, idle[99]!]) assert.equal((await late.send("lo HTTP/1.1\r\nHost: a\r\n\r\n").answer()).body, "hello");
});
