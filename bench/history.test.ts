import { deepEqual, equal, match } from "node:assert/strict";
import { test } from "node:test";

import type { GarbageFigure } from "./garbage.ts";
import { findDearer, lastCommit, readHistory, withVersion } from "./history.ts";
import type { WorkloadName } from "./workloads.ts";

function figure(workload: WorkloadName, bytesPerRequest: number, spread = 0.01): GarbageFigure {
  return { workload, target: "gateway", bytesPerRequest, spread, minorCollections: 1.25, requests: 1000 };
}

const when = { date: "2026-11-29", node: "v26.10.0", commit: "a" };

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

test("dearer is what is above the commit of the same run by more than the noise", () => {
  const against = [figure("W1", 1000), figure("W2", 1000, 0.2), figure("W3", 1000)].map((each) => ({ ...each, target: "against" }));
  deepEqual(findDearer([...against, figure("W1", 1050), figure("W2", 1200), figure("W3", 900), figure("W6", 9000)]), []);
  deepEqual(findDearer([...against, figure("W1", 1051), figure("W2", 1201), figure("W3", 1300, 0.3)]), [
    "W1: 1051 bytes a request, 1000 before, at most 1050 expected",
    "W2: 1201 bytes a request, 1000 before, at most 1200 expected",
  ]);
});

test("the last commit is that of the version that was recorded last", () => {
  const old = withVersion({}, "1.0.0", when, [figure("W1", 50)]);
  equal(lastCommit(withVersion(old, "1.1.0", { ...when, commit: "b" }, [])), "b");
  equal(lastCommit({}), undefined);
});

test("the recorded history can be read", () => {
  for (const { date, node, commit, garbage } of Object.values(readHistory())) {
    match(date, /^\d{4}-\d\d-\d\d$/);
    match(node, /^v\d+\./);
    match(commit, /^[0-9a-f]{40}$/);
    for (const { bytes_per_request: bytes } of Object.values(garbage)) match(String(bytes), /^\d{4,7}$/);
  }
});
