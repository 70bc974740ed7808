import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError, shuttingDown } from "../../core/index.ts";
import { FakeDelivery, FakeExchange, fakeCall, fakeWorld, type FakeWorld } from "../testing.ts";
import { receive } from "../admission/receive.ts";
import { JsonSink } from "./json-sink.ts";

const request = '{"model":"gpt-5","messages":[{"role":"user","content":"hello"}]}';
const usage = '"usage":{"prompt_tokens":3,"completion_tokens":2}';
const answer = `{"id":"c1","model":"gpt-5","choices":[{"message":{"content":"Grüße"},"finish_reason":"stop"}],${usage}}`;
const head = { status: 200, headers: ["content-type", "application/json", "x-ratelimit-limit-requests", "9"] };

interface Open {
  readonly world: FakeWorld;
  readonly exchange: FakeExchange;
  readonly delivery: FakeDelivery;
  readonly sink: JsonSink;
}

async function open(): Promise<Open> {
  const world = fakeWorld();
  const exchange = new FakeExchange(request);
  const call = fakeCall(world, exchange);
  await receive(call);
  const delivery = new FakeDelivery(call);
  return { world, exchange, delivery, sink: new JsonSink(delivery, head, false) };
}

function bytes(text: string): Buffer {
  return Buffer.from(text, "utf8");
}

test("an answer in pieces is recorded with its usage and passed on in one write, byte for byte", async () => {
  const { world, exchange, delivery, sink } = await open();
  const whole = bytes(answer);
  sink.data(whole.subarray(0, 60));
  world.nowMs = 7;
  sink.data(whole.subarray(60));
  sink.end();
  const latin1 = whole.toString("latin1");
  assert.deepEqual(exchange.sent, [`200 provider,model,attempts,cost-usd ${latin1}`]);
  assert.deepEqual(delivery.events, ["good", "delivered"]);
  assert.deepEqual(
    world.closed.map(({ status, usage, usageSource, ttftMs }) => ({ status, usage, usageSource, ttftMs })),
    [{ status: "ok", usage: { input: 3, output: 2 }, usageSource: "reported", ttftMs: 7 }],
  );
});

test("an answer without usage is recorded with an estimate", async () => {
  const { world, sink } = await open();
  sink.data(bytes(answer.replace(`,${usage}`, "")));
  sink.end();
  assert.deepEqual(
    world.closed.map(({ usageSource, usage }) => [usageSource, (usage.input ?? 0) > 0, (usage.output ?? 0) > 0]),
    [["estimated", true, true]],
  );
});

test("the answer goes out only after its record, and a client that leaves meanwhile has no second record", async () => {
  const { world, exchange, delivery, sink } = await open();
  const written = Promise.withResolvers<void>();
  world.written = written.promise;
  sink.data(bytes(answer));
  sink.end();
  sink.terminate(shuttingDown());
  assert.deepEqual([exchange.sent, delivery.events], [[], ["good"]]);
  sink.leave();
  assert.equal(world.closed.length, 1);
  written.resolve();
  await written.promise;
  assert.equal(exchange.sent.length, 1);
});

test("an answer that cannot be recorded is not sent: the client gets an error", async () => {
  const { world, exchange, delivery, sink } = await open();
  world.written = Promise.reject(new GatewayError("ledger_unavailable", "the disk is full"));
  sink.data(bytes(answer));
  sink.end();
  await assert.rejects(world.written);
  assert.deepEqual([exchange.sent, delivery.events], [[], ["good", "failed ledger_unavailable 503"]]);
});

test("what is not an answer of the protocol fails the attempt, and nothing is sent", async () => {
  const bad = [bytes("<html>"), Buffer.from([0x7b, 0xff, 0x7d]), bytes('{"object":"list"}')];
  for (const body of bad) {
    const { exchange, delivery, sink } = await open();
    sink.data(body);
    sink.end();
    assert.equal(delivery.events[0], "bad");
    assert.match(String(delivery.events[1]), /^failed upstream_/);
    assert.deepEqual(exchange.sent, []);
  }
});

test("a client that leaves before the answer is recorded as cancelled, with its prompt estimated", async () => {
  const { world, delivery, sink } = await open();
  sink.data(bytes(answer).subarray(0, 20));
  sink.leave();
  assert.deepEqual(
    world.closed.map(({ status, httpStatus, errorCode, usageSource }) => [status, httpStatus, errorCode, usageSource]),
    [["cancelled", 499, "client_closed_request", "estimated"]],
  );
  assert.deepEqual(delivery.events, ["delivered"]);
});

test("a shutdown cuts an answer that is not whole, and a broken connection fails it", async () => {
  const cut = await open();
  cut.sink.terminate(shuttingDown());
  assert.deepEqual(cut.delivery.events, ["cut shutting_down"]);
  const broken = await open();
  broken.sink.fail({ kind: "idle-timeout", message: "nothing for 60 s" });
  assert.deepEqual(broken.delivery.events, ["failed upstream_timeout 504"]);
});

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function turns(count: number): Promise<void> {
  for (let at = 0; at < count; at++) await turn();
}

/** A sink whose answer has this length and cannot be read; `events` has the reading, too. */
function openUnreadable(sizeBytes: number): { readonly sink: JsonSink; readonly events: readonly string[] } {
  const delivery = new FakeDelivery(fakeCall(fakeWorld(), new FakeExchange("")));
  const lane = {
    ...delivery.lane,
    readJson() {
      delivery.events.push("read");
      throw new Error("not an answer");
    },
  };
  const sink = new JsonSink(Object.assign(delivery, { lane }), head, false);
  sink.data(Buffer.alloc(sizeBytes, "x"));
  sink.end();
  return { sink, events: delivery.events };
}

const failure = ["read", "bad", "failed upstream_invalid_response 502"];

test("an answer of up to 1 MiB is read at once, a longer one in a later turn of the event loop", async () => {
  assert.deepEqual(openUnreadable(1024 * 1024).events, failure);
  const { events } = openUnreadable(1024 * 1024 + 1);
  await turn();
  assert.deepEqual(events, []);
  await turns(4);
  assert.deepEqual(events, failure);
});

test("a long answer is not read if the client leaves first", async () => {
  const { sink, events } = openUnreadable(1024 * 1024 + 1);
  await turn();
  sink.leave();
  await turns(4);
  assert.deepEqual(events, ["delivered"]);
});
