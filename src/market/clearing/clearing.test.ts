import assert from "node:assert/strict";
import { test } from "node:test";
import { withoutPostgres } from "../../../tests/testbed/shared-postgres.ts";
import { withMarketStores, withPostgres, withSqlite } from "../store-testing.ts";
import { checkClearing } from "./check.ts";
import { createClearing } from "./clearing.ts";
import { checkEntries } from "./entries.ts";
import { sameOnDatabase } from "./same-on-database.ts";

test("300 random operations in SQLite leave the accounts and leases that they leave in memory", async () => {
  await withSqlite((store) => sameOnDatabase(store, { seed: 11, operations: 300 }));
});

test("100 random operations in PostgreSQL leave the accounts and leases that they leave in memory", { skip: withoutPostgres }, async () => {
  await withPostgres((store) => sameOnDatabase(store, { seed: 12, operations: 100 }));
});

test("a lease that is asked for twice is one lease, with the document of the first time", async () => {
  await withSqlite(async (store) => {
    const clearing = createClearing(store, () => 5);
    const lease = {
      kind: "open",
      id: "l1",
      buyer: "a",
      seller: "b",
      hold: 10n,
      settleBy: 100,
      feePpm: 0n,
      model: "m",
      limit: 15n,
    } as const;
    assert.deepEqual(await clearing.open({ ...lease, document: "first" }), { result: "ok", document: "first" });
    assert.deepEqual(await clearing.open({ ...lease, document: "second" }), { result: "same", document: "first" });
    assert.deepEqual(await clearing.open({ ...lease, id: "l2", document: "third" }), { result: "insufficient_funds", document: undefined });
    assert.equal((await clearing.account("a")).held, 10n);
  });
});

withMarketStores("of 50 payouts at once, by two processes, those are booked that the account covers", async (store, second) => {
  const clearings = [createClearing(store, () => 5), createClearing(second, () => 5)];
  const by = { actor: "root", reason: "invoice 17" };
  await clearings[0]!.deposit("d0", "a", 105n, by);
  await clearings[0]!.open({
    kind: "open",
    id: "l1",
    buyer: "a",
    seller: "b",
    hold: 5n,
    settleBy: 100,
    feePpm: 0n,
    model: "m",
    limit: 0n,
    document: "d",
  });
  const results = await Promise.all(Array.from({ length: 50 }, (_, index) => clearings[index % 2]!.deposit(`p${index}`, "a", -10n, by)));
  const paid = results.filter((result) => result === "ok").length;
  const { balance, seq } = await clearings[1]!.account("a");
  const rows = await store.db.selectFrom("market_deposits").select("id").execute();
  assert.deepEqual({ paid, balance, seq, booked: rows.length }, { paid: 10, balance: 5n, seq: 11, booked: 11 });
  assert.deepEqual(checkClearing(await clearings[0]!.readAll()), []);
});

withMarketStores(
  "what a buyer sends while its lease is open, and its settlement, are applied once, whichever comes first",
  async (store, second) => {
    const [one, two] = [createClearing(store, () => 5), createClearing(second, () => 5)];
    const order = JSON.stringify({ body: { ack: { cum: "60" } } });
    const lease = {
      kind: "open",
      buyer: "a",
      seller: "b",
      hold: 200n,
      settleBy: 100,
      feePpm: 0n,
      model: "m",
      limit: 10_000n,
      document: "d",
    } as const;
    const settle = { cum: 100n, ceiling: 150n, acked: 20n, window: 50 };
    const found = await Promise.all(
      Array.from({ length: 12 }, async (_, index) => {
        const id = `l${index}`;
        await one.open({ ...lease, id });
        const steps = [() => one.settle({ id, ...settle }), () => two.close(id, { order, acked: 60n, contests: true })];
        if (index % 2 === 1) steps.reverse();
        await Promise.all([...steps, () => two.settle({ id, ...settle })].map((step) => step()));
        return id;
      }),
    );
    const { leases, accounts } = await one.readAll();
    // 60 are acknowledged, and 40 are split.
    assert.deepEqual(
      found.map((id) => [leases.get(id)!.state, leases.get(id)!.paid, leases.get(id)!.refunded]),
      found.map(() => ["split", 80n, 20n]),
    );
    assert.equal(accounts.get("b")!.balance, 12n * 80n);
  },
);

