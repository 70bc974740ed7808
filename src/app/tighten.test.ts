import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { tightenAll } from "./tighten.ts";

test("rights of others on files and folders are taken away, once, and logged", { skip: process.platform === "win32" }, (t) => {
  const folder = mkdtempSync(join(tmpdir(), "tokligence-tighten-"));
  t.after(() => {
    rmSync(folder, { recursive: true });
  });
  const lines: unknown[] = [];
  const logger = {
    debug: () => undefined,
    info: () => undefined,
    error: () => undefined,
    warn: (fields: unknown) => void lines.push(fields),
  };
  const database = join(folder, "gateway.db");
  const [journal, log, far] = [join(folder, "journal"), join(folder, "gateway.log"), join(folder, "journal", "far.log")];
  mkdirSync(journal);
  chmodSync(journal, 0o777);
  for (const file of [log, far]) {
    writeFileSync(file, "");
    chmodSync(file, 0o666);
  }
  for (let times = 0; times < 2; times++) {
    for (const each of [log, far, undefined]) tightenAll({ database, journal, log: each }, logger);
  }
  assert.deepEqual(
    [journal, log, far].map((path) => statSync(path).mode & 0o777),
    [0o700, 0o600, 0o644],
  );
  assert.deepEqual(lines, [
    { file: journal, mode: "777" },
    { file: log, mode: "666" },
    { file: far, mode: "666" },
  ]);
});
