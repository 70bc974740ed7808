import assert from "node:assert/strict";
import { withMarketStores } from "../store-testing.ts";
import { ProcessClaim } from "./process-claim.ts";

withMarketStores("of two processes one sells; the other may when the first has ended, or was not seen for a minute", async (store) => {
  let nowMs = 1_000_000;
  const claim = (holder: string): ProcessClaim =>
    new ProcessClaim({ store, clock: { now: () => nowMs }, work: "selling", holder: () => holder });
  const holders = ["rig :8082", "rig :9082"];
  const both = holders.map(claim);
  const others = await Promise.all(both.map((one) => one.take()));
  const loser = others.findIndex((other) => other !== undefined);
  assert.deepEqual(
    [others[loser], others[1 - loser], both.map(({ isHeld }) => isHeld)],
    [holders[1 - loser], undefined, [loser === 1, loser === 0]],
  );
  nowMs += 50_000;
  assert.equal(await both[1 - loser]!.take(), undefined);
  nowMs += 50_000;
  assert.equal(await both[loser]!.take(), holders[1 - loser]);
  await both[1 - loser]!.release();
  assert.equal(await both[loser]!.take(), undefined);
  // The same address again: the process before it is gone.
  assert.equal(await claim(holders[loser]!).take(), undefined);
  const third = claim("other :8082");
  assert.equal(await third.take(), holders[loser]);
  nowMs += 60_000;
  assert.equal(await third.take(), undefined);
  assert.deepEqual([await both[loser]!.take(), both[loser]!.isHeld], ["other :8082", false]);
});
