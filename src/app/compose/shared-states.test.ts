import assert from "node:assert/strict";
import { test } from "node:test";
import { sharedRedis, withoutRedis } from "../../../tests/testbed/shared-redis.ts";
import { waitUntil } from "../../../tests/testbed/wait-until.ts";
import { Secret, silentLogger, systemClock } from "../../core/index.ts";
import { connectRedis } from "../../store/index.ts";
import { createTargetStates, defaultResilience } from "../../upstream/index.ts";
import { composeSharedStates } from "./shared-states.ts";

test(
  "what one machine learns of a target reaches the others over Redis, and the workers of their primaries",
  { skip: withoutRedis },
  async () => {
    const { url } = await sharedRedis();
    const provider = { name: "p", keys: [{ id: "p#1", secret: new Secret("sk-1") }] };
    const machines = await Promise.all(
      [0, 1].map(async () => {
        const states = createTargetStates();
        const redis = await connectRedis(new Secret(url), silentLogger);
        const news: string[] = [];
        const shared = composeSharedStates({ states, redis, toPrimary: undefined, clock: systemClock, logger: silentLogger });
        shared.onNews((text) => news.push(text));
        return { states, redis, shared, news, target: states.of(provider, "m")[0]! };
      }),
    );
    const [one, other] = machines as [(typeof machines)[0], (typeof machines)[0]];
    try {
      // Until the other one has subscribed, news is lost; so it is repeated.
      await waitUntil("the other one knows", () => {
        const nowMs = systemClock.monotonic();
        one.target.refused({ kind: "throttled", waitMs: 60_000 }, nowMs, nowMs, defaultResilience.breaker);
        return other.target.block === "throttled";
      });
      assert.ok(other.news.length > 0);
      assert.deepEqual(one.news, []);
      other.shared.receive("not news");
    } finally {
      for (const { shared, redis } of machines) {
        shared.close();
        redis.close();
      }
    }
  },
);
