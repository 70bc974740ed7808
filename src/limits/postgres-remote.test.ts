import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { migratedPostgres } from "../../tests/testbed/migrated-postgres.ts";
import { withoutPostgres } from "../../tests/testbed/shared-postgres.ts";
import { waitUntil } from "../../tests/testbed/wait-until.ts";
import { silentLogger, systemClock } from "../core/index.ts";
import { createPostgresStore, type Store } from "../store/index.ts";
import { PostgresRemote } from "./postgres-remote.ts";
import type { TakenPart } from "./remote.ts";

const minute = 60_000;
const request = (name: string, cost = 100): TakenPart => ({ name, periodMs: minute, cost, most: 0 });
const slot = (name: string, mine: number, most: number): TakenPart => ({ name, periodMs: 0, cost: mine, most });

suite("limits in PostgreSQL", { skip: withoutPostgres }, () => {
  const stores: Store[] = [];
  let one: PostgresRemote;
  let other: PostgresRemote;
  before(async () => {
    const place = await migratedPostgres();
    for (let count = 0; count < 2; count++) stores.push(await createPostgresStore({ place, clock: systemClock, pool: 3 }));
    one = new PostgresRemote(stores[0]!, "one", silentLogger);
    other = new PostgresRemote(stores[1]!, "other", silentLogger);
  });
  after(async () => {
    await Promise.all(stores.map((store) => store.close()));
  });

  test("of 400 requests that two gateways send at once, 200 fit into the limit; a refused one takes nothing", async () => {
    const answers = await Promise.all(
      Array.from({ length: 400 }, (_, index) => (index % 2 === 0 ? one : other).take([request("a", 300), request(`b${index % 4}`, 1)])),
    );
    const admitted = answers.filter(({ isAdmitted }) => isAdmitted).length;
    // The bucket fills up while they come.
    assert.ok(admitted >= 200 && admitted <= 210, String(admitted));
    const taken = await Promise.all([0, 1, 2, 3].map(async (index) => (await one.take([request(`b${index}`, 0)])).states[0]!));
    assert.ok(taken.reduce((sum, ms) => sum + ms, 0) <= admitted);
  });

  test("what is given back is free again, and slots of both count", async () => {
    await one.take([request("c", minute)]);
    one.settle([{ name: "c", periodMs: minute, deltaMs: -minute }], []);
    await waitUntil("it is given back", async () => (await other.take([request("c", 0)])).states[0]! < 1000);
    const first = await one.take([slot("d", 1, 2)]);
    const second = await other.take([slot("d", 1, 2)]);
    const third = await one.take([slot("d", 2, 2)]);
    other.settle([], [{ name: "d", count: 0 }]);
    await waitUntil("the slot is free", async () => (await one.take([slot("d", 2, 2)])).isAdmitted);
    assert.deepEqual(
      [first, second, third],
      [
        { isAdmitted: true, states: [0] },
        { isAdmitted: true, states: [1] },
        { isAdmitted: false, states: [1] },
      ],
    );
  });

  test("levels are raised, never lowered; gateways know each other", async () => {
    await one.raise([{ name: "e", usedMs: 30_000 }]);
    await one.raise([{ name: "e", usedMs: 10_000 }]);
    const level = (await other.take([request("e", 0)])).states[0]!;
    await one.beat([]);
    assert.deepEqual((await other.beat([])).toSorted(), ["one", "other"]);
    one.close();
    await waitUntil("one is forgotten", async () => (await other.beat([])).length === 1);
    assert.ok(level > 25_000 && level <= 30_000, String(level));
  });
});
