import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import type { Caller, TestGateway } from "../e2e/harness.ts";
import { providerKeys, startGateway, withMockUpstream } from "../e2e/harness.ts";
import type { FaultServer } from "../testbed/fault-server.ts";
import { createFaultServer } from "../testbed/fault-server.ts";
import type { FaultContext } from "../testbed/fault-wire.ts";
import {
  chunk,
  FAULT_USAGE,
  head,
  healthyJson,
  healthyScript,
  scriptFrames,
  send,
  sendWhole,
  STREAM_HEADERS,
  untilClosed,
} from "../testbed/fault-wire.ts";
import { faultNames, faults } from "../testbed/faults.ts";
import { readEventData } from "../testbed/sse-reference.ts";
import { dialects } from "./dialects.ts";
import type { Dialect } from "./dialects.ts";
import type { Expected } from "./expectations.ts";
import { expectations, expectedOf } from "./expectations.ts";
import type { Seen } from "./observe.ts";
import { ask, isSound } from "./observe.ts";

/** Faults that end by a timeout go through a gateway that has little patience; for the others time must not matter. */
const untilTimeout = new Set(["hang-before-headers", "stall-after-headers", "stall-in-body"]);

let server: FaultServer;
let patient: TestGateway;
let hasty: TestGateway;
const callers = new Map<TestGateway, Caller>();
before(async () => {
  server = await createFaultServer();
  const start = (timeouts: string): Promise<TestGateway> =>
    startGateway({ config: withMockUpstream(server.url).replace("{ work_mode: auto }", `{ timeouts: { ${timeouts} } }`) });
  patient = await start("connect: 10s, first_byte: 30s, idle: 30s, total: 60s, stream_total: 60s");
  hasty = await start("connect: 10s, first_byte: 200ms, idle: 200ms, total: 400ms, stream_total: 400ms");
  for (const gateway of [patient, hasty]) callers.set(gateway, await gateway.createKey("alice"));
  // Every provider has been asked which models it has, and no fault of a test is played to that.
  await server.waitForRequests(2 * Object.keys(providerKeys).length);
});
after(async () => {
  await patient.stop();
  await hasty.stop();
  await server.close();
});

let asked = 0;
/** Each request is for a model of its own: what one has shown of its target says nothing about the next. */
const request = (gateway: TestGateway, dialect: Dialect, stream: boolean): Promise<Seen> =>
  ask(gateway, callers.get(gateway)!.key, dialect, stream, undefined, `${dialect.model}-${++asked}`);

interface ShownRow {
  readonly row: string;
  readonly usage: string;
}

/** The rows of one request, as far as a test compares them. */
async function rowsOf(gateway: TestGateway, seen: Seen): Promise<readonly ShownRow[]> {
  const rows = (await gateway.rows()).filter((row) => row.request_id === seen.requestId);
  for (const row of rows) {
    assert.ok(isSound(row), JSON.stringify(row));
    assert.deepEqual([row.attempt, row.user_id], [1, callers.get(gateway)!.user.id]);
    // An error before any content is free.
    if (row.status === "error") assert.equal(Number(row.cost_nano_usd), 0);
  }
  return rows.map((row) => ({ row: `${row.status} ${row.error_code ?? "-"}`, usage: row.usage_source }));
}

function expectedRow({ row, usage }: Expected, actual: readonly ShownRow[]): readonly ShownRow[] {
  const source = actual[0]?.usage;
  return [{ row, usage: usage === "any" && (source === "reported" || source === "estimated") ? source : usage }];
}

async function meets(gateway: TestGateway, dialect: Dialect, stream: boolean, expected: Expected): Promise<Seen> {
  const seen = await request(gateway, dialect, stream);
  const where = `${dialect.id} ${stream ? "stream" : "JSON"}: ${seen.body.toString().slice(0, 2000)}`;
  assert.deepEqual(
    { status: seen.status, how: seen.how, retryAfter: seen.headers["retry-after"] },
    { status: expected.status, how: expected.how, retryAfter: expected.retryAfter },
    where,
  );
  const rows = await rowsOf(gateway, seen);
  assert.deepEqual(rows, expectedRow(expected, rows), where);
  for (const secret of Object.values(providerKeys)) assert.ok(!seen.body.includes(secret), where);
  return seen;
}

