import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { ClientRequest, ServerResponse } from "node:http";
import { request as httpRequest } from "node:http";
import { connect, type Socket } from "node:net";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { after, before, beforeEach, test } from "node:test";
import { announcementsOver } from "../e2e/both-ways.ts";
import type { Caller, TestGateway } from "../e2e/harness.ts";
import { providerKeys, startGateway, withMockUpstream } from "../e2e/harness.ts";
import { sendRaw } from "../e2e/raw-http.ts";
import type { FaultServer } from "../testbed/fault-server.ts";
import { createFaultServer } from "../testbed/fault-server.ts";
import { chunk, head, healthyScript, send, STREAM_HEADERS } from "../testbed/fault-wire.ts";
import type { MockUpstream } from "../testbed/mock-upstream.ts";
import { createMockUpstream } from "../testbed/mock-upstream.ts";
import type { ScenarioTrouble } from "../testbed/scenario.ts";
import { dialects } from "./dialects.ts";
import type { Dialect } from "./dialects.ts";
import { isSound, readReply } from "./observe.ts";
import { waitUntil } from "../testbed/wait-until.ts";

let mock: MockUpstream;
let server: FaultServer;
let gateway: TestGateway;
/** Before the server of faults. */
let rough: TestGateway;
let caller: Caller;
before(async () => {
  mock = await createMockUpstream({ validate: false, apiKeys: Object.values(providerKeys) });
  server = await createFaultServer();
  gateway = await startGateway({ config: withMockUpstream(mock.url).replace("{ work_mode: auto }", "{ limits: { body: 4MiB } }") });
  rough = await startGateway({ config: withMockUpstream(server.url) });
  await announcementsOver(mock, Object.keys(providerKeys).length);
  await server.waitForRequests(Object.keys(providerKeys).length);
  caller = await gateway.createKey("alice");
});
beforeEach(() => mock.reset());
after(async () => {
  await gateway.stop();
  await rough.stop();
  await mock.close();
  await server.close();
});

const headersOf = (key: string): Record<string, string> => ({ authorization: `Bearer ${key}`, "content-type": "application/json" });

/** Sends and gives the request, and resolves `piece` with the first piece of an answer. */
function begin(origin: TestGateway, key: string, dialect: Dialect, stream: boolean): { sent: ClientRequest; piece: Promise<Buffer> } {
  const sent = httpRequest(`${origin.url}${dialect.path(stream)}`, { method: "POST", headers: headersOf(key), agent: false });
  const piece = new Promise<Buffer>((resolve) => {
    sent.on("response", (answer) => {
      answer.once("data", resolve);
      answer.on("error", () => undefined);
    });
  });
  sent.on("error", () => undefined);
  sent.end(dialect.body(stream));
  return { sent, piece };
}

/** Until the upstream notices, in milliseconds, beside what a busy machine adds to each turn of the event loop. */
const mostMs = 100;
const loop = monitorEventLoopDelay({ resolution: 5 });
const figures: string[] = [];

const moments: readonly { readonly when: string; readonly stream: boolean; readonly trouble: ScenarioTrouble; readonly output: boolean }[] =
  [
    { when: "before a JSON answer", stream: false, trouble: { kind: "hang", afterPieces: "headers" }, output: false },
    { when: "in the middle of a JSON answer", stream: false, trouble: { kind: "hang", afterPieces: 1 }, output: false },
    { when: "before a stream begins", stream: true, trouble: { kind: "hang", afterPieces: "headers" }, output: false },
    { when: "in the middle of a stream", stream: true, trouble: { kind: "hang", afterPieces: 3 }, output: true },
  ];

