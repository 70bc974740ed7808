import assert from "node:assert/strict";
import { test } from "node:test";
import { limitOverRedis, type LimitFigures } from "../faults/limits-redis-load.ts";
import { withoutRedis } from "../testbed/shared-redis.ts";
import { writeFigures } from "./figures.ts";

const load = { limit: 600, requests: 3000, perSecond: 150 } as const;

function figuresOf(figures: LimitFigures): object {
  const { requests, seconds, admitted, allowed, serverErrors, secondP99Ms, worstSecondP99Ms } = figures;
  return {
    requests,
    seconds,
    admitted,
    allowed,
    server_errors: serverErrors,
    second_p99_ms: secondP99Ms,
    worst_second_p99_ms: worstSecondP99Ms,
  };
}

test("two gateways on one Redis: between 0.99 and 1.01 of what the limit allows; with Redis killed ten times at most 1.1, no 5xx, and no second is slow", async () => {
  assert.equal(withoutRedis, false);
  const shared = await limitOverRedis({ ...load, kills: 10, isSpared: true });
  const killed = await limitOverRedis({ ...load, kills: 10 });
  writeFigures("limits-redis", { shared: figuresOf(shared), killed: { kills: 10, ...figuresOf(killed) } });
  assert.ok(
    shared.admitted >= 0.99 * shared.allowed && shared.admitted <= 1.01 * shared.allowed,
    `${shared.admitted} of ${shared.allowed}`,
  );
  assert.ok(killed.admitted <= 1.1 * killed.allowed, `${killed.admitted} of ${killed.allowed}`);
  assert.deepEqual([shared.serverErrors, killed.serverErrors], [0, 0]);
  // A busy machine has slow seconds of its own: most of the ten must be as fast as without kills.
  assert.ok(killed.secondP99Ms <= shared.secondP99Ms + 60, `${killed.secondP99Ms} ms, ${shared.secondP99Ms} ms without kills`);
});