const kinds = [false, true] as const;

for (const fault of faultNames) {
  if (expectations[fault] === undefined) continue;
  test(`${fault}: what the client and the ledger see`, async () => {
    const gateway = untilTimeout.has(fault) ? hasty : patient;
    // Room for what was sent to be read before the reset, on a busy machine.
    server.use({ fault, beforeResetMs: 50 });
    const before = server.requests.length;
    const meetings = dialects.flatMap((dialect) =>
      kinds.flatMap((stream) => {
        const expected = expectedOf(fault, dialect.id, stream);
        const applies = faults[fault].on === "both" || (faults[fault].on === "stream") === stream;
        return expected === undefined || !applies ? [] : [meets(gateway, dialect, stream, expected)];
      }),
    );
    assert.ok(meetings.length > 0);
    const seen = await Promise.all(meetings);
    if (fault.startsWith("redirect")) assert.ok(server.requests.slice(before).every(({ target }) => !target.includes("redirected")));
    if (seen.every(({ how }) => how === "error")) return;
    for (const { how, requestId } of seen) {
      const row = (await gateway.rows()).find((candidate) => candidate.request_id === requestId)!;
      // What a broken stream had brought counts: the text that went out is not given away.
      if (how === "broken") assert.ok(row.input_tokens! > 0 && row.output_tokens! > 1, JSON.stringify(row));
    }
  });
}

for (const fault of ["one-byte-at-a-time", "gzip", "brotli", "healthy", "bytes-after-body"] as const) {
  test(`${fault}: every byte of a good answer is passed on`, async () => {
    server.use(fault);
    for (const dialect of dialects) {
      const json = await request(patient, dialect, false);
      assert.equal(json.body.toString(), JSON.stringify(healthyJson(dialect.id)));
      const stream = await request(patient, dialect, true);
      assert.equal(stream.body.toString(), scriptFrames(healthyScript(dialect.id)).join(""));
    }
  });
}

const sameEvents = [
  "sse-lf",
  "sse-cr",
  "sse-crlf",
  "sse-bom",
  "sse-comments",
  "sse-no-space",
  "sse-extra-fields",
  "sse-every-byte",
  "sse-no-end-with-finish",
  "sse-data-after-end",
] as const;

for (const fault of sameEvents) {
  test(`${fault}: the client gets the events of a plain stream, and the ledger its usage`, async () => {
    server.use(fault);
    for (const dialect of dialects) {
      const seen = await request(patient, dialect, true);
      const plain = readEventData(Buffer.from(scriptFrames(healthyScript(dialect.id)).join("")));
      // Gemini has no mark of the end: what follows a stop reason may belong to the answer, and is passed on.
      const events = fault === "sse-data-after-end" && dialect.id === "gemini-generate" ? seen.events.slice(0, plain.length) : seen.events;
      assert.deepEqual(events, plain, dialect.id);
      const row = (await patient.rows()).find(({ request_id: id }) => id === seen.requestId);
      assert.deepEqual(
        [row?.input_tokens, row?.output_tokens, row?.cache_read_tokens],
        [FAULT_USAGE.input, FAULT_USAGE.output, FAULT_USAGE.cached],
      );
    }
  });
}

