import assert from "node:assert/strict";
import { test } from "node:test";
import { RunningSales } from "./running-sales.ts";
import type { Share } from "./shares.ts";

test("sales are cancelled, the last one first, until the server has no more requests than it bears; other servers' go on", () => {
  const sales = new RunningSales();
  const cancelled: string[] = [];
  const add = (name: string, model: string, provider: string, concurrency: number): (() => void) =>
    sales.add({ share: { model, provider, terms: { concurrency } } as Share, cancel: () => void cancelled.push(name) });
  add("a", "m", "rig", 4);
  const b = add("b", "m", "rig", 4);
  add("elsewhere", "n", "other", 1);
  add("c", "m", "rig", 4);
  // One place is free still.
  assert.deepEqual([sales.makeRoom("rig", 1), cancelled], [0, []]);
  assert.deepEqual([sales.makeRoom("rig", 2), cancelled], [1, ["c"]]);
  b();
  assert.deepEqual([sales.makeRoom("rig", 3), cancelled], [0, ["c"]]);
  assert.deepEqual([sales.makeRoom("rig", 9), cancelled, sales.isEmpty], [1, ["c", "a"], false]);
  // What is sold of another model is bounded by its own share.
  assert.deepEqual([sales.makeRoom("other", 1), cancelled.at(-1), sales.isEmpty], [1, "elsewhere", true]);
});
