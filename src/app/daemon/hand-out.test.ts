import assert from "node:assert/strict";
import { test } from "node:test";
import { createHandOut, type HandOut, type Taker } from "./hand-out.ts";

interface Scene {
  readonly handOut: HandOut<string>;
  /** What happened, in order: `a<1` means that taker a was given connection 1. */
  readonly seen: string[];
  readonly taker: (name: string) => Taker<string>;
  nowMs: number;
}

function createScene(): Scene {
  const seen: string[] = [];
  const scene: Scene = {
    seen,
    nowMs: 0,
    taker: (name) => ({ give: (connection) => seen.push(`${name}<${connection}`) }),
    handOut: createHandOut<string>({
      maxWaitMs: 1000,
      maxWaiting: 2,
      now: () => scene.nowMs,
      drop: (connection) => seen.push(`drop ${connection}`),
      release: (connection) => seen.push(`release ${connection}`),
    }),
  };
  return scene;
}

test("takers get connections in turn, each the next one when it has confirmed the last", () => {
  const { handOut, seen, taker } = createScene();
  const [a, b] = [taker("a"), taker("b")];
  handOut.add(a);
  handOut.add(b);
  for (const connection of ["1", "2", "3"]) handOut.offer(connection);
  handOut.confirm(b);
  handOut.confirm(b);
  handOut.confirm(a);
  handOut.offer("4");
  handOut.offer("5");
  assert.deepEqual(seen, ["a<1", "b<2", "release 2", "b<3", "release 3", "release 1", "b<4", "a<5"]);
});

test("what a dead taker had not confirmed goes to another one, before those that wait", () => {
  const { handOut, seen, taker } = createScene();
  const [a, b] = [taker("a"), taker("b")];
  handOut.add(a);
  handOut.add(b);
  for (const connection of ["1", "2", "3"]) handOut.offer(connection);
  handOut.remove(a);
  handOut.confirm(b);
  handOut.confirm(b);
  handOut.remove(b);
  assert.deepEqual(seen, ["a<1", "b<2", "release 2", "b<1", "release 1", "b<3"]);
  handOut.add(taker("c"));
  assert.equal(seen.at(-1), "c<3");
});

test("all are handed out when none waits and each is confirmed, or all are dropped", async () => {
  const { handOut, taker } = createScene();
  await handOut.whenEmpty();
  const seen: string[] = [];
  const [a, b] = [taker("a"), taker("b")];
  handOut.add(a);
  handOut.offer("1");
  handOut.offer("2");
  const first = handOut.whenEmpty().then(() => seen.push("empty"));
  handOut.confirm(a);
  handOut.remove(a);
  await Promise.resolve();
  seen.push("the taker of 2 is gone");
  handOut.add(b);
  handOut.confirm(b);
  await first;
  assert.deepEqual(seen, ["the taker of 2 is gone", "empty"]);
  handOut.offer("3");
  const second = handOut.whenEmpty();
  handOut.close();
  await second;
});

test("without a taker connections wait, no more than the limit and no longer than the time", () => {
  const scene = createScene();
  const { handOut, seen, taker } = scene;
  for (const connection of ["1", "2", "3"]) handOut.offer(connection);
  assert.deepEqual(seen, ["drop 3"]);
  scene.nowMs = 1000;
  handOut.sweep();
  assert.deepEqual(seen, ["drop 3"]);
  handOut.add(taker("a"));
  scene.nowMs = 1001;
  handOut.sweep();
  assert.deepEqual(seen, ["drop 3", "a<1", "drop 2"]);
  handOut.offer("4");
  handOut.close();
  assert.deepEqual(seen.slice(3), ["drop 4"]);
});
