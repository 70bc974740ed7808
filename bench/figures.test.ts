import { deepEqual, equal, throws } from "node:assert/strict";
import { test } from "node:test";

import type { Window } from "./figures.ts";
import { median, roundRatios, summarise, verdict } from "./figures.ts";
import { renderTable } from "./table.ts";
import { WORKLOADS } from "./workloads.ts";

function window(target: string, round: number, cpuUs: number, more: Partial<Window> = {}): Window {
  return {
    round,
    target,
    load: "W2",
    requests: 40000,
    cpuUs,
    requestsPerSecond: 10000 + round,
    p50Us: 1000 * round,
    p99Us: 2000 * round,
    rssKb: 10240 * round,
    foreign: { seen: 0, notIdle: 0 },
    ...more,
  };
}

test("the median is the middle value, or the mean of the two in the middle", () => {
  equal(median([9, 1, 5]), 5);
  equal(median([10, 9, 1, 5]), 7);
  equal(median([3]), 3);
  throws(() => median([]), /median of no values/);
});

test("ratios are taken within a round, and a round that misses one side gives none", () => {
  const own = [window("gateway", 1, 40), window("gateway", 2, 90), window("gateway", 3, 60)];
  const nginx = [window("nginx", 3, 30), window("nginx", 1, 20)];
  deepEqual(roundRatios(own, nginx), [2, 2]);
});

test("the ratio is the median of the ratios of the rounds, not the ratio of the medians", () => {
  const windows = [
    ...[20, 40, 30].map((cpuUs, i) => window("nginx", i + 1, cpuUs)),
    ...[60, 80, 150].map((cpuUs, i) => window("gateway", i + 1, cpuUs)),
  ];
  deepEqual(summarise(WORKLOADS.W2, windows), [
    {
      workload: "W2",
      target: "nginx",
      load: "W2",
      rounds: 3,
      cpuUs: 30,
      requestsPerSecond: 10002,
      p50Us: 2000,
      p99Us: 4000,
      rssMb: 20,
      ratio: 1,
      score: 1,
    },
    {
      workload: "W2",
      target: "gateway",
      load: "W2",
      rounds: 3,
      cpuUs: 80,
      requestsPerSecond: 10002,
      p50Us: 2000,
      p99Us: 4000,
      rssMb: 20,
      ratio: 3,
      score: 3,
    },
  ]);
});

test("where the limit is in µs, the score is scaled to a machine whose nginx takes 21 µs for W2, and the yardstick has none", () => {
  const windows = [window("nginx", 1, 42), window("gateway", 1, 100, { load: "W1" })];
  deepEqual(
    summarise(WORKLOADS.W1, windows).map(({ target, load, ratio, score }) => ({ target, load, ratio, score })),
    [
      { target: "nginx", load: "W2", ratio: 1, score: undefined },
      { target: "gateway", load: "W1", ratio: 100 / 42, score: 50 },
    ],
  );
});

test("without nginx there is neither ratio nor score", () => {
  const [figure] = summarise(WORKLOADS.W2, [window("gateway", 1, 100)]);
  deepEqual([figure?.ratio, figure?.score], [undefined, undefined]);
});

test("a score meets the goal, or the first gate, or misses", () => {
  deepEqual(
    [2.5, 2.51, 5, 5.01, undefined].map((score) => verdict(WORKLOADS.W2, score)),
    ["goal", "gate", "gate", "MISSED", ""],
  );
});

test("the table has limits beside a contestant, and none beside a measure", () => {
  const windows = [window("nginx", 1, 20), window("gateway", 1, 64), window("direct", 1, 6.74)];
  const w1 = [window("nginx", 1, 42), window("gateway", 1, 161, { load: "W1" })];
  equal(
    renderTable([...summarise(WORKLOADS.W2, windows), ...summarise(WORKLOADS.W1, w1)]),
    `\
| workload | target  | load | n | CPU µs/req | × nginx |   score | first gate |  goal |  meets | req/s | p50 ms | p99 ms | RSS MB |
|----------|---------|------|--:|-----------:|--------:|--------:|-----------:|------:|-------:|------:|-------:|-------:|-------:|
| W2       | nginx   |      | 1 |       20.0 |    1.00 |         |            |       |        | 10001 |   1.00 |   2.00 |   10.0 |
| W2       | gateway |      | 1 |       64.0 |    3.20 |   3.2 × |        5 × | 2.5 × |   gate | 10001 |   1.00 |   2.00 |   10.0 |
| W2       | direct  |      | 1 |       6.74 |         |         |            |       |        | 10001 |   1.00 |   2.00 |   10.0 |
| W1       | nginx   | (W2) | 1 |       42.0 |    1.00 |         |            |       |        | 10001 |   1.00 |   2.00 |   10.0 |
| W1       | gateway |      | 1 |        161 |    3.83 | 80.5 µs |      60 µs | 30 µs | MISSED | 10001 |   1.00 |   2.00 |   10.0 |`,
  );
});
