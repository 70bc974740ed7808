import assert from "node:assert/strict";
import { test } from "node:test";
import { simulateMarket } from "./market-simulator/simulate.ts";

test("nodes and an exchange in bad weather keep their books: one seed of the simulation", async () => {
  const figures = await simulateMarket({ seed: 4, nodes: 6, requests: 20 });
  assert.ok(figures.answered > 3 && figures.crashes + figures.lost + figures.cut > 3, JSON.stringify(figures));
});
