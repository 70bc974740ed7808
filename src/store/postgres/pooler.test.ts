import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sql } from "kysely";
import { startPooler } from "../../../tests/testbed/pooler.ts";
import { sharedPostgres, withoutPostgres } from "../../../tests/testbed/shared-postgres.ts";
import { waitUntil } from "../../../tests/testbed/wait-until.ts";
import { systemClock } from "../../core/index.ts";
import { StoreError } from "../store-error.ts";
import { createPostgresStore } from "./store.ts";
import type { PostgresPlace } from "./place.ts";
import { makePostgresPlace } from "./testing.ts";

describe("PostgreSQL behind a pooler", { skip: withoutPostgres }, () => {
  it("no parameter of the start is needed for the limits of time; a refused login leaves no connection behind; options are refused by name", async () => {
    const pooler = await startPooler((await sharedPostgres()).port);
    const direct = await makePostgresPlace();
    const place = { ...direct, port: pooler.port };
    const refusal = async ({ password, ...rest }: PostgresPlace): Promise<string> => {
      const error: unknown = await createPostgresStore({ place: rest, clock: systemClock }).catch((thrown: unknown) => thrown);
      assert.ok(error instanceof StoreError && password !== undefined, String(error));
      return error.message.replace(/^.*?: (?=no |A )/, "");
    };
    try {
      const store = await createPostgresStore({ place, clock: systemClock, pool: 2, timeouts: { lockMs: 4000 } });
      const limits = sql<{
        lock: string;
        statement: string;
      }>`select current_setting('lock_timeout') as lock, current_setting('statement_timeout') as statement`;
      assert.deepEqual((await limits.execute(store.db)).rows, [{ lock: "4s", statement: "1min" }]);
      await store.close();
      assert.match(
        await refusal(place),
        /^no password is set\. Set database\.password \(TOKLIGENCE_DATABASE_PASSWORD\), the password in database\.url, or PGPASSWORD\.$/,
      );
      await waitUntil("the connections are closed", () => pooler.open() === 0);
      const pooled = await createPostgresStore({ place: { ...place, options: "-c search_path=app" }, clock: systemClock }).catch(
        (error: Error) => error.message,
      );
      assert.match(
        pooled as string,
        /refuses a parameter \(unsupported startup parameter: options\)\. Leave it out of "options" in database\.url/,
      );
    } finally {
      await pooler.close();
    }
  });

  it("options of the URL are heeded: tables are made where search_path says", async () => {
    const place = await makePostgresPlace("empty");
    await (await sharedPostgres()).run(place.database, "create schema app");
    const store = await createPostgresStore({ place: { ...place, options: "-c search_path=app" }, clock: systemClock, pool: 2 });
    const { rows } = await sql<{ schemaname: string }>`select distinct schemaname from pg_tables where tablename = 'users'`.execute(
      store.db,
    );
    await store.close();
    assert.deepEqual(rows, [{ schemaname: "app" }]);
  });
});
