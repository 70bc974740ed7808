import { Secret, type Clock } from "../../src/core/index.ts";
import { createPostgresStore, parsePostgresUrl, type PostgresPlace } from "../../src/store/index.ts";
import { sharedPostgres } from "./shared-postgres.ts";

/** A database with the gateway's schema, of which the others are copies: a copy takes a third of the time that a migration takes. */
let template: Promise<string> | undefined;
/** The months of usage that it has do not depend on the day of the test. */
const templateClock: Clock = { now: () => Date.UTC(2026, 10, 23), monotonic: () => 0 };

async function makeTemplate(): Promise<string> {
  const server = await sharedPostgres();
  const name = await server.createDatabase();
  await (await createPostgresStore({ place: parsePostgresUrl(new Secret(server.url(name))), clock: templateClock })).close();
  return name;
}

/** The URL of a database of a test's own, with the gateway's schema. */
export async function migratedPostgresUrl(): Promise<string> {
  template ??= makeTemplate();
  const server = await sharedPostgres();
  return server.url(await server.createDatabase(await template));
}

/** The place of a database of a test's own, with the gateway's schema. */
export async function migratedPostgres(): Promise<PostgresPlace> {
  return parsePostgresUrl(new Secret(await migratedPostgresUrl()));
}
