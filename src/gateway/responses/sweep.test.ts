import assert from "node:assert/strict";
import { test } from "node:test";
import { createResponseStore, createSqliteStore } from "../../store/index.ts";
import { createResponseSweep } from "./sweep.ts";

test("a round deletes all that is past its lifetime, but no more than two thousand", async () => {
  let nowMs = 0;
  const clock = { now: () => nowMs, monotonic: () => nowMs };
  const store = await createSqliteStore({ path: ":memory:", clock });
  const warnings: unknown[] = [];
  const logger = {
    debug: () => undefined,
    info: () => undefined,
    error: () => undefined,
    warn: (fields: unknown) => void warnings.push(fields),
  };
  const responses = createResponseStore(store, clock, () => 1000);
  const rows = Array.from({ length: 2050 }, (_, index) => [`r${index}`, "u", "p", "k", "m", index < 2040 ? 0 : 500]);
  await store.insertRows("stored_responses", ["id", "user_id", "provider", "provider_key", "model", "created_ms"], rows);
  const sweep = createResponseSweep(responses, logger);
  nowMs = 1001;
  const deleted = [await sweep.run(), await sweep.run(), await sweep.run()];
  await sweep.close();
  await store.close();
  assert.deepEqual([deleted, warnings], [[2000, 40, 0], []]);
});
