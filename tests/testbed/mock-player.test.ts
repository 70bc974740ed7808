import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import type { ServerResponse } from "node:http";
import { setImmediate as nextTurn } from "node:timers/promises";
import { test } from "node:test";
import type { Stage } from "./mock-player.ts";
import { playStream } from "./mock-player.ts";

/** A response whose client reads only when the test asks it to. */
function createSlowResponse(): { response: ServerResponse; written: string[]; drain: () => void } {
  const written: string[] = [];
  const emitter = Object.assign(new EventEmitter(), {
    writeHead: () => undefined,
    flushHeaders: () => undefined,
    write: (data: string) => written.push(data) === 0,
    end: () => written.push("END"),
  });
  return { response: emitter as unknown as ServerResponse, written, drain: () => emitter.emit("drain") };
}

const script = { opening: "o", pieces: ["a", "b"], finish: "f", end: "e", earlyUsage: null, usage: null };
const settings = {
  headers: {},
  delayBetweenChunksMs: 0,
  renderErrorEvent: () => "",
  onOpening: () => undefined,
  onFinish: () => undefined,
};

test("a client that reads slowly holds the stream back, piece by piece", async () => {
  const { response, written, drain } = createSlowResponse();
  const never = Promise.withResolvers<void>();
  const stage: Stage = { response, gone: new AbortController().signal, left: never.promise, trouble: undefined, markCut: () => undefined };
  const played = playStream(stage, script, settings);
  const lengths: number[] = [];
  for (let round = 0; round < 5; round += 1) {
    for (let turn = 0; turn < 5; turn += 1) await nextTurn();
    lengths.push(written.length);
    drain();
  }
  await played;
  assert.deepEqual(lengths, [1, 2, 3, 4, 5]);
  assert.deepEqual(written, ["o", "a", "b", "f", "e", "END"]);
});

test("nothing more is written once the client has left", async () => {
  const { response, written } = createSlowResponse();
  const gone = new AbortController();
  const left = Promise.withResolvers<void>();
  const stage: Stage = { response, gone: gone.signal, left: left.promise, trouble: undefined, markCut: () => undefined };
  const played = playStream(stage, script, settings);
  await nextTurn();
  gone.abort();
  left.resolve();
  await played;
  assert.deepEqual(written, ["o"]);
});

test("without a delay the whole stream is one write", async () => {
  const { response, written, drain } = createSlowResponse();
  const never = Promise.withResolvers<void>();
  const stage: Stage = { response, gone: new AbortController().signal, left: never.promise, trouble: undefined, markCut: () => undefined };
  const played = playStream(stage, script, { ...settings, delayBetweenChunksMs: undefined });
  await nextTurn();
  drain();
  await played;
  assert.deepEqual(written, ["oabfe", "END"]);
});
