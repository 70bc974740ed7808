import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sharedPostgres, withoutPostgres } from "../../../tests/testbed/shared-postgres.ts";
import { systemClock, type Clock } from "../../core/index.ts";
import { migrations, type Migration } from "../migrations/index.ts";
import { createPostgresDatabase, defaultTimeouts, type PostgresDatabase } from "./database.ts";
import { migratePostgres } from "./migrate.ts";
import { createPostgresStore } from "./store.ts";
import { describePlace, type PostgresPlace } from "./place.ts";
import { makePostgresPlace } from "./testing.ts";

const clock: Clock = { now: () => 1_700_000_000_000, monotonic: () => 0 };
const sqlite = "not for this database";
const first: Migration = { version: 1, name: "first", sqlite, postgresql: "create table a (x bigint); insert into a values (1)" };
const second: Migration = { version: 2, name: "second", sqlite, postgresql: "alter table a add column y bigint; update a set y = x + 1" };
const broken: Migration = {
  version: 2,
  name: "broken",
  sqlite,
  postgresql: "update a set x = 9; create table b (z bigint); select * from nowhere",
};

async function withDatabase(body: (database: PostgresDatabase, place: PostgresPlace) => Promise<void>): Promise<void> {
  const place = await makePostgresPlace("empty");
  const database = await createPostgresDatabase(place, 2, defaultTimeouts);
  try {
    await body(database, place);
  } finally {
    await database.close();
  }
}

const rows = async (database: PostgresDatabase, sql: string): Promise<unknown[]> => (await database.query(sql)).rows;
const record = "select version, name, applied_ms from schema_migrations order by version";

describe("migrations of PostgreSQL", { skip: withoutPostgres }, () => {
  it("run once each, in order, and go on from where the database is", () =>
    withDatabase(async (database) => {
      await migratePostgres(database, [first], clock);
      await migratePostgres(database, [first], clock);
      await migratePostgres(database, [first, second], clock);
      assert.deepStrictEqual(
        { a: await rows(database, "select * from a"), record: await rows(database, record) },
        {
          a: [{ x: 1, y: 2 }],
          record: [
            { version: 1, name: "first", applied_ms: 1_700_000_000_000 },
            { version: 2, name: "second", applied_ms: 1_700_000_000_000 },
          ],
        },
      );
    }));

  it("a failed migration changes nothing, and the error names it", () =>
    withDatabase(async (database, place) => {
      await assert.rejects(migratePostgres(database, [first, broken], clock), {
        name: "StoreError",
        reason: "migration_failed",
        message: `The database ${describePlace(place)} could not be migrated to schema version 2 (broken): relation "nowhere" does not exist. Nothing was changed. Check that the database belongs to this program.`,
      });
      assert.deepStrictEqual(
        { a: await rows(database, "select * from a"), record: await rows(database, "select version from schema_migrations") },
        { a: [{ x: 1 }], record: [{ version: 1 }] },
      );
      await migratePostgres(database, [first, second], clock);
    }));

  it("a schema that is newer than the program is refused and not changed, by a store too", () =>
    withDatabase(async (database, place) => {
      await (await createPostgresStore({ place, clock })).close();
      await database.query("insert into schema_migrations (version, name, applied_ms) values (1000, 'from the future', 1)");
      await assert.rejects(createPostgresStore({ place, clock }), {
        name: "StoreError",
        reason: "newer_schema",
        message: `The database ${describePlace(place)} has schema version 1000, and this program knows versions up to ${migrations.length}. Install the newer program again, or restore a backup from before it was installed.`,
      });
    }));

  it("several stores can be opened at once on an empty database, and its schema is made once", async () => {
    const place = await makePostgresPlace("empty");
    const stores = await Promise.all(Array.from({ length: 8 }, () => createPostgresStore({ place, clock: systemClock, pool: 2 })));
    await Promise.all(stores.map((store) => store.bumpRevision()));
    assert.deepStrictEqual(
      [await stores[0]!.readRevision(), await stores[0]!.db.selectFrom("schema_migrations").select("version").orderBy("version").execute()],
      [8, migrations.map(({ version }) => ({ version }))],
    );
    await Promise.all(stores.map((store) => store.close()));
  });

  it("a database with another encoding is refused with a remedy", async () => {
    const server = await sharedPostgres();
    await server.run("postgres", "create database latin encoding 'LATIN1' locale_provider libc locale 'C' template template0");
    const place = { ...(await makePostgresPlace("empty")), database: "latin" };
    await assert.rejects(createPostgresStore({ place, clock }), {
      reason: "unwritable",
      message: `The database ${describePlace(place)} has the encoding LATIN1. Make one that accepts all texts: create database … encoding 'UTF8' template template0.`,
    });
  });
});