withMarketStores("a closing order that is older than the one that is stored takes nothing back", async (store) => {
  const clearing = createClearing(store, () => 5);
  await clearing.open({
    kind: "open",
    id: "l1",
    buyer: "a",
    seller: "b",
    hold: 200n,
    settleBy: 100,
    feePpm: 0n,
    model: "m",
    limit: 200n,
    document: "d",
  });
  for (const cum of [60n, 20n]) {
    const order = JSON.stringify({ body: { ack: { cum: String(cum) } } });
    assert.equal(await clearing.close("l1", { order, acked: cum, contests: false }), "not_settled");
  }
  assert.equal(await clearing.settle({ id: "l1", cum: 100n, ceiling: 150n, acked: 0n, window: 50 }), "window");
  assert.equal((await clearing.readAll()).leases.get("l1")!.paid, 60n);
});

withMarketStores(
  "colliding leases, settlements and sweeps of two processes end without a deadlock, with exact sums",
  async (store, second) => {
    let now = 0;
    const clearings = [createClearing(store, () => now), createClearing(second, () => now)];
    const nodes = ["a", "b", "c"];
    const step = async (index: number): Promise<void> => {
      const clearing = clearings[index % 2]!;
      const id = `l${index % 30}`;
      const lease = {
        kind: "open",
        id,
        hold: 100n,
        settleBy: now + 20,
        feePpm: 10_000n,
        model: "m",
        limit: 10_000n,
        document: "d",
      } as const;
      now = index;
      await clearing.open({ ...lease, buyer: nodes[index % 3]!, seller: nodes[(index + 1) % 3]! });
      await clearing.settle({ id, cum: 90n, ceiling: 95n, acked: BigInt(index % 2) * 50n, window: 10 });
      if (index % 3 === 0) await clearing.sweep(10);
      if (index % 5 === 0) await clearing.close(id, { order: "{}", acked: 70n, contests: index % 2 === 0 });
      if (index % 7 === 0) await clearing.deposit(`d${index}`, nodes[index % 3]!, 5n);
      if (index % 11 === 0) await clearing.beat();
    };
    await Promise.all(Array.from({ length: 60 }, (_, index) => step(index)));
    const state = await clearings[0]!.readAll();
    assert.deepEqual([state.leases.size, checkClearing(state)], [30, []]);
    for (const account of state.accounts.values()) assert.deepEqual((await checkEntries(store, account)).broken, []);
  },
);

test("a transfer cannot be changed or deleted", async () => {
  await withSqlite(async (store) => {
    await createClearing(store, () => 5).deposit("d1", "a", 100n);
    await assert.rejects(store.db.updateTable("market_transfers").set({ leg: 1 }).execute(), /append-only/);
    await assert.rejects(store.db.deleteFrom("market_transfers").execute(), /append-only/);
  });
});

test("deadlines move by the time that the clearing was away, and what is due ends", async () => {
  await withSqlite(async (store) => {
    let now = 0;
    const clearing = createClearing(store, () => now);
    const lease = {
      kind: "open",
      buyer: "a",
      seller: "b",
      hold: 1n,
      settleBy: 100,
      feePpm: 0n,
      model: "m",
      limit: 10n,
      document: "d",
    } as const;
    await clearing.open({ ...lease, id: "l1" });
    await clearing.resume(50);
    now = 100;
    assert.equal(await clearing.sweep(10), 0);
    now = 150;
    assert.equal(await clearing.sweep(10), 1);
    assert.equal((await clearing.account("a")).held, 0n);
    assert.equal(await clearing.settle({ id: "l1", cum: 1n, ceiling: 1n, acked: 1n, window: 1 }), "void");
  });
});
