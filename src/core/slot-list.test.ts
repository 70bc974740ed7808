import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SlotList } from "./slot-list.ts";

test("contains the same items as a set would after any additions and removals", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat(9))), (steps) => {
      const items = Array.from({ length: 10 }, (_, id) => ({ id, slot: -1 }));
      const list = new SlotList<(typeof items)[number]>();
      const set = new Set<number>();
      for (const [add, id] of steps) {
        if (add) {
          list.add(items[id]!);
          set.add(id);
        } else {
          list.delete(items[id]!);
          set.delete(id);
        }
        const held: number[] = [];
        list.forEach((item) => held.push(item.id));
        assert.deepEqual(
          held.toSorted((a, b) => a - b),
          [...set].toSorted((a, b) => a - b),
        );
        assert.equal(list.size, set.size);
      }
    }),
  );
});

test("visits all items even if each is removed during its visit", () => {
  const list = new SlotList<{ slot: number }>();
  for (let i = 0; i < 5; i++) list.add({ slot: -1 });
  let visited = 0;
  list.forEach((item) => {
    visited++;
    list.delete(item);
  });
  assert.deepEqual([visited, list.size], [5, 0]);
});
