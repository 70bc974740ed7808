import assert from "node:assert/strict";
import { test } from "node:test";
import type { HttpExchange } from "./http/exchange.ts";
import { rawClient, route, startEdge } from "./testing.ts";

const post = (body: string, key = "tok_user"): string =>
  `POST /held HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${key}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

/** Waits until something holds, for a bounded number of turns of the event loop. */
async function until(holds: () => boolean): Promise<void> {
  for (let turn = 0; !holds(); turn++) {
    assert.ok(turn < 1_000_000, "it never came to hold");
    await new Promise(setImmediate);
  }
}

test("connections that never send a request are cut like slow heads", async (t) => {
  const { port } = await startEdge(t, [], { limits: { slowClientMs: 60 } });
  const silent = await Promise.all(Array.from({ length: 20 }, () => rawClient(t, port)));
  const blank = await rawClient(t, port);
  blank.send("\r\n");
  const ends = await Promise.all([...silent, blank].map((client) => client.ended()));
  assert.deepEqual(new Set(ends.map((text) => text.slice(0, 28))), new Set(["HTTP/1.1 408 Request Timeout"]));
});

test("over the cap an idle connection makes room, and where all are busy the new one gets a 503", async (t) => {
  const held: HttpExchange[] = [];
  const holding = route("/held", (exchange) => void held.push(exchange));
  const { port, refused } = await startEdge(t, [holding], { limits: { maxConnections: 2 } });
  const idle = await rawClient(t, port);
  const busy = await rawClient(t, port);
  busy.send(post(""));
  const third = await rawClient(t, port);
  assert.equal(await idle.ended(), "");
  third.send(post(""));
  await until(() => held.length === 2);
  const fourth = await rawClient(t, port);
  fourth.send(post(""));
  const { status, headers, body } = await fourth.answer();
  assert.deepEqual(
    [status, headers["retry-after"], headers["connection"], (JSON.parse(body) as { code: string }).code, refused],
    [503, "5", "close", "overloaded", ["overloaded"]],
  );
  assert.equal(held.length, 2);
  for (const exchange of held) exchange.json(200, [], "done");
  assert.deepEqual([(await busy.answer()).body, (await third.answer()).body], ["done", "done"]);
});

test("bodies in flight: a key gets its share, all get the total, and an answer that is over makes room", async (t) => {
  const held: HttpExchange[] = [];
  const holding = route(
    "/held",
    async (exchange) => {
      await exchange.readBody();
      held.push(exchange);
    },
    { access: "user" },
  );
  const { port } = await startEdge(t, [holding], { limits: { maxBodyBytes: 1000, maxBodyBytesInFlight: 3000 } });
  const send = async (
    body: string,
    key: string,
    chunked = false,
  ): Promise<{ status?: number; code?: string; retryAfter?: string | undefined }> => {
    const client = await rawClient(t, port);
    const before = held.length;
    const text = post(body, key);
    client.send(
      chunked
        ? `${text.slice(0, text.indexOf("Content-Length"))}Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
        : text,
    );
    await until(() => held.length > before || client.received !== "");
    if (held.length > before) return {};
    const { status, headers, body: answer } = await client.answer();
    return { status, code: (JSON.parse(answer) as { code: string }).code, retryAfter: headers["retry-after"] };
  };
  const body = "x".repeat(700);
  assert.deepEqual([await send(body, "tok_user"), await send(body, "tok_user")], [{}, {}]);
  const perKey = { status: 429, code: "rate_limited", retryAfter: "1" };
  assert.deepEqual([await send(body, "tok_user"), await send(body, "tok_user", true)], [perKey, perKey]);
  assert.deepEqual([await send(body, "tok_other"), await send(body, "tok_other")], [{}, {}]);
  assert.deepEqual(await send(body, "tok_admin", true), { status: 503, code: "overloaded", retryAfter: "1" });
  for (const exchange of held) exchange.json(200, [], "done");
  await until(() => held.every(({ closed }) => closed));
  assert.deepEqual([await send(body, "tok_user"), await send(body, "tok_admin")], [{}, {}]);
});
