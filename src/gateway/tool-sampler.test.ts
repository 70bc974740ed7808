import assert from "node:assert/strict";
import { test } from "node:test";
import { ToolSampler } from "./tool-sampler.ts";

/** How many of the requests of a second are looked at, if a look takes `costMs`. */
function sampled(sampler: ToolSampler, { startMs, requests, costMs }: { startMs: number; requests: number; costMs: number }): number {
  let chosen = 0;
  for (let request = 0; request < requests; request++) {
    if (!sampler.chooses("generate", startMs + (request * 1000) / requests)) continue;
    chosen += 1;
    sampler.spent(costMs);
  }
  return chosen;
}

test("every answer is looked at for calls of tools while there is time for it, and one of ten in any case", () => {
  const sampler = new ToolSampler();
  assert.equal(sampler.chooses("embed", 0), false);
  // Ten a second at 0.3 ms each, and 0.2 to keep them, take the five that there are.
  for (let second = 0; second < 600; second++) assert.equal(sampled(sampler, { startMs: second * 1000, requests: 10, costMs: 0.3 }), 10);
  // A thousand a second use up what was saved within seconds; from then on the tenth part is looked at, and what time allows.
  for (let second = 600; second < 660; second++) sampled(sampler, { startMs: second * 1000, requests: 1000, costMs: 0.3 });
  assert.equal(sampled(sampler, { startMs: 660_000, requests: 1000, costMs: 0.3 }), 100);
  // After a minute or two without load all are looked at again.
  assert.equal(sampled(sampler, { startMs: 900_000, requests: 10, costMs: 0.3 }), 10);
});

test("a clock that stands still, and requests out of order, add no time", () => {
  const sampler = new ToolSampler();
  sampler.chooses("generate", 1000);
  sampler.spent(2000);
  assert.deepEqual(
    Array.from({ length: 9 }, (_, at) => sampler.chooses("generate", 1000 - at)),
    [false, false, false, false, false, false, false, false, true],
  );
});