for (const { when, stream, trouble, output } of moments) {
  test(`a client that leaves ${when}: the upstream's connection is closed within 100 ms, and the row says cancelled`, async () => {
    for (const dialect of dialects) {
      mock.reset();
      mock.enqueue({ text: ["one ", "two ", "three ", "four ", "five"], trouble });
      const known = (await gateway.rows()).length;
      const { sent, piece } = begin(gateway, caller.key, dialect, stream);
      const [request] = await mock.waitForRequests(1);
      if (output) await piece;
      loop.reset();
      loop.enable();
      const leftAtMs = performance.now();
      sent.destroy();
      const end = await Promise.race([request!.closed, never(5000)]);
      const tookMs = end.atMs - leftAtMs;
      await waitUntil("the event loop was measured", () => loop.count > 0);
      // A few turns: the client's end, the gateway's, the upstream's.
      const allowedMs = mostMs + (3 * loop.max) / 1e6;
      loop.disable();
      figures.push(`${dialect.id} ${when}: ${tookMs.toFixed(1)} ms`);
      assert.equal(end.how, "aborted");
      assert.ok(tookMs < allowedMs, `${tookMs} ms, at most ${allowedMs} ms`);
      const rows = (await untilRows(gateway, known + 1)).slice(known);
      const where = `${dialect.id}: ${JSON.stringify(rows)}`;
      assert.deepEqual(
        rows.map((row) => [row.attempt, row.status, row.http_status, row.error_code, row.dialect]),
        [[1, "cancelled", 499, "client_closed_request", dialect.id]],
        where,
      );
      assert.ok(isSound(rows[0]!), where);
      // Three pieces went out: that is what was used.
      if (output) assert.ok(rows[0]!.output_tokens! >= 3 && rows[0]!.input_tokens! > 0, where);
      else assert.ok((rows[0]!.output_tokens ?? 0) === 0, where);
    }
  });
}

