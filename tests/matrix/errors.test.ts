import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { APIError as AnthropicError } from "@anthropic-ai/sdk";
import { ApiError as GeminiError } from "@google/genai";
import { APIError as OpenAIError } from "openai";
import { systemClock, type Clock } from "../../src/core/index.ts";
import { dialects } from "../faults/dialects.ts";
import { readReply } from "../faults/observe.ts";
import { PROTOCOLS } from "../testbed/scenario.ts";
import type { Scenario } from "../testbed/scenario.ts";
import type { Bench, Cell } from "./bench.ts";
import { models, startBench } from "./bench.ts";

interface Trouble {
  readonly name: string;
  readonly on: readonly boolean[];
  readonly answer: Scenario;
  /** `broken`: the answer had begun. */
  readonly how: "error" | "broken";
  readonly status: number;
  /** What the client reads; absent: words of the gateway's own. */
  readonly message?: string;
  readonly retryAfter?: string;
  readonly row: string;
}

const both = [false, true];
const text = ["one ", "two ", "three"];
const error = (status: number, message: string, headers = {}): Scenario => ({
  trouble: { kind: "error", error: { status, message, headers } },
});

const troubles: readonly Trouble[] = [
  {
    name: "429 with the time to wait",
    on: both,
    answer: error(429, "Slow down. ✓", { "retry-after": "7" }),
    how: "error",
    status: 429,
    message: "Slow down. ✓",
    retryAfter: "7",
    row: "error 429 rate_limited",
  },
  {
    name: "500",
    on: both,
    answer: error(500, "It broke."),
    how: "error",
    status: 500,
    message: "It broke.",
    row: "error 500 upstream_error",
  },
  {
    name: "400",
    on: both,
    answer: error(400, "The field is odd. ✓"),
    how: "error",
    status: 400,
    message: "The field is odd. ✓",
    row: "error 400 invalid_request",
  },
  {
    name: "401 for the gateway's key",
    on: both,
    answer: error(401, "Incorrect key."),
    how: "error",
    status: 502,
    row: "error 502 upstream_credentials_rejected",
  },
  {
    name: "an error as the first event",
    on: [true],
    answer: { text, trouble: { kind: "error-event", afterPieces: 0, error: { status: 500, message: "It broke." } } },
    how: "error",
    status: 500,
    message: "It broke.",
    row: "error 500 upstream_error",
  },
  {
    name: "an error in the middle of the stream",
    on: [true],
    answer: {
      text,
      delayBetweenChunksMs: 0,
      trouble: { kind: "error-event", afterPieces: 2, error: { status: 500, message: "It broke." } },
    },
    how: "broken",
    status: 200,
    message: "It broke.",
    row: "interrupted 200 upstream_error",
  },
  {
    name: "a connection that is cut",
    on: [true],
    answer: { text, delayBetweenChunksMs: 0, trouble: { kind: "cut", afterPieces: 2 } },
    how: "broken",
    status: 200,
    row: "interrupted 200 upstream_truncated",
  },
  {
    name: "a connection that is cut",
    on: [false],
    answer: { text, trouble: { kind: "cut", afterPieces: 1 } },
    how: "error",
    status: 502,
    row: "error 502 upstream_truncated",
  },
];

/** Time that has passed for the gateway alone: a key that is limited for one test is not for the next. */
let skippedMs = 0;
const clock: Clock = { now: () => systemClock.now() + skippedMs, monotonic: () => systemClock.monotonic() + skippedMs };

let bench: Bench;
before(async () => {
  bench = await startBench({ clock });
});
after(() => bench.stop());

for (const client of PROTOCOLS) {
  for (const upstream of PROTOCOLS) {
    for (const trouble of troubles) {
      for (const stream of trouble.on) {
        test(`${client} to ${upstream}, ${stream ? "streamed" : "whole"}: ${trouble.name}`, () =>
          meet({ client: bench.clients[client], upstream, stream }, trouble));
      }
    }
  }
}

/** Once without an SDK, for the shape on the wire, and once with it. */
async function meet(cell: Cell, trouble: Trouble): Promise<void> {
  const { mock, gateway } = bench;
  mock.reset();
  mock.enqueue(trouble.answer, trouble.answer);
  const before = (await gateway.rows()).length;
  const ask = { turns: [{ role: "user", text: "hi" }] } as const;
  const dialect = dialects.find(({ id }) => id === cell.client.id)!;
  // The reader fails where the error has not exactly the dialect's shape, and where a good end follows it.
  const seen = readReply(await bench.send(cell, ask), dialect);
  skippedMs += 3_600_000;
  assert.deepEqual(
    { how: seen.how, status: seen.status, retryAfter: seen.headers["retry-after"] },
    { how: trouble.how, status: trouble.status, retryAfter: trouble.retryAfter },
    seen.body.toString(),
  );
  if (trouble.message !== undefined) assert.equal(seen.error?.message, trouble.message);
  else assert.ok(!seen.body.includes("Incorrect key"), seen.body.toString());
  if (trouble.how === "broken") {
    // What had come before the error was passed on.
    for (const word of text.slice(0, 2)) assert.ok(seen.body.includes(word), seen.body.toString());
    const events = seen.events.flatMap((data) => (data.startsWith("{") ? [JSON.parse(data) as { sequence_number?: number }] : []));
    const numbers = events.map((event) => event.sequence_number);
    // The mock itself jumps before it fails, and the gateway counts on from there.
    if (dialect.id === "openai-responses" && cell.upstream !== dialect.id)
      assert.deepEqual(numbers, [...numbers.keys()], "the error goes on with the numbers");
  }

  await assert.rejects(cell.client.run(ask, models[cell.upstream], cell.stream), (thrown: unknown) => {
    assert.ok(isOfSdk(thrown), String(thrown));
    if (trouble.how === "error") assert.equal(thrown.status, trouble.status);
    if (trouble.message !== undefined) assert.ok(thrown.message.includes(trouble.message), thrown.message);
    return true;
  });
  skippedMs += 3_600_000;
  const rows = (await gateway.rows()).slice(before);
  assert.deepEqual(
    rows.map((row) => [row.dialect, row.provider, `${row.status} ${row.http_status} ${row.error_code}`]),
    Array.from({ length: 2 }, () => [cell.client.id, cell.upstream, trouble.row]),
  );
  assert.equal(mock.requests.length, 2);
}

function isOfSdk(thrown: unknown): thrown is Error & { status: number | undefined } {
  return thrown instanceof OpenAIError || thrown instanceof AnthropicError || thrown instanceof GeminiError;
}
