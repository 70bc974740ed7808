import { asBytes } from "../core/index.ts";
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type AddressInfo } from "node:net";
import { networkInterfaces } from "node:os";
import { test } from "node:test";
import { createEdge } from "./edge.ts";
import type { HttpExchange } from "./http/exchange.ts";
import { deferred, edgeDeps, parseAnswers, rawClient, route, startEdge } from "./testing.ts";

const minutes = 600_000;

/** A route whose exchanges the test answers. */
function waiting(path: string): { route: ReturnType<typeof route>; next: () => Promise<HttpExchange> } {
  const given: HttpExchange[] = [];
  let arrived = deferred();
  return {
    route: route(path, (exchange) => {
      given.push(exchange);
      arrived.resolve();
    }),
    next: async () => {
      if (given.length === 0) await arrived.promise;
      arrived = deferred();
      return given.shift()!;
    },
  };
}

const post = (path: string): string => `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}`;

test("a close lets what is under way end, and ends the connections with it", async (t) => {
  const json = waiting("/json");
  const stream = waiting("/stream");
  const { edge, port } = await startEdge(t, [json.route, stream.route, route("/idle", (exchange) => exchange.json(200, [], "idle"))]);
  const idle = await rawClient(t, port);
  await idle.send(post("/idle")).answer();
  const silent = await rawClient(t, port);
  const jsonClient = await rawClient(t, port);
  jsonClient.send(post("/json"));
  const streamClient = await rawClient(t, port);
  streamClient.send(post("/stream"));
  const [jsonExchange, streamExchange] = [await json.next(), await stream.next()];
  streamExchange.streamHead(200, []);
  streamExchange.chunk(asBytes("data: 1\n\n"));
  await streamClient.until((received) => received.includes("data: 1"));

  let closed = false;
  const closing = edge.close(minutes).then(() => {
    closed = true;
  });
  await Promise.all([idle.ended(), silent.ended()]);
  const late = connect(port, "127.0.0.1");
  const [refusal] = (await once(late, "error")) as [NodeJS.ErrnoException];
  assert.equal(refusal.code, "ECONNREFUSED");
  assert.equal(closed, false);

  jsonExchange.json(200, [], "answered");
  const [answer] = parseAnswers(await jsonClient.ended());
  assert.deepEqual([answer!.body, answer!.headers["connection"]], ["answered", "close"]);
  assert.equal(closed, false);
  streamExchange.chunk(asBytes("data: 2\n\n"));
  streamExchange.finish(asBytes("data: [DONE]\n\n"));
  const [streamed] = parseAnswers(await streamClient.ended());
  assert.equal(streamed!.body, "data: 1\n\ndata: 2\n\ndata: [DONE]\n\n");
  await closing;
});

test("a close that lingers answers requests on open connections, and closes idle ones when they have been silent", async (t) => {
  const json = waiting("/json");
  const { edge, port } = await startEdge(t, [json.route, route("/idle", (exchange) => exchange.json(200, [], "idle"))]);
  const [silent, idle, begun] = [await rawClient(t, port), await rawClient(t, port), await rawClient(t, port)];
  await idle.send(post("/idle")).answer();
  begun.send(post("/json"));
  const exchange = await json.next();
  // A stream whose head went out before: its client does not know that the connection is about to be closed, and sends the next request on it.
  exchange.streamHead(200, []);
  exchange.chunk(asBytes("1"));
  await begun.until((received) => received.endsWith("1\r\n"));
  const bodyless = "POST /idle HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";
  const closing = edge.close(minutes, undefined, 50);
  idle.send(bodyless);
  exchange.finish(asBytes("2"));
  await begun.until((received) => received.endsWith("0\r\n\r\n"));
  begun.send(bodyless);
  const answers = (received: string): unknown[] => parseAnswers(received).map(({ body, headers }) => [body, headers["connection"]]);
  assert.deepEqual(answers(await idle.ended()).at(-1), ["idle", "close"]);
  assert.deepEqual(answers(await begun.ended()), [
    ["12", "keep-alive"],
    ["idle", "close"],
  ]);
  assert.equal(await silent.ended(), "");
  await closing;
});

test("a socket that another process listens on is served, and closing it leaves no other", async (t) => {
  const { edge } = await startEdge(t, [route("/x", (exchange) => exchange.json(200, [], "served"))]);
  const other = createServer();
  await once(other.listen(0, "127.0.0.1"), "listening");
  const { port } = other.address() as AddressInfo;
  assert.equal(await edge.share("127.0.0.1", [other]), port);
  assert.equal(edge.sockets.length, 2);
  assert.equal(await (await fetch(`http://127.0.0.1:${port}/x`, { method: "POST" })).text(), "served");
  await edge.close(minutes);
  const [refusal] = (await once(connect(port, "127.0.0.1"), "error")) as [NodeJS.ErrnoException];
  assert.equal(refusal.code, "ECONNREFUSED");
});

