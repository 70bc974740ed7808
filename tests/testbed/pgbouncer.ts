import { spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import pg from "pg";
import type { PostgresServer } from "./postgres-server.ts";
import { waitUntil } from "./wait-until.ts";

/** PgBouncer before a server of the tests. */
export interface PgBouncer {
  /** The server as its clients see it: another port. */
  readonly server: PostgresServer;
  /** Ends it and removes its files. */
  close(): Promise<void>;
}

/** PgBouncer refuses to run as root: as such it is run as nobody. */
const nobody = 65_534;

/** @returns the program in PATH. @throws Error if it is not there. */
export function findPgBouncer(): string {
  const found = (process.env["PATH"] ?? "")
    .split(delimiter)
    .map((folder) => join(folder, "pgbouncer"))
    .find((path) => existsSync(path));
  if (found === undefined) throw new Error("There is no pgbouncer in PATH. On Debian: apt-get install pgbouncer");
  return found;
}

/** Starts it with its own defaults, but for the mode and the sizes of its pools. @throws Error with its own words if it does not start. */
export async function startPgBouncer(postgres: PostgresServer, mode: "session" | "transaction"): Promise<PgBouncer> {
  const program = findPgBouncer();
  const folder = mkdtempSync(join(tmpdir(), "tokligence-pgbouncer-"));
  const port = await freePort();
  const users = join(folder, "users.txt");
  const settings = join(folder, "pgbouncer.ini");
  writeFileSync(users, `"${postgres.username}" "${postgres.password}"\n`);
  writeFileSync(
    settings,
    `[databases]
* = host=127.0.0.1 port=${postgres.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = plain
auth_file = ${users}
pool_mode = ${mode}
default_pool_size = 20
max_client_conn = 200
`,
  );
  const isRoot = process.getuid?.() === 0;
  if (isRoot) for (const path of [folder, users, settings]) chownSync(path, nobody, nobody);
  const child = spawn(program, [settings], {
    cwd: folder,
    stdio: ["ignore", "ignore", "pipe"],
    ...(isRoot ? { uid: nobody, gid: nobody } : {}),
  });
  let said = "";
  child.stderr.on("data", (text: Buffer) => (said = (said + text.toString()).slice(-5000)));
  const ended = once(child, "exit");
  const close = async (): Promise<void> => {
    child.kill("SIGKILL");
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  const server: PostgresServer = {
    ...postgres,
    port,
    url: (database) => postgres.url(database).replace(`:${postgres.port}/`, `:${port}/`),
  };
  try {
    await waitUntil("PgBouncer answers", async () => child.exitCode !== null || (await answers(server)));
    if (child.exitCode !== null) throw new Error("it has ended");
  } catch (error) {
    await close();
    throw new Error(`PgBouncer does not start: ${said}`, { cause: error });
  }
  return { server, close };
}

async function answers({ port, username, password }: PostgresServer): Promise<boolean> {
  const client = new pg.Client({ host: "127.0.0.1", port, user: username, password, database: "postgres" });
  client.on("error", () => {});
  try {
    await client.connect();
    await client.query("select 1");
    return true;
  } catch {
    // Not yet.
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
