import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError, latin1OfUtf8, silentLogger } from "../../core/index.ts";
import { StoreError } from "../../store/index.ts";
import type { Settlement } from "../attempt-entry.ts";
import type { Delivery } from "../delivery.ts";
import { JsonSink } from "./json-sink.ts";

interface Played {
  readonly settled: readonly Settlement[];
  readonly failed: readonly GatewayError[];
  readonly written: readonly number[];
}

/** A look at a response that has run in the background at its provider, and of which nobody has seen yet what it used. */
async function playBackgroundAnswer(claimBill: () => Promise<boolean>, record: () => Promise<void> | undefined): Promise<Played> {
  const settled: Settlement[] = [];
  const failed: GatewayError[] = [];
  const written: number[] = [];
  const ended = Promise.withResolvers<void>();
  const delivery = {
    call: {
      deps: { clock: { monotonic: () => 0 }, logger: silentLogger, responses: { claimBill, returnBill: () => Promise.resolve() } },
      request: { protocol: { id: "openai-chat" }, traits: { isBilled: false, hasOutput: false }, operation: "get-response", envelope: {} },
      answer: { losses: [] },
      exchange: { requestId: "req_1", jsonBytes: (status: number) => written.push(status) },
      stored: { id: "resp_1", unbilled: true },
      current: {},
    },
    attempt: { provider: { name: "openai" } },
    entry: {
      dispatchedMs: 0,
      settle(settlement: Settlement) {
        settled.push(settlement);
        return record();
      },
    },
    lane: {
      kind: "verbatim",
      readJson: () => ({
        body: latin1OfUtf8("{}"),
        facts: { usage: { input: 3, output: 4 }, stopReason: "end" },
        contentType: "x",
      }),
    },
    answered: () => undefined,
    failed(error: GatewayError) {
      failed.push(error);
      ended.resolve();
    },
    delivered: () => ended.resolve(),
  };
  const sink = new JsonSink(delivery as unknown as Delivery, { status: 200, headers: [] }, false);
  sink.data(Buffer.from("{}"));
  sink.end();
  await ended.promise;
  return { settled, failed, written };
}

test("an answer whose billing cannot be claimed, because the database is away, is a 503 and not a cut connection", async () => {
  const away = new StoreError("unavailable", "database is locked");
  const { settled, failed, written } = await playBackgroundAnswer(
    () => Promise.reject(away),
    () => undefined,
  );
  assert.deepEqual([settled, written], [[], []]);
  assert.deepEqual(
    failed.map(({ code, status }) => [code, status]),
    [["database_unavailable", 503]],
  );
});

test("an answer that cannot be recorded is the ledger's error", async () => {
  const full = new GatewayError("ledger_unavailable", "The disk is full.");
  const { settled, failed, written } = await playBackgroundAnswer(
    () => Promise.resolve(true),
    () => Promise.reject(full),
  );
  assert.deepEqual([settled.map(({ status }) => status), failed, written], [["ok"], [full], []]);
});