test("a client that leaves with the end of its answer unread: the row is corrected to cancelled, and keeps its tokens and cost", async () => {
  const [dialect] = dialects;
  mock.reset();
  // More than the system takes for a client that does not read.
  mock.enqueue({ text: ["word ".repeat(2_500_000)] });
  const known = (await gateway.rows()).length;
  const socket = connect(gateway.port, "127.0.0.1");
  socket.once("data", () => socket.pause());
  const body = dialect!.body(false);
  socket.write(
    `POST ${dialect!.path(false)} HTTP/1.1\r\nhost: x\r\nx-api-key: ${caller.key}\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
  const { ledger } = gateway.gateway;
  await waitUntil("the answer is on its way", () => ledger.status().open === 0 && ledger.status().queued === 1 && socket.bytesRead > 0);
  socket.destroy();
  const [row, ...others] = (await untilRows(gateway, known + 1)).slice(known);
  assert.deepEqual(others, []);
  assert.deepEqual([row!.status, row!.http_status, row!.error_code], ["cancelled", 499, "client_closed_request"]);
  assert.ok(row!.usage_source === "reported" && row!.output_tokens! > 0 && row!.input_tokens! > 0, JSON.stringify(row));
});

test("a client that leaves while it sends its body is not a request that was dispatched", async () => {
  for (const dialect of dialects) {
    mock.reset();
    const known = (await gateway.rows()).length;
    const socket = connect(gateway.port, "127.0.0.1");
    const head = `POST ${dialect.path(false)} HTTP/1.1\r\nhost: x\r\nx-api-key: ${caller.key}\r\ncontent-length: 1000\r\n\r\n{"model":`;
    await new Promise<void>((resolve) => socket.write(head, () => resolve()));
    socket.destroy();
    const rows = (await untilRows(gateway, known + 1)).slice(known);
    assert.deepEqual(
      rows.map((row) => [row.attempt, row.status]),
      [[0, "refused"]],
    );
    assert.equal(mock.requests.length, 0);
  }
});

test("a slow reader holds the upstream back, and costs at most 256 KiB", async (t) => {
  // The gateway's side of the connection, to see how much it holds.
  let held: ServerResponse | undefined;
  const heldBytes = (): number => (held === undefined ? 0 : held.writableLength + (held.socket?.writableLength ?? 0));
  const onRequest = (message: unknown): void => {
    const { response, socket } = message as { response: ServerResponse; socket: { localPort: number } };
    if (socket.localPort === rough.port) held = response;
  };
  subscribe("http.server.request.start", onRequest);
  t.after(() => unsubscribe("http.server.request.start", onRequest));
  const { key } = await rough.createKey("slow");
  const block = 64 * 1024;
  const offered = 24 * 1024 * 1024;
  for (const dialect of dialects) {
    held = undefined;
    let written = 0;
    server.use(async (context) => {
      await send(context, head(200, STREAM_HEADERS));
      const { opening, pieces } = healthyScript(context.protocol);
      for (const frame of [opening, ...pieces.slice(0, 2)]) if (frame !== "") await send(context, chunk(frame));
      // Comments are events' neighbours: they pass, whatever the dialect.
      const filler = chunk(`: ${"x".repeat(block - 4)}\n\n`);
      for (; written < offered; written += block) if (!(await send(context, filler))) break;
    });
    const socket = connect(rough.port, "127.0.0.1");
    const body = dialect.body(true);
    socket.on("error", () => undefined);
    socket.pause();
    socket.write(
      `POST ${dialect.path(true)} HTTP/1.1\r\nhost: x\r\nx-api-key: ${key}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
    // Once nothing has moved for a while, everything between the two ends is full. A busy machine may do nothing for a while before that.
    await waitUntil("the gateway holds bytes", () => heldBytes() > 0);
    const settled = await untilStill(() => written);
    const bufferedBytes = heldBytes();
    t.diagnostic(
      `${dialect.id}: ${settled >> 10} KiB left the upstream for a client that reads nothing, ${bufferedBytes >> 10} KiB are held by the gateway`,
    );
    // The one or the other counts the same bytes, so their sum is an upper bound.
    assert.ok(bufferedBytes > 0 && bufferedBytes <= 256 * 1024, `${bufferedBytes} bytes`);
    // Kernel buffers of two connections hold a few MiB; what is offered is far more.
    assert.ok(settled < offered / 2, `${settled} bytes were taken`);
    assert.ok(settled > 0);
    // A reader that wakes up gets on.
    socket.resume();
    let received = 0;
    socket.on("data", (data) => (received += data.length));
    await new Promise<void>((resolve) => {
      const look = setInterval(() => {
        if (received <= settled && written < offered) return;
        clearInterval(look);
        resolve();
      }, 5);
    });
    assert.ok(received > 0);
    socket.destroy();
  }
});

const key = (): string => caller.key;
const post = (dialect: Dialect, body: string | Buffer, stream = false) =>
  sendRaw(gateway.url, { path: dialect.path(stream), headers: ["x-api-key", key(), "content-type", "application/json"], body });

/** The dialects whose model is in the body. */
const inBody = dialects.filter(({ id }) => id !== "gemini-generate");

async function isRefused(dialect: Dialect, body: string | Buffer, status: number, code: string): Promise<void> {
  const known = (await gateway.rows()).length;
  const sent = mock.requests.length;
  const seen = readReply(await post(dialect, body), dialect);
  const where = `${dialect.id}: ${seen.body.toString()}`;
  assert.deepEqual([seen.status, seen.error?.code], [status, code], where);
  const rows = (await gateway.rows()).slice(known);
  assert.deepEqual(
    rows.map((row) => [row.request_id, row.attempt, row.status, row.http_status, row.error_code, Number(row.cost_nano_usd)]),
    [[seen.requestId, 0, "refused", status, code, 0]],
    where,
  );
  assert.equal(mock.requests.length, sent, "nothing was sent");
}

test("a body over the limit is a 413 at the limit, declared or not", async () => {
  const large = Buffer.alloc(4 * 2 ** 20 + 1, " ");
  for (const dialect of dialects) {
    await isRefused(dialect, large, 413, "body_too_large");
    // One that is declared is refused before a byte of it has been sent.
    const declared = connect(gateway.port, "127.0.0.1");
    declared.write(`POST ${dialect.path(false)} HTTP/1.1\r\nhost: x\r\nx-api-key: ${key()}\r\ncontent-length: ${large.length}\r\n\r\n`);
    assert.match(await firstData(declared), /^HTTP\/1\.1 413 /);
    declared.destroy();
    // Without a length the count decides, and the answer comes before the rest has been sent.
    const socket = connect(gateway.port, "127.0.0.1");
    socket.write(`POST ${dialect.path(false)} HTTP/1.1\r\nhost: x\r\nx-api-key: ${key()}\r\ntransfer-encoding: chunked\r\n\r\n`);
    socket.write(chunk(large));
    assert.match(await firstData(socket), /^HTTP\/1\.1 413 /);
    socket.destroy();
  }
});

test("a body that is no JSON object is a 400", async () => {
  for (const dialect of inBody) {
    for (const body of [
      "",
      "{",
      "nonsense",
      '{"model":"gpt-mock"',
      '{"model":"gpt-mock"}}',
      "[1]",
      '"text"',
      "null",
      '{"model":gpt}',
      "\ufeff{}x",
    ])
      await isRefused(dialect, body, 400, "invalid_json");
    // No model, or one that is no name.
    for (const body of ["{}", '{"model":1}', '{"model":null}', '{"model":{}}', '{"model":""}'])
      await isRefused(dialect, body, 400, "invalid_request");
  }
});

test("a model that occurs twice in a body is a 400, as the meant one cannot be known", async () => {
  for (const dialect of inBody) {
    await isRefused(dialect, '{"model":"gpt-mock","model":"claude-mock"}', 400, "ambiguous_json");
    await isRefused(dialect, '{"model":"gpt-mock","x":[{"model":1}],"mod\\u0065l":"claude-mock"}', 400, "ambiguous_json");
  }
});

test("a key of the body that is spelt with escapes is a 400 where it decides", async () => {
  for (const dialect of inBody) await isRefused(dialect, '{"\\u006dodel":"gpt-mock"}', 400, "ambiguous_json");
});

test("JSON of 100,000 levels is a 400 or passes, and nothing crashes", async () => {
  const depth = 100_000;
  for (const dialect of dialects) {
    for (const [open, close] of [
      ["[", "]"],
      ['{"a":', "}"],
    ] as const) {
      const deep = open.repeat(depth) + "1" + close.repeat(depth);
      const body = dialect.id === "gemini-generate" ? `{"contents":${deep}}` : `{"model":"${dialect.model}","messages":${deep}}`;
      const { status } = await post(dialect, body);
      assert.ok(status === 200 || status === 400, `${dialect.id}: ${status}`);
      if (status === 200) assert.equal(mock.requests.at(-1)?.body.toString(), body);
    }
  }
  assert.equal((await sendRaw(gateway.url, { method: "GET", path: "/health/ready" })).status, 200);
});

const odd: readonly (readonly [what: string, field: string])[] = [
  ["a lone surrogate", '"metadata":{"a":"\\ud800"}'],
  ["two surrogates the wrong way round", '"metadata":{"\\udc00\\ud800":1}'],
  ["a number beyond doubles", '"temperature":1e400'],
  ["a number of 400 digits", `"temperature":${"9".repeat(400)}`],
  ["__proto__", '"__proto__":{"stream":true,"isAdmin":true},"constructor":{"prototype":{"model":"x"}}'],
  ["__proto__ deep inside", '"metadata":{"__proto__":{"polluted":1}}'],
  ["a repeated key that decides nothing", '"user":"a","user":"b"'],
];

for (const [what, field] of odd) {
  test(`${what} in a body passes byte for byte`, async () => {
    for (const dialect of dialects) {
      const whole = dialect.body(false);
      const body = `{${field},${whole.slice(1)}`;
      mock.reset();
      mock.enqueue({ text: ["ok"] });
      const seen = readReply(await post(dialect, body), dialect);
      assert.equal(seen.how, "whole", `${dialect.id}: ${seen.body.toString()}`);
      assert.equal(mock.requests[0]?.body.toString(), body);
    }
    assert.equal(({} as Record<string, unknown>)["polluted"], undefined);
    assert.equal(({} as Record<string, unknown>)["isAdmin"], undefined);
  });
}

test("a lone surrogate in a model's name harms neither answer nor ledger", async () => {
  for (const dialect of inBody) {
    const known = (await gateway.rows()).length;
    const seen = readReply(await post(dialect, '{"model":"x\\ud800y"}'), dialect);
    assert.ok(seen.status === 404 || seen.status === 400, seen.body.toString());
    assert.equal((await gateway.rows()).length, known + 1);
  }
});

test("after all of this nothing is open, nothing was logged as a fault of the gateway's own", async () => {
  for (const one of [gateway, rough]) {
    await one.gateway.ledger.flush();
    assert.deepEqual([one.gateway.ledger.status().open, one.gateway.metrics().gauges["active_streams"]], [0, 0]);
    assert.ok(!/failed inside the gateway|a handler of an answer failed|that was not open/.test(await one.logText()));
  }
});

test("how fast the upstream's connection was closed", (t) => {
  for (const figure of figures) t.diagnostic(figure);
  assert.equal(figures.length, moments.length * dialects.length);
});

function firstData(socket: Socket): Promise<string> {
  return new Promise((resolve) => socket.once("data", (data) => resolve(data.toString())));
}

/** The end of a request that the upstream was never freed of. */
function never(afterMs: number): Promise<{ readonly how: "never"; readonly atMs: number }> {
  return new Promise((resolve) => {
    setTimeout(() => resolve({ how: "never", atMs: Infinity }), afterMs).unref();
  });
}

/** The rows, once there are this many: a client that has gone cannot wait for its row. */
function untilRows(of: TestGateway, count: number) {
  return waitUntil(`${count} rows are there`, async () => {
    const rows = await of.rows();
    return rows.length >= count && rows;
  });
}

/** The value, once it has not changed for 150 ms. */
function untilStill(read: () => number): Promise<number> {
  let last = -1;
  let changedAtMs = performance.now();
  return waitUntil("the value has stopped to change", () => {
    const now = read();
    if (now !== last || now <= 0) changedAtMs = performance.now();
    last = now;
    return performance.now() - changedAtMs >= 150 && now;
  });
}
