import { after, before, test } from "node:test";
import { PROTOCOLS } from "../testbed/scenario.ts";
import type { Bench } from "./bench.ts";
import { startBench } from "./bench.ts";
import { meet } from "./meet.ts";
import { notPossible, scenarios } from "./scenarios.ts";

let bench: Bench;
before(async () => {
  bench = await startBench();
});
after(() => bench.stop());

for (const client of PROTOCOLS) {
  for (const upstream of PROTOCOLS) {
    for (const stream of [false, true]) {
      for (const scenario of scenarios) {
        if (notPossible[scenario.name]?.[client] !== undefined) continue;
        test(`${client} to ${upstream}, ${stream ? "streamed" : "whole"}: ${scenario.name}`, async () => {
          await meet(bench, scenario, { client, upstream }, stream);
        });
      }
    }
  }
}
