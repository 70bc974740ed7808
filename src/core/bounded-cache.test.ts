import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { createBoundedCache } from "./bounded-cache.ts";

describe("bounded cache", () => {
  it("never has more entries than its capacity, never returns a wrong or a cleared value, and keeps the last value set", () => {
    const step = fc.oneof(
      { weight: 10, arbitrary: fc.record({ kind: fc.constant("set" as const), key: fc.integer({ min: 0, max: 30 }) }) },
      { weight: 10, arbitrary: fc.record({ kind: fc.constant("get" as const), key: fc.integer({ min: 0, max: 30 }) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("clear" as const), key: fc.constant(0) }) },
    );
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 12 }), fc.array(step, { maxLength: 200 }), (capacity, steps) => {
        const cache = createBoundedCache<{ n: number }>(capacity);
        const all = new Map<string, { n: number }>();
        steps.forEach(({ kind, key }, n) => {
          const name = `k${key}`;
          if (kind === "set") {
            const value = { n };
            cache.set(name, value);
            all.set(name, value);
            assert.equal(cache.get(name), value);
          } else if (kind === "get") {
            const found = cache.get(name);
            assert.ok(found === undefined || found === all.get(name));
          } else {
            cache.clear();
            all.clear();
          }
          assert.ok(cache.size <= capacity && cache.size <= all.size);
        });
      }),
    );
  });

  it("keeps an entry that is read while other entries come and go", () => {
    const cache = createBoundedCache<{ n: number }>(10);
    const value = { n: 0 };
    cache.set("read", value);
    const seen: unknown[] = [];
    for (let i = 0; i < 100; i++) {
      cache.set(`other${i}`, { n: i });
      seen.push(cache.get("read"));
    }
    assert.ok(seen.every((found) => found === value));
    assert.equal(cache.get("other0"), undefined);
  });

  it("keeps at least half its capacity", () => {
    const cache = createBoundedCache<{ n: number }>(10);
    for (let i = 0; i < 100; i++) cache.set(`k${i}`, { n: i });
    assert.deepStrictEqual(
      [95, 96, 97, 98, 99].map((i) => cache.get(`k${i}`)),
      [95, 96, 97, 98, 99].map((n) => ({ n })),
    );
  });

  it("refuses a capacity that is not a whole number from 2 up", () => {
    for (const capacity of [0, 1, -1, 2.5, Number.NaN]) assert.throws(() => createBoundedCache(capacity), RangeError);
  });
});
