import assert from "node:assert/strict";
import { test } from "node:test";
import { withoutRedis } from "../testbed/shared-redis.ts";
import { limitOverRedis } from "./limits-redis-load.ts";

test("two gateways on one Redis admit together what the limit allows", { skip: withoutRedis }, async () => {
  const { admitted, allowed, serverErrors, wasSilent } = await limitOverRedis({ limit: 120, requests: 400, perSecond: 400, kills: 0 });
  const most = wasSilent ? 1.1 : 1.02;
  assert.ok(admitted >= 0.97 * allowed && admitted <= most * allowed, `${admitted} of ${allowed}`);
  assert.equal(serverErrors, 0);
});

test("Redis that is killed costs no answer, and the limit holds", { skip: withoutRedis }, async () => {
  const { admitted, allowed, serverErrors } = await limitOverRedis({ limit: 120, requests: 400, perSecond: 400, kills: 1 });
  assert.ok(admitted <= 1.1 * allowed, `${admitted} of ${allowed}`);
  assert.equal(serverErrors, 0);
});
