import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeDelivery, FakeExchange, fakeCall, fakeWorld } from "../testing.ts";
import { ErrorSink } from "./error-sink.ts";

function refuse(status: number, body: string, act: (sink: ErrorSink) => void = (sink) => sink.end()): readonly string[] {
  const delivery = new FakeDelivery(fakeCall(fakeWorld(), new FakeExchange("")));
  const sink = new ErrorSink(delivery, { status, headers: ["retry-after", "7"] });
  sink.data(Buffer.from(body));
  act(sink);
  return delivery.events;
}

test("a client's own mistake counts for the provider, everything else against it", () => {
  const body = '{"error":{"message":"no","type":"invalid_request_error"}}';
  assert.deepEqual(
    [400, 404, 422, 401, 429, 500, 503].map((status) => refuse(status, body)),
    [
      ["good", "failed invalid_request 400"],
      ["good", "failed invalid_request 404"],
      ["good", "failed invalid_request 422"],
      ["bad", "failed upstream_credentials_rejected 502"],
      ["bad", "failed rate_limited 429"],
      ["bad", "failed upstream_error 500"],
      ["bad", "failed upstream_error 503"],
    ],
  );
});

test("a redirect and a status that HTTP does not have are invalid answers", () => {
  for (const status of [301, 199, 600]) assert.deepEqual(refuse(status, ""), ["bad", "failed upstream_invalid_response 502"]);
});

test("a body that breaks off leaves its status, unless its length was wrong", () => {
  const reset = { kind: "reset", message: "the connection was reset" } as const;
  assert.deepEqual(
    refuse(500, '{"err', (sink) => sink.fail(reset)),
    ["bad", "failed upstream_error 500"],
  );
  assert.deepEqual(
    refuse(500, "", (sink) => sink.fail({ kind: "malformed", message: "two lengths" })),
    ["failed upstream_invalid_response 502"],
  );
});

test("a shutdown answers with the status that is known; a client that leaves costs nothing", () => {
  assert.deepEqual(
    refuse(503, "", (sink) => sink.terminate()),
    ["abort", "bad", "failed upstream_error 503"],
  );
  const world = fakeWorld();
  const delivery = new FakeDelivery(fakeCall(world, new FakeExchange("")));
  new ErrorSink(delivery, { status: 503, headers: [] }).leave();
  assert.deepEqual(delivery.events, ["delivered"]);
  assert.deepEqual(
    world.closed.map(({ status, usage }) => [status, usage]),
    [["cancelled", { input: 0, output: 0 }]],
  );
});
