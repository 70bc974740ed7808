import { atEndOfRun } from "./end-of-run.ts";
import { findPostgres, startPostgres, type PostgresServer } from "./postgres-server.ts";

/** One server for all tests of a process, as starting it takes longer than most of them. It is started by the first that asks. */
let server: Promise<PostgresServer> | undefined;
const bin = findPostgres();

/** For `skip`: why the tests that need PostgreSQL cannot run here; `false`: they can. */
export const withoutPostgres =
  bin === undefined ? "no PostgreSQL here: neither the package's for this platform nor one in /usr/lib/postgresql" : false;

export function sharedPostgres(): Promise<PostgresServer> {
  if (bin === undefined) throw new Error(String(withoutPostgres));
  server ??= startPostgres(bin);
  return server;
}

atEndOfRun(async () => {
  const started = server;
  server = undefined;
  await (await started)?.close();
});
