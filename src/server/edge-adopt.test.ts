import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import { waitUntil } from "../../tests/testbed/wait-until.ts";
import { createEdge } from "./edge.ts";
import { deferred, edgeDeps, rawClient, route, type TestEdgeOptions } from "./testing.ts";
import type { Route } from "./route-table.ts";

/** An edge that listens on nothing; another server accepts for it, as the primary process does. */
async function startAdopting(t: TestContext, routes: readonly Route[], options: TestEdgeOptions = {}) {
  const edge = createEdge(edgeDeps(routes, options));
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) => {
    edge.adopt(socket);
    socket.resume();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(async () => {
    server.close();
    await edge.close(0);
  });
  return { edge, port: (server.address() as AddressInfo).port };
}

test("open connections and the bodies of requests that are served are counted, until they are gone", async (t) => {
  const answered = deferred();
  const asked = deferred();
  const { edge, port } = await startAdopting(t, [
    route("/slow", async (exchange) => {
      await exchange.readBody();
      asked.resolve();
      await answered.promise;
      exchange.json(200, [], "done");
    }),
  ]);
  assert.deepEqual(edge.gauges(), { open_connections: 0, body_bytes_in_flight: 0, in_flight: 0, in_flight_waiting: 0 });
  const client = await rawClient(t, port);
  client.send("POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
  await asked.promise;
  assert.deepEqual(edge.gauges(), { open_connections: 1, body_bytes_in_flight: 5, in_flight: 0, in_flight_waiting: 0 });
  answered.resolve();
  await client.answer();
  client.socket.end();
  await waitUntil("the connection is gone", () => edge.gauges().open_connections === 0);
  assert.deepEqual(edge.gauges(), { open_connections: 0, body_bytes_in_flight: 0, in_flight: 0, in_flight_waiting: 0 });
});

test("a connection that another process accepted is served as one of the edge's own, also when its client half-closes it", async (t) => {
  const { port } = await startAdopting(t, [route("/slow", (exchange) => void setImmediate(() => exchange.json(200, [], "done")))]);
  const client = await rawClient(t, port);
  client.send("POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
  client.socket.end();
  assert.equal((await client.answer()).body, "done");
});

test("a slow head is cut off on a connection that another process accepted", async (t) => {
  const { port } = await startAdopting(t, [], { limits: { slowClientMs: 60 } });
  const client = await rawClient(t, port);
  client.send("POST /slow HTTP/1.1\r\nHost");
  assert.match(await client.ended(), /^HTTP\/1\.1 408 /);
});

test("a close waits for the answer on such a connection, and takes no more of them", async (t) => {
  const asked = deferred();
  const release = deferred();
  const { edge, port } = await startAdopting(t, [
    route("/slow", async (exchange) => {
      asked.resolve();
      await release.promise;
      exchange.json(200, [], "done");
    }),
  ]);
  const client = await rawClient(t, port);
  client.send("POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
  await asked.promise;
  const closed = edge.close(5000);
  const late = await rawClient(t, port);
  assert.equal(await late.ended(), "");
  release.resolve();
  assert.equal((await client.answer()).body, "done");
  await closed;
});
