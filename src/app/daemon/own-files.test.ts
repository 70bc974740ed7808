import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { waitUntil } from "../../../tests/testbed/wait-until.ts";
import { silentLogger, systemClock } from "../../core/index.ts";
import { takeFileLock } from "../../store/index.ts";
import { createSurroundings, type Surroundings } from "../compose/surroundings.ts";
import { runtimePaths, type RuntimePaths } from "../paths.ts";
import { openOwnFiles, type PathListener } from "./own-files.ts";

interface Setup {
  readonly paths: RuntimePaths;
  readonly surroundings: Surroundings;
}

async function setup(t: TestContext): Promise<Setup> {
  const folder = mkdtempSync(join(tmpdir(), "tokligence-own-"));
  const paths = runtimePaths(join(folder, "gateway.db"));
  writeFileSync(paths.lock, "");
  const surroundings = createSurroundings(silentLogger, systemClock, 3_600_000);
  const openSocket = async (): Promise<PathListener> => {
    rmSync(paths.socket, { force: true });
    const server: Server = createServer((socket) => socket.end("served"));
    await new Promise<void>((resolve) => server.listen(paths.socket, resolve));
    return { close: () => new Promise((resolve) => server.close(() => resolve())) };
  };
  const files = await openOwnFiles({ paths, lock: takeFileLock(paths.lock)!, openSocket, surroundings, logger: silentLogger });
  t.after(async () => {
    surroundings.close();
    await files.close();
    files.releaseLock();
    assert.deepEqual([existsSync(paths.socket), existsSync(paths.pid)], [false, false]);
    takeFileLock(paths.lock)!.release();
    rmSync(folder, { recursive: true });
  });
  return { paths, surroundings };
}

function ask(path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = "";
    connect(path)
      .on("data", (data) => (said += data.toString()))
      .on("error", reject)
      .on("end", () => resolve(said));
  });
}

test("while nobody touches the files nothing is made again", async (t) => {
  const { paths, surroundings } = await setup(t);
  const ids = (): readonly number[] => [paths.socket, paths.pid, paths.lock].map((path) => statSync(path).ino);
  const before = ids();
  surroundings.look();
  assert.deepEqual([ids(), surroundings.recent()], [before, undefined]);
});

test("a control socket that is removed, or something else in its place, is made again and answers", async (t) => {
  const { paths, surroundings } = await setup(t);
  for (const harm of [() => rmSync(paths.socket), () => (rmSync(paths.socket), writeFileSync(paths.socket, "no socket"))]) {
    harm();
    surroundings.look();
    await waitUntil("the socket is there", () => existsSync(paths.socket) && statSync(paths.socket).isSocket());
    assert.equal(await ask(paths.socket), "served");
    assert.match(surroundings.recent() ?? "", /^the control socket .* was removed or replaced by somebody else; it was made again$/);
    await waitUntil("the next look finds it in order", () => {
      surroundings.look();
      return statSync(paths.socket, { throwIfNoEntry: false })?.isSocket() === true;
    });
  }
});

test("a pid file that is removed or changed is written again", async (t) => {
  const { paths, surroundings } = await setup(t);
  for (const harm of [() => rmSync(paths.pid), () => writeFileSync(paths.pid, "1\n")]) {
    harm();
    surroundings.look();
    assert.equal(readFileSync(paths.pid, "utf8"), `${process.pid}\n`);
    assert.equal(statSync(paths.pid).mode & 0o777, 0o600);
  }
  assert.match(surroundings.recent() ?? "", /^the pid file/);
});

test("a lock file that is removed is made again and locked; one that another gateway has locked meanwhile is not taken", async (t) => {
  const { paths, surroundings } = await setup(t);
  rmSync(paths.lock);
  surroundings.look();
  assert.equal(takeFileLock(paths.lock), undefined);
  assert.match(surroundings.recent() ?? "", /^the lock file .* was made again and locked$/);
  const away = `${paths.lock}.away`;
  renameSync(paths.lock, away);
  const other = takeFileLock(paths.lock)!;
  surroundings.look();
  other.release();
  surroundings.look();
  assert.equal(takeFileLock(paths.lock), undefined);
  rmSync(away);
});
