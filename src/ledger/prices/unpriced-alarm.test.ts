import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "../../core/index.ts";
import { createUnpricedAlarm } from "./unpriced-alarm.ts";

test("a model without a price is logged once for each provider", () => {
  const lines: object[] = [];
  const alarm = createUnpricedAlarm({ ...silentLogger, warn: (fields: object) => lines.push(fields) });
  for (const model of ["a", "b", "a"]) alarm.noticed("p", model);
  alarm.noticed("q", "a");
  assert.deepStrictEqual(lines, [
    { provider: "p", model: "a" },
    { provider: "p", model: "b" },
    { provider: "q", model: "a" },
  ]);
});
