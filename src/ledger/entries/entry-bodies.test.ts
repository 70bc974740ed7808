import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { migratedPostgres } from "../../../tests/testbed/migrated-postgres.ts";
import { withoutPostgres } from "../../../tests/testbed/shared-postgres.ts";
import type { Clock } from "../../core/index.ts";
import { createPostgresStore, createSqliteStore, type Store } from "../../store/index.ts";
import { createEntryBodies, type EntryBody } from "./entry-bodies.ts";
import { KeepingLogger, ManualTime } from "../testing.ts";
import { createRetention } from "../retention.ts";

type OpenStore = (clock: Clock) => Promise<Store>;

const openSqlite: OpenStore = (clock) => createSqliteStore({ path: ":memory:", clock });

const openPostgres: OpenStore = async (clock) => createPostgresStore({ place: await migratedPostgres(), clock, pool: 2 });

const body = (requestId: string, changes: Partial<EntryBody> = {}): EntryBody => ({
  requestId,
  attempt: 1,
  timeMs: 5,
  request: '{"a":"é😀"}',
  requestTruncated: false,
  answer: "data: \\u0000\n\n",
  answerTruncated: true,
  ...changes,
});

for (const [name, open, skip] of [
  ["SQLite", openSqlite, false],
  ["PostgreSQL", openPostgres, withoutPostgres],
] as const) {
  describe(`bodies on ${name}`, { skip }, () => {
    const withStore = async (use: (store: Store, time: ManualTime) => Promise<void>): Promise<void> => {
      const time = new ManualTime();
      const store = await open(time.clock);
      try {
        await use(store, time);
      } finally {
        await store.close();
      }
    };

    it("are read as they were written, by attempt, and the first one written is kept", () =>
      withStore(async (store) => {
        const bodies = createEntryBodies(store);
        const second = body("r1", { attempt: 2, requestTruncated: true, answer: undefined, answerTruncated: false });
        await bodies.write([second, body("r1"), body("r2")]);
        await bodies.write([body("r1", { request: "another" })]);
        assert.deepEqual(await bodies.read("r1"), [body("r1"), second]);
        assert.deepEqual(await bodies.read("r3"), []);
      }));

    it("are deleted in small batches once their time is over; the lifetime is read each time", () =>
      withStore(async (store, time) => {
        const bodies = createEntryBodies(store);
        const now = time.nowMs;
        await bodies.write(Array.from({ length: 120 }, (_, i) => body(`old-${i}`, { timeMs: now - 1001 })));
        await bodies.write([body("edge", { timeMs: now - 1000 }), body("new", { timeMs: now })]);
        let bodiesMs = 1000;
        const retention = createRetention({
          store,
          entriesMs: () => undefined,
          bodiesMs: () => bodiesMs,
          clock: time.clock,
          logger: new KeepingLogger(),
          schedule: time.schedule,
        });
        const left = async (): Promise<number> => (await store.db.selectFrom("entry_bodies").select("request_id").execute()).length;
        const seen: unknown[] = [];
        for (let i = 0; i < 3; i++) seen.push([await retention.step(), await left()]);
        assert.deepEqual(seen, [
          [true, 72],
          [true, 22],
          [false, 2],
        ]);
        assert.deepEqual([(await bodies.read("edge")).length, (await bodies.read("new")).length], [1, 1]);
        bodiesMs = -1;
        assert.deepEqual([await retention.step(), await left()], [false, 0]);
        await retention.close();
      }));
  });
}