test("a stream cut into pieces at every place gives the same bytes", async () => {
  for (const dialect of dialects) {
    const frames = Buffer.from(scriptFrames(healthyScript(dialect.id)).join(""));
    // Each place of the first 250 bytes, which hold several events, and then every 29th.
    const places = [...frames.keys()].filter((at) => at > 0 && (at < 250 || at % 29 === 0));
    let next = 0;
    server.use(async (context) => {
      const at = places[next++]!;
      await send(context, head(200, STREAM_HEADERS));
      await send(context, chunk(frames.subarray(0, at)));
      await new Promise<void>((resolve) => setImmediate(resolve));
      await send(context, Buffer.concat([chunk(frames.subarray(at)), Buffer.from("0\r\n\r\n")]));
    });
    const bodies = new Set<string>();
    await eachOf(places, 8, async () => void bodies.add((await request(patient, dialect, true)).body.toString()));
    assert.deepEqual([...bodies], [frames.toString()], dialect.id);
    assert.equal(next, places.length);
  }
});

test("a connection with unexpected bytes is not used again", async () => {
  for (const dialect of dialects) {
    server.use("bytes-after-body");
    const before = server.sockets.map(({ requests }) => requests);
    for (let i = 0; i < 3; i++)
      assert.equal((await request(patient, dialect, false)).body.toString(), JSON.stringify(healthyJson(dialect.id)));
    // Connections from before may be among them.
    const carried = server.sockets.map(({ requests }, i) => requests - (before[i] ?? 0)).filter((requests) => requests > 0);
    assert.deepEqual(carried, [1, 1, 1]);
  }
});

test("a connection that the provider resets as it is used again costs one retry, and one row", async () => {
  const lonely = await startGateway({ config: withMockUpstream(server.url) });
  try {
    const { key } = await lonely.createKey("bob");
    await server.waitForRequests(server.requests.length + 1);
    server.use("reset-on-reuse");
    for (const dialect of dialects)
      for (const stream of kinds) {
        assert.equal((await ask(lonely, key, dialect, stream)).how, "whole");
        const before = server.requests.length;
        const seen = await ask(lonely, key, dialect, stream);
        assert.equal(seen.how, "whole");
        assert.deepEqual(
          server.requests.slice(before).map(({ indexOnSocket }) => indexOnSocket > 0),
          [true, false],
        );
        const rows = (await lonely.rows()).filter(({ request_id: id }) => id === seen.requestId);
        assert.deepEqual(
          rows.map(({ attempt, status, output_tokens: output }) => ({ attempt, status, output })),
          [{ attempt: 1, status: "ok", output: FAULT_USAGE.output }],
        );
      }
  } finally {
    await lonely.stop();
  }
});

test("a 529 is a 529 for an Anthropic client and a 503 for the others", async () => {
  server.use("status-529");
  for (const dialect of dialects)
    for (const stream of kinds) {
      const status = dialect.id === "anthropic-messages" ? 529 : 503;
      await meets(patient, dialect, stream, { status, how: "error", row: "error upstream_error", usage: "none" });
    }
});

const invalid: Expected = { status: 502, how: "error", row: "error upstream_invalid_response", usage: "none" };

test("a small body that inflates to more than the limit is given up, JSON and stream", async () => {
  const bomb = gzipSync(Buffer.alloc(65 * 2 ** 20, " "), { level: 1 });
  server.use(async (context) => {
    const type = context.isStream ? "text/event-stream" : "application/json";
    await sendWhole(context, 200, { "content-encoding": "gzip", "content-type": type }, bomb);
  });
  await meets(patient, dialects[0]!, false, invalid);
  // Of a stream an event's own limit holds, long before.
  for (const dialect of dialects) await meets(patient, dialect, true, invalid);
});

test("an event without end is given up at its limit: a clean error before content, an error in the stream after it", async () => {
  const endless = (opened: boolean) => async (context: FaultContext) => {
    await send(context, head(200, STREAM_HEADERS));
    const { opening, pieces } = healthyScript(context.protocol);
    if (opened) for (const frame of [opening, ...pieces.slice(0, 2)]) if (frame !== "") await send(context, chunk(frame));
    await send(context, chunk('data: {"endless":"'));
    const block = chunk(Buffer.alloc(2 ** 20, "a"));
    for (let sent = 0; sent < 12; sent++) if (!(await send(context, block))) return;
    await untilClosed(context);
  };
  for (const dialect of dialects) {
    server.use(endless(false));
    await meets(patient, dialect, true, invalid);
    server.use(endless(true));
    await meets(patient, dialect, true, { status: 200, how: "broken", row: "interrupted upstream_invalid_response", usage: "any" });
  }
});

