import { migratedPostgres } from "../../../tests/testbed/migrated-postgres.ts";
import { sharedPostgres } from "../../../tests/testbed/shared-postgres.ts";
import { Secret, systemClock } from "../../core/index.ts";
import type { StoreUnderTest } from "../store-testing.ts";
import { parsePostgresUrl, type PostgresPlace } from "./place.ts";
import { createPostgresStore } from "./store.ts";
import type { Store } from "../types.ts";

/** A database for one test, with the schema or empty. */
export async function makePostgresPlace(how: "migrated" | "empty" = "migrated"): Promise<PostgresPlace> {
  if (how === "migrated") return await migratedPostgres();
  const server = await sharedPostgres();
  return parsePostgresUrl(new Secret(server.url(await server.createDatabase())));
}

/** A new PostgreSQL database. */
export async function makePostgres(): Promise<StoreUnderTest> {
  const place = await makePostgresPlace();
  const opened: Store[] = [];
  return {
    async open() {
      const store = await createPostgresStore({ place, clock: systemClock, pool: 4 });
      opened.push(store);
      return store;
    },
    async cleanUp() {
      await Promise.all(opened.map((store) => store.close()));
    },
  };
}
