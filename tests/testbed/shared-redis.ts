import { atEndOfRun } from "./end-of-run.ts";
import { findRedis, startRedis, type RedisServer } from "./redis-server.ts";

/** One server for all tests of a process; it is started by the first that asks. */
let server: Promise<RedisServer> | undefined;
const found = findRedis();

/** For `skip`: why the tests that need Redis cannot run here; `false`: they can. */
export const withoutRedis = "problem" in found ? found.problem : false;

export function sharedRedis(): Promise<RedisServer> {
  server ??= newRedis();
  return server;
}

/** A server of the caller's own, which the caller closes. */
export function newRedis(): Promise<RedisServer> {
  if ("problem" in found) throw new Error(found.problem);
  return startRedis(found.path);
}

atEndOfRun(async () => {
  const started = server;
  server = undefined;
  await (await started)?.close();
});