test("an answer that trickles in ends at the deadline", async () => {
  server.use({ fault: "one-byte-at-a-time", intervalMs: 10 });
  await Promise.all(
    dialects.flatMap((dialect) => [
      meets(hasty, dialect, false, { status: 504, how: "error", row: "error upstream_timeout", usage: "none" }),
      meets(hasty, dialect, true, { status: 504, how: "error", row: "error upstream_timeout", usage: "none" }),
    ]),
  );
});

test("an upstream that repeats the key it was sent does not give it away", async () => {
  for (const status of [400, 401, 403, 404, 429, 500])
    for (const dialect of dialects) {
      const secret =
        providerKeys[
          ({ "anthropic-messages": "anthropic", "gemini-generate": "google" } as const)[dialect.id as "anthropic-messages"] ?? "openai"
        ];
      server.use((context) => {
        assert.ok(context.request.rawHead.includes(secret));
        return sendWhole(
          context,
          status,
          {},
          JSON.stringify({ error: { code: status, message: `Incorrect key: ${secret}.`, status: "X" }, type: "error" }),
        );
      });
      const seen = await request(patient, dialect, false);
      assert.equal(seen.status, status === 401 || status === 403 ? 502 : status);
      assert.ok(!seen.body.includes(secret), seen.body.toString());
      assert.ok(!JSON.stringify(seen.headers).includes(secret));
    }
});

test("a provider that refuses connections is left for the next one, with a row for each attempt; without a next one it is a 502", async () => {
  // A port that was free a moment ago, on which no process listens.
  const gone = await createFaultServer();
  await gone.close();
  const gateway = await startGateway({
    config: `
providers:
  dead: { protocols: [openai-chat], base_url: "${gone.url}/v1", api_key: k }
  alive: { protocols: [openai-chat], base_url: "${server.url}/v1", api_key: k }
model_provider_routes: { "both-*": [dead, alive], "dead-*": dead }
`,
  });
  try {
    const { key } = await gateway.createKey();
    const chat = dialects[0]!;
    server.use("healthy");
    for (const stream of kinds) {
      const seen = await ask(gateway, key, chat, stream, "hi", "both-1");
      assert.deepEqual([seen.how, seen.headers["x-tokligence-provider"], seen.headers["x-tokligence-attempts"]], ["whole", "alive", "2"]);
      const none = await ask(gateway, key, chat, stream, "hi", "dead-1");
      assert.deepEqual([none.status, none.error?.code], [502, "upstream_unreachable"]);
      const rows = (await gateway.rows()).filter(({ request_id: id }) => id === seen.requestId || id === none.requestId);
      assert.deepEqual(
        rows.map((row) => [row.request_id, row.attempt, row.provider, row.status, row.http_status]),
        [
          [seen.requestId, 1, "dead", "error", 502],
          [seen.requestId, 2, "alive", "ok", 200],
          [none.requestId, 1, "dead", "error", 502],
        ],
      );
    }
  } finally {
    await gateway.stop();
  }
});

test("all requests of this file left exactly the rows they had to", async () => {
  for (const gateway of [patient, hasty]) {
    const rows = await gateway.rows();
    assert.equal(new Set(rows.map((row) => `${row.request_id}#${row.attempt}`)).size, rows.length);
    assert.equal(gateway.gateway.ledger.status().open, 0);
  }
});

/** Runs over the items, at most `width` at a time. */
async function eachOf<T>(items: readonly T[], width: number, run: (item: T) => Promise<void>): Promise<void> {
  const left = [...items];
  await Promise.all(
    Array.from({ length: width }, async () => {
      for (let item = left.shift(); item !== undefined; item = left.shift()) await run(item);
    }),
  );
}