test("a close does not cut an answer that is still on its way to a slow reader", async (t) => {
  const json = waiting("/json");
  const { edge, port } = await startEdge(t, [json.route]);
  const large = "z".repeat(20_000_000);
  const client = await rawClient(t, port);
  client.socket.pause();
  client.send(post("/json"));
  const exchange = await json.next();
  exchange.json(200, [], large);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(exchange.closed, false);
  const closing = edge.close(minutes);
  client.socket.resume();
  const [answer] = parseAnswers(await client.ended());
  assert.equal(answer!.body.length, large.length);
  await closing;
});

test("a close waits for a pipelined request whose predecessor has its answer", async (t) => {
  const second = waiting("/second");
  const { edge, port } = await startEdge(t, [route("/first", (exchange) => exchange.json(200, [], "first")), second.route]);
  const client = await rawClient(t, port);
  client.send(post("/first") + post("/second"));
  const exchange = await second.next();
  await client.answer();
  const closing = edge.close(minutes);
  exchange.json(200, [], "second");
  const answers = parseAnswers(await client.ended());
  assert.deepEqual(
    answers.map((answer) => answer.body),
    ["first", "second"],
  );
  await closing;
});

test("a client that sends its body while the server closes still reads its answer", async (t) => {
  const json = waiting("/refuse");
  const { edge, port } = await startEdge(t, [json.route]);
  const client = await rawClient(t, port);
  client.send("POST /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n");
  const exchange = await json.next();
  const closing = edge.close(minutes);
  exchange.json(413, [], "too large");
  await client.until((received) => received.endsWith("too large"));
  client.send("x".repeat(3_000_000));
  await client.ended();
  await closing;
});

test("when the grace is over that is said, last words leave, and the rest is cut", async (t) => {
  const stream = waiting("/stream");
  const stuck = waiting("/stuck");
  const { edge, port } = await startEdge(t, [stream.route, stuck.route]);
  const [streamClient, stuckClient] = [await rawClient(t, port), await rawClient(t, port)];
  streamClient.send(post("/stream"));
  stuckClient.send(post("/stuck"));
  const [streamExchange, stuckExchange] = [await stream.next(), await stuck.next()];
  streamExchange.streamHead(200, []);
  streamExchange.chunk(asBytes("data: 1\n\n"));
  let left = 0;
  stuckExchange.onLeave(() => {
    left++;
  });
  let overs = 0;
  await edge.close(20, () => {
    overs++;
    streamExchange.finish(asBytes("data: error\n\n"));
  });
  assert.deepEqual([overs, left], [1, 1]);
  const [streamed] = parseAnswers(await streamClient.ended());
  assert.equal(streamed!.body, "data: 1\n\ndata: error\n\n");
  assert.equal(await stuckClient.ended(), "");
});

test("a close that is over in time has no grace left to end", async (t) => {
  const { edge } = await startEdge(t, []);
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let overs = 0;
  await edge.close(1000, () => {
    overs++;
  });
  t.mock.timers.tick(5000);
  assert.equal(overs, 0);
});

test("a second close with a shorter grace ends the first one, too", async (t) => {
  const stuck = waiting("/stuck");
  const { edge, port } = await startEdge(t, [stuck.route]);
  const client = await rawClient(t, port);
  client.send(post("/stuck"));
  await stuck.next();
  const first = edge.close(minutes);
  await Promise.all([edge.close(0), first]);
  assert.equal(await client.ended(), "");
});

test("an edge that never listened closes, and one that is closed closes again", async (t) => {
  await createEdge(edgeDeps([])).close(minutes);
  const { edge, port } = await startEdge(t, []);
  await assert.rejects(edge.listen("127.0.0.1", port), { code: "EADDRINUSE" });
  await edge.close(minutes);
  await edge.close(minutes);
});

test("localhost is served on both of its addresses", async (t) => {
  if (!Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === "::1"))) {
    t.skip("this machine has no IPv6");
    return;
  }
  const { edge } = await startEdge(t, [route("/x", (exchange) => exchange.json(200, [], exchange.remoteAddress))]);
  const port = await edge.listen("localhost", 0);
  const seen: string[] = [];
  for (const host of ["127.0.0.1", "[::1]"]) {
    seen.push(await (await fetch(`http://${host}:${port}/x`, { method: "POST" })).text());
  }
  assert.deepEqual(seen, ["127.0.0.1", "::1"]);
  // Where another program has one of the two, a part of the clients would reach that one.
  const other = await startEdge(t, []);
  const v6 = await other.edge.listen("::1", 0);
  await assert.rejects(edge.listen("localhost", v6), { code: "EADDRINUSE" });
});
