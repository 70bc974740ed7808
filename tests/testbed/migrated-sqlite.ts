import { chmodSync, copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/core/index.ts";
import { createSqliteStore } from "../../src/store/index.ts";
import { atEndOfRun } from "./end-of-run.ts";

/** A database with the gateway's schema and without rows, of which the others are copies: a copy takes a twentieth of the time that the migrations take. */
let template: Promise<string> | undefined;
let folder: string | undefined;

atEndOfRun(async () => {
  await template?.catch(() => {});
  template = undefined;
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

async function makeTemplate(): Promise<string> {
  folder = mkdtempSync(join(tmpdir(), "tokligence-template-"));
  const path = join(folder, "gateway.db");
  await (await createSqliteStore({ path, clock: systemClock })).close();
  return path;
}

/** Makes a database with the gateway's schema at a path at which no file is. */
export async function makeMigratedSqlite(path: string): Promise<void> {
  template ??= makeTemplate();
  copyFileSync(await template, path);
  chmodSync(path, 0o600);
}
