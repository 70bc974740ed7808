import { deepEqual, match } from "node:assert/strict";
import { test } from "node:test";

import type { GarbageFigure } from "./garbage.ts";
import { findDearer, readHistory, withVersion, type History } from "./history.ts";
import type { WorkloadName } from "./workloads.ts";

function figure(workload: WorkloadName, bytesPerRequest: number, spread = 0.01): GarbageFigure {
  return { workload, target: "gateway", bytesPerRequest, spread, minorCollections: 1.25, requests: 1000 };
}

const when = { date: "2026-11-29", node: "v26.10.0" };

test("a version's figures take the place of those it had, workload by workload", () => {
  const first = withVersion({}, "1.0.0", when, [figure("W1", 100), figure("W2", 200, 0.12345)]);
  deepEqual(withVersion(first, "1.0.0", { ...when, date: "2026-11-30" }, [figure("W1", 90)]), {
    "1.0.0": {
      ...when,
      date: "2026-11-30",
      garbage: {
        W1: { bytes_per_request: 90, spread: 0.01, minor_collections_per_1000: 1.25 },
        W2: { bytes_per_request: 200, spread: 0.123, minor_collections_per_1000: 1.25 },
      },
    },
  });
});

test("dearer is what is above the last version by more than the noise", () => {
  const old = withVersion({}, "1.0.0", when, [figure("W1", 50)]);
  const history: History = withVersion(old, "1.1.0", when, [figure("W1", 1000), figure("W2", 1000, 0.2)]);
  deepEqual(findDearer(history, [figure("W1", 1050), figure("W2", 1200), figure("W3", 9000)]), []);
  deepEqual(findDearer(history, [figure("W1", 1051), figure("W2", 1201)]), [
    "W1: 1051 bytes a request, 1000 in 1.1.0, at most 1050 expected",
    "W2: 1201 bytes a request, 1000 in 1.1.0, at most 1200 expected",
  ]);
  deepEqual(findDearer({}, [figure("W1", 1)]), []);
});

test("the recorded history can be read", () => {
  for (const { date, node, garbage } of Object.values(readHistory())) {
    match(date, /^\d{4}-\d\d-\d\d$/);
    match(node, /^v\d+\./);
    for (const { bytes_per_request: bytes } of Object.values(garbage)) match(String(bytes), /^\d{4,7}$/);
  }
});
