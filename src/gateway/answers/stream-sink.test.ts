import assert from "node:assert/strict";
import { test } from "node:test";
import { shuttingDown } from "../../core/index.ts";
import { FakeDelivery, FakeExchange, fakeCall, fakeWorld, type FakeWorld } from "../testing.ts";
import { receive } from "../admission/receive.ts";
import { isAnyForm } from "../lane.ts";
import { StreamSink } from "./stream-sink.ts";

const request = '{"model":"gpt-5","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"hello"}]}';

function chunk(delta: object, more: object = {}): string {
  return `data: ${JSON.stringify({ id: "c1", model: "gpt-5", choices: [{ index: 0, delta, finish_reason: null }], ...more })}\n\n`;
}

const opening = chunk({ role: "assistant", content: "" });
const words = chunk({ content: "Grüße" });
const ending = `data: ${JSON.stringify({ id: "c1", choices: [{ index: 0, delta: {}, finish_reason: "stop" }] })}\n\n`;
const usage = `data: ${JSON.stringify({ id: "c1", choices: [], usage: { prompt_tokens: 3, completion_tokens: 2 } })}\n\n`;
const done = "data: [DONE]\n\n";

interface Open {
  readonly world: FakeWorld;
  readonly exchange: FakeExchange;
  readonly delivery: FakeDelivery;
  readonly sink: StreamSink;
}

async function open(contentType = "text/event-stream"): Promise<Open> {
  const world = fakeWorld();
  const exchange = new FakeExchange(request);
  const call = fakeCall(world, exchange);
  await receive(call);
  const delivery = new FakeDelivery(call);
  assert.ok(isAnyForm(delivery.lane));
  const head = { status: 200, headers: ["content-type", contentType] };
  return { world, exchange, delivery, sink: new StreamSink(delivery, head, delivery.lane.openStream(contentType), contentType) };
}

function send(sink: StreamSink, ...events: readonly string[]): void {
  for (const event of events) sink.data(Buffer.from(event, "utf8"));
}

