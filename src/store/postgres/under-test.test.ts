import { sharedPostgres } from "../../../tests/testbed/shared-postgres.ts";
import { Secret, systemClock, type Clock } from "../../core/index.ts";
import type { StoreUnderTest } from "../describe-store.test.ts";
import { parsePostgresUrl, type PostgresPlace } from "./place.ts";
import { createPostgresStore } from "./store.ts";
import type { Store } from "../types.ts";

/** A database with the schema, from which the others are copied. That is faster than to make the schema in each. */
let template: Promise<string> | undefined;
/** A fixed day, so that the months of the template do not depend on the day of the test. */
const templateClock: Clock = { now: () => Date.UTC(2026, 10, 23), monotonic: () => 0 };

async function makeTemplate(): Promise<string> {
  const server = await sharedPostgres();
  const name = await server.createDatabase();
  await (await createPostgresStore({ place: parsePostgresUrl(new Secret(server.url(name))), clock: templateClock })).close();
  return name;
}

/** A database for one test, with the schema or empty. */
export async function makePostgresPlace(how: "migrated" | "empty" = "migrated"): Promise<PostgresPlace> {
  const server = await sharedPostgres();
  template ??= makeTemplate();
  const name = await server.createDatabase(how === "empty" ? undefined : await template);
  return parsePostgresUrl(new Secret(server.url(name)));
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
