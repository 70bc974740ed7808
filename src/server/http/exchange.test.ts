import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import { GatewayError, asBytes, systemSchedule } from "../../core/index.ts";
import { BodyBudget } from "./body-budget.ts";
import { ownFramingWorks } from "./chunk-framing.ts";
import { InFlight } from "./in-flight.ts";
import { HttpExchange } from "./exchange.ts";
import { deferred, parseAnswers, parseChunks, rawClient, route, startEdge } from "../testing.ts";
import { IdleSweep } from "./idle-sweep.ts";
import { waitUntil } from "../../../tests/testbed/wait-until.ts";

/** A bare server whose exchanges write their chunks in one way or the other. */
async function serve(
  t: TestContext,
  ownFraming: boolean,
  handle: (exchange: HttpExchange, response: ServerResponse) => void,
  flushIdleMs = 5000,
): Promise<number> {
  const options = {
    limits: { maxBytes: 1e6, idleMs: 5000 },
    ownFraming,
    sweep: new IdleSweep(() => 5000),
    budget: new BodyBudget(() => ({ totalBytes: 1e9, keyBytes: 1e9 })),
    inFlight: new InFlight({
      maxInFlight: () => undefined,
      load: { share: 0, reason: "memory" },
      random: () => 0,
      now: () => 0,
      schedule: systemSchedule,
    }),
    draining: () => false,
    lingering: () => false,
    flushIdleMs,
  };
  const server: Server = createServer((request, response) => {
    handle(new HttpExchange(request, response, "req_1", 0, options), response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

test("a JSON answer is one write, of text or of bytes", async (t) => {
  const text = '{"text":"Grüße, 世界"}';
  const plain = '{"a":1}';
  const answers: [(exchange: HttpExchange) => void, string][] = [
    [(exchange) => exchange.json(200, ["content-type", "application/json"], text), text],
    [(exchange) => exchange.json(200, ["content-type", "application/json"], plain), plain],
    [(exchange) => exchange.jsonBytes(200, ["content-type", "application/json"], asBytes(Buffer.from(text).toString("latin1"))), text],
    [(exchange) => exchange.json(200, ["content-type", "application/json"], ""), ""],
  ];
  let served = 0;
  const port = await serve(t, true, (exchange) => answers[served++]![0](exchange));
  const client = await rawClient(t, port);
  for (const [i, [, expected]] of answers.entries()) {
    const { body, headers } = (await client.send(get).answers(i + 1))[i]!;
    assert.equal(Buffer.from(body, "latin1").toString(), expected);
    assert.deepEqual(
      [headers["content-length"], headers["x-request-id"], headers["request-id"], headers["content-type"]],
      [String(Buffer.byteLength(expected)), "req_1", "req_1", "application/json"],
    );
    assert.equal(client.pieces.length, i + 1);
  }
});

for (const ownFraming of [true, false]) {
  const how = ownFraming ? "framed by us" : "framed by node:http";

  test(`a stream ${how} is a legal chunked body, one write for each chunk`, async (t) => {
    const port = await serve(t, ownFraming, (exchange) => {
      const data = ["data: 1\n\n", "", "data: \xff\x00\r\n0\r\n\r\n", "x".repeat(5000)];
      exchange.streamHead(200, ["content-type", "text/event-stream"]);
      const step = (): void => {
        const next = data.shift();
        if (next === undefined) exchange.finish(asBytes("data: [DONE]\n\n"));
        else {
          exchange.chunk(asBytes(next));
          setImmediate(step);
        }
      };
      step();
    });
    const expected = ["data: 1\n\n", "data: \xff\x00\r\n0\r\n\r\n", "x".repeat(5000), "data: [DONE]\n\n"];
    const client = await rawClient(t, port);
    await client.send(get).answer();
    const chunked = parseChunks(client.received, client.received.indexOf("\r\n\r\n") + 4)!;
    assert.deepEqual(chunked.chunks, expected);
    assert.equal(chunked.end, client.received.length);
    assert.equal(client.received.match(/transfer-encoding: chunked/gi)?.length, 1);
    assert.doesNotMatch(client.received, /content-length/i);
    // The connection goes on.
    assert.equal((await client.send(get).answers(2))[1]!.body, expected.join(""));
    const answer = await fetch(`http://127.0.0.1:${port}`);
    assert.equal(Buffer.from(await answer.arrayBuffer()).toString("latin1"), expected.join(""));
  });

  test(`a stream ${how} ends without last bytes, without any, and without a chunk before them`, async (t) => {
    const ends: ((exchange: HttpExchange) => void)[] = [
      (exchange) => exchange.finish(),
      (exchange) => {
        exchange.chunk(asBytes("a"));
        exchange.finish();
      },
      (exchange) => exchange.finish(asBytes("b")),
    ];
    const port = await serve(t, ownFraming, (exchange) => {
      exchange.streamHead(200, []);
      ends.shift()!(exchange);
    });
    const client = await rawClient(t, port);
    client.send(get).send(get).send(get);
    assert.deepEqual(
      (await client.answers(3)).map((answer) => answer.body),
      ["", "a", "b"],
    );
  });

  test(`a stream ${how} to an HTTP/1.0 client is not chunked, and ends with the connection`, async (t) => {
    const port = await serve(t, ownFraming, (exchange) => {
      exchange.streamHead(200, ["content-type", "text/event-stream"]);
      exchange.chunk(asBytes("data: 1\n\n"));
      exchange.finish(asBytes("data: 2\n\n"));
    });
    for (const connection of ["", "Connection: keep-alive\r\n"]) {
      const client = await rawClient(t, port);
      const received = await client.send(`GET / HTTP/1.0\r\n${connection}\r\n`).ended();
      assert.doesNotMatch(received, /transfer-encoding|keep-alive/i);
      assert.equal(received.slice(received.indexOf("\r\n\r\n") + 4), "data: 1\n\ndata: 2\n\n");
    }
  });

  test(`a stream ${how} that is dropped is an error for its reader`, async (t) => {
    const port = await serve(t, ownFraming, (exchange) => {
      exchange.streamHead(200, []);
      exchange.chunk(asBytes("data: 1\n\n"));
      setImmediate(() => exchange.abort());
    });
    const answer = await fetch(`http://127.0.0.1:${port}`);
    await assert.rejects(answer.text());
  });

  test(`a stalled reader of a stream ${how} holds at most 256 KiB here, and what is held back comes when it reads`, async (t) => {
    const given = deferred<[HttpExchange, ServerResponse]>();
    const port = await serve(t, ownFraming, (exchange, response) => given.resolve([exchange, response]));
    const client = await rawClient(t, port);
    client.socket.pause();
    client.send(get);
    const [exchange, response] = await given.promise;
    const chunk = `data: ${"y".repeat(8000)}\n\n`;
    exchange.streamHead(200, []);
    let written = 0;
    let passed = 0;
    /** Writes until told to hold back. The kernel's buffers take some MB first. */
    const fill = async (): Promise<void> => {
      // 1.6 GB: no kernel takes that.
      while (written < 200_000) {
        written++;
        if (exchange.chunk(asBytes(chunk))) continue;
        const drained = deferred<boolean>();
        exchange.onDrain(() => drained.resolve(true));
        // Where the kernel still takes bytes, the drain comes within a few turns of the loop.
        let turns = 0;
        const turn = (): void => {
          if (++turns < 50) setImmediate(turn);
          else drained.resolve(false);
        };
        turn();
        if (!(await drained.promise)) return;
        passed++;
      }
      assert.fail("it never holds back");
    };
    await fill();
    assert.ok(passed > 0);
    const held = response.writableLength;
    assert.ok(held > 0 && held <= 256 * 1024, `${held} bytes`);
    const drained = deferred();
    exchange.onDrain(() => drained.resolve());
    client.socket.resume();
    await drained.promise;
    exchange.finish(asBytes("last"));
    const { body } = await client.answer();
    assert.equal(body.length, written * chunk.length + 4);
  });
}

test("our own framing works on this Node", () => {
  assert.equal(ownFramingWorks(), true);
});

test("an answer is given once: what comes after it is dropped", async (t) => {
  const { port, errors } = await startEdge(t, [
    route("/json", (exchange) => {
      exchange.json(200, [], "first");
      exchange.json(500, [], "second");
      exchange.streamHead(200, []);
      exchange.chunk(asBytes("third"));
      exchange.finish(asBytes("fourth"));
    }),
    route("/stream", (exchange) => {
      exchange.streamHead(200, []);
      exchange.finish(asBytes("first"));
      exchange.finish(asBytes("second"));
      exchange.chunk(asBytes("third"));
      exchange.json(500, [], "fourth");
    }),
  ]);
  const client = await rawClient(t, port);
  client.send("POST /json HTTP/1.1\r\nHost: a\r\n\r\nPOST /stream HTTP/1.1\r\nHost: a\r\n\r\nPOST /json HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.deepEqual(
    (await client.answers(3)).map((answer) => answer.body),
    ["first", "first", "first"],
  );
  assert.deepEqual(errors, []);
});

test("an error after the answer leaves it alone; one in a stream breaks it off", async (t) => {
  const { port, origin, refused } = await startEdge(t, [
    route("/after", (exchange) => {
      exchange.json(200, [], "x".repeat(1_000_000));
      throw new GatewayError("not_found", "late");
    }),
    route("/after-stream", async (exchange) => {
      exchange.streamHead(200, []);
      exchange.finish(asBytes("whole"));
      await Promise.resolve();
      throw new GatewayError("not_found", "late");
    }),
    route("/in-stream", async (exchange) => {
      exchange.streamHead(200, []);
      exchange.chunk(asBytes("half"));
      await Promise.resolve();
      throw new GatewayError("not_found", "in the middle");
    }),
    route("/json-in-stream", (exchange) => {
      exchange.streamHead(200, []);
      exchange.chunk(asBytes("half"));
      exchange.json(500, [], "{}");
    }),
    route("/bad-header", (exchange) => exchange.json(200, ["x-broken", "a\r\nb"], "{}")),
    route("/bad-stream-header", (exchange) => exchange.streamHead(200, ["x-broken", "a\r\nb"])),
  ]);
  const post = (path: string): Promise<Response> => fetch(`${origin}${path}`, { method: "POST" });
  assert.equal((await (await post("/after")).text()).length, 1_000_000);
  assert.equal(await (await post("/after-stream")).text(), "whole");
  for (const path of ["/in-stream", "/json-in-stream"]) await assert.rejects(post(path).then((answer) => answer.text()));
  for (const path of ["/bad-header", "/bad-stream-header"]) assert.equal((await post(path)).status, 500);
  assert.deepEqual(refused, ["not_found", "not_found", "not_found", "internal_error", "internal_error"]);
  const client = await rawClient(t, port);
  const received = await client.send("POST /in-stream HTTP/1.1\r\nHost: a\r\n\r\n").ended();
  assert.deepEqual(parseAnswers(received), []);
});

test("a client that leaves a stream is noticed, though the handler never read its body", async (t) => {
  const left = deferred();
  const begun = deferred();
  const port = await serve(t, true, (exchange) => {
    exchange.onLeave(() => left.resolve());
    exchange.streamHead(200, []);
    exchange.chunk(asBytes("data: 1\n\n"));
    begun.resolve();
  });
  const client = await rawClient(t, port);
  client.send(`GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n${"x".repeat(500_000)}`);
  await begun.promise;
  await client.until((received) => received.includes("data: 1"));
  client.socket.end();
  await left.promise;
});

test("an answer to HEAD has the head of the one to GET, and no body", async (t) => {
  const port = await serve(t, true, (exchange) => exchange.json(200, [], "four"));
  const client = await rawClient(t, port);
  client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
  await client.until((received) => received.endsWith("\r\n\r\n"));
  assert.match(client.received, /content-length: 4\r\n/);
  assert.equal((await client.send(get).until((received) => received.endsWith("four"))).split("HTTP/1.1").length, 3);
});

test("a large answer to a client that does not read waits, and is whole when it does", async (t) => {
  const large = "z".repeat(20_000_000);
  const port = await serve(t, true, (exchange) => exchange.json(200, [], large));
  const client = await rawClient(t, port);
  client.socket.pause();
  client.send(get);
  await new Promise((resolve) => setImmediate(resolve));
  client.socket.resume();
  let size = 0;
  client.socket.on("data", (data) => (size += data.length));
  await waitUntil("all has come", () => size >= large.length);
  assert.ok(client.received.endsWith("zzz"));
});

test("a client that does not read its answer is given up", async (t) => {
  const gone = deferred();
  const large = "z".repeat(20_000_000);
  const answerLarge = (exchange: HttpExchange, response: ServerResponse): void => {
    response.on("close", () => gone.resolve());
    exchange.json(200, [], large);
  };
  const client = await rawClient(t, await serve(t, true, answerLarge, 50));
  client.socket.pause();
  client.send(get);
  await gone.promise;
  client.socket.resume();
  assert.ok((await client.ended()).length < large.length);
});

test("a request that waits behind an answer that is slow to leave is not given up with it", async (t) => {
  const watches: (number | undefined)[] = [];
  const large = "z".repeat(20_000_000);
  const port = await serve(
    t,
    true,
    (exchange, response) => {
      watches.push(response.req.socket.timeout);
      exchange.json(200, [], watches.length === 1 ? large : "second");
    },
    5000,
  );
  const client = await rawClient(t, port);
  client.send(get).send(get);
  for (let size = 0; size < large.length;) size += ((await once(client.socket, "data")) as [Buffer])[0].length;
  assert.ok(watches.length === 2);
  assert.deepEqual(
    watches.map((watch) => watch ?? 0),
    [0, 0],
  );
});