function latin1(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

test("the head is held back until the first content, and the last bytes until the record", async () => {
  const { world, exchange, delivery, sink } = await open();
  send(sink, opening);
  assert.deepEqual(exchange.sent, []);
  world.nowMs = 9;
  send(sink, words);
  const begun = ["head 200", latin1(opening + words)];
  assert.deepEqual(exchange.sent, begun);
  const written = Promise.withResolvers<void>();
  world.written = written.promise;
  send(sink, ending, usage, done);
  assert.deepEqual(exchange.sent, [...begun, ending, usage]);
  assert.deepEqual(delivery.events, ["good"]);
  written.resolve();
  await written.promise;
  assert.deepEqual(exchange.sent.at(-1), `end ${done}`);
  assert.deepEqual(delivery.events, ["good", "delivered"]);
  assert.deepEqual(
    world.closed.map(({ status, usage: used, usageSource, ttftMs }) => ({ status, used, usageSource, ttftMs })),
    [{ status: "ok", used: { input: 3, output: 2 }, usageSource: "reported", ttftMs: 9 }],
  );
});

test("an upstream that ends its stream before any content fails the attempt; later the client gets an error event", async () => {
  const early = await open();
  send(early.sink, opening);
  early.sink.end();
  assert.deepEqual([early.exchange.sent, early.delivery.events], [[], ["bad", "failed upstream_truncated 502"]]);
  const late = await open();
  send(late.sink, words);
  late.sink.end();
  assert.match(String(late.exchange.sent.at(-1)), /^end data: \{"error":.*upstream_truncated/);
  assert.deepEqual(late.delivery.events, ["bad", "delivered"]);
  assert.deepEqual(
    late.world.closed.map(({ status, errorCode, usageSource }) => [status, errorCode, usageSource]),
    [["interrupted", "upstream_truncated", "estimated"]],
  );
});

test("a stream that is complete but for its last event is completed", async () => {
  const { exchange, delivery, sink } = await open();
  send(sink, words, ending, usage);
  sink.end();
  assert.deepEqual(exchange.sent.at(-1), `end ${done}`);
  assert.deepEqual(delivery.events, ["good", "delivered"]);
});

test("a stream whose record fails ends with an error, not as a whole answer", async () => {
  const { world, exchange, sink } = await open();
  world.written = Promise.reject(new Error("the disk is full"));
  send(sink, words, ending, done);
  await assert.rejects(world.written);
  assert.match(String(exchange.sent.at(-1)), /^end data: \{"error":.*ledger_unavailable/);
});

test("the upstream waits for a slow client", async () => {
  const { exchange, delivery, sink } = await open();
  exchange.isSlow = true;
  send(sink, words, words);
  assert.deepEqual(delivery.events, ["pause"]);
  exchange.drain();
  assert.deepEqual(delivery.events, ["pause", "resume"]);
});

test("a silent upstream: the head goes out after ten seconds, a keep-alive after fifteen without a write", async () => {
  const { exchange, sink } = await open();
  sink.tick(9_999);
  assert.deepEqual(exchange.sent, []);
  sink.tick(10_000);
  assert.deepEqual(exchange.sent, ["head 200", ": keep-alive\n\n"]);
  sink.tick(14_999);
  assert.equal(exchange.sent.length, 2);
  sink.tick(15_000);
  assert.deepEqual(exchange.sent.slice(2), [": keep-alive\n\n"]);
});

test("a stream that stalls after its first content: a keep-alive each fifteen seconds", async () => {
  const { world, exchange, sink } = await open();
  send(sink, words);
  const before = exchange.sent.length;
  for (const nowMs of [14_999, 15_000, 29_999, 30_000]) {
    world.nowMs = nowMs;
    sink.tick(nowMs);
  }
  assert.deepEqual(exchange.sent.slice(before), [": keep-alive\n\n", ": keep-alive\n\n"]);
});

test("a client that leaves is recorded once, and what comes after is ignored", async () => {
  const { world, exchange, delivery, sink } = await open();
  send(sink, words);
  sink.leave();
  send(sink, words, ending, done);
  sink.end();
  sink.leave();
  assert.deepEqual(
    world.closed.map(({ status, httpStatus, usageSource }) => [status, httpStatus, usageSource]),
    [["cancelled", 499, "estimated"]],
  );
  assert.deepEqual(delivery.events, ["delivered"]);
  assert.equal(exchange.sent.length, 2);
});

test("a shutdown is an error before the head, and ends a stream that has begun", async () => {
  const early = await open();
  early.sink.terminate(shuttingDown());
  assert.deepEqual([early.exchange.sent, early.delivery.events], [[], ["cut shutting_down"]]);
  const late = await open();
  send(late.sink, words);
  late.sink.terminate(shuttingDown());
  assert.match(String(late.exchange.sent.at(-1)), /^end data: \{"error":.*shutting_down/);
  assert.deepEqual(late.delivery.events, ["abort", "bad", "delivered"]);
});

test("text that is not UTF-8, an error event and a page in place of a stream fail the attempt", async () => {
  const broken = await open();
  broken.sink.data(Buffer.from([0x64, 0xff, 0x0a]));
  assert.deepEqual(broken.delivery.events, ["abort", "bad", "failed upstream_invalid_response 502"]);
  const failed = await open();
  send(failed.sink, 'data: {"error":{"message":"busy","type":"server_error","code":503}}\n\n');
  assert.equal(failed.delivery.events[0], "abort");
  assert.match(String(failed.delivery.events.at(-1)), /^failed upstream_error/);
  const page = await open("text/html");
  assert.deepEqual(page.delivery.events, ["abort", "bad", "failed upstream_invalid_response 502"]);
});

test("an event of more values than may be parsed ends the stream before it is read", async () => {
  const { world, exchange, delivery, sink } = await open();
  send(sink, words);
  const limit = 2 * delivery.call.current.maxValues;
  send(sink, chunk({ content: "" }, { x: Array.from({ length: limit }, () => 1) }));
  assert.deepEqual(exchange.sent.slice(0, 2), ["head 200", latin1(words)]);
  assert.match(String(exchange.sent[2]), /^end data: \{"error":.*more than \d+ values and names.*upstream_invalid_response/);
  assert.deepEqual(
    world.closed.map(({ status, errorCode }) => [status, errorCode]),
    [["interrupted", "upstream_invalid_response"]],
  );
});
