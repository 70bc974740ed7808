import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test, type TestContext } from "node:test";
import { codeCacheFile, readCodeCache, writeCodeCache } from "./code-cache.ts";

const uid = process.geteuid?.() ?? 0;
const windows = { skip: process.platform === "win32" };

function written(t: TestContext): string {
  const home = mkdtempSync(join(tmpdir(), "tokligence-cache-"));
  t.after(() => rmSync(home, { recursive: true }));
  const file = codeCacheFile({ platform: "linux", env: {}, home, name: "x" });
  writeCodeCache(file, Buffer.from("code"), uid);
  return file;
}

test("the cache lies in each system's folder for caches", () => {
  const place = (platform: NodeJS.Platform, env: NodeJS.ProcessEnv) => codeCacheFile({ platform, env, home: "/home/a", name: "n" });
  assert.deepEqual(
    [place("linux", {}), place("linux", { XDG_CACHE_HOME: "/c" }), place("linux", { XDG_CACHE_HOME: "c" }), place("darwin", {})],
    [
      "/home/a/.cache/tokligence/n.bin",
      "/c/tokligence/n.bin",
      "/home/a/.cache/tokligence/n.bin",
      "/home/a/Library/Caches/tokligence/n.bin",
    ],
  );
});

test("what was written is read, and only its user may read it", windows, (t) => {
  const file = written(t);
  assert.equal(readCodeCache(file, uid)?.toString(), "code");
  assert.deepEqual([statSync(file).mode & 0o777, statSync(dirname(file)).mode & 0o777], [0o600, 0o700]);
  assert.deepEqual(readdirSync(dirname(file)), ["x.bin"]);
});

test("code that others could have written is not read", windows, (t) => {
  const file = written(t);
  assert.equal(readCodeCache(file, uid + 1), undefined, "another owner");
  chmodSync(file, 0o620);
  assert.equal(readCodeCache(file, uid), undefined, "the file");
  chmodSync(file, 0o600);
  chmodSync(dirname(file), 0o770);
  assert.equal(readCodeCache(file, uid), undefined, "the folder");
  writeCodeCache(file, Buffer.from("new"), uid);
  chmodSync(dirname(file), 0o700);
  assert.equal(readCodeCache(file, uid)?.toString(), "code", "nothing was written into it");
  symlinkSync(file, `${file}.link`);
  assert.equal(readCodeCache(`${file}.link`, uid), undefined, "a link");
  assert.equal(readCodeCache(`${file}.none`, uid), undefined);
});
