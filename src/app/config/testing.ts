import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

/** A folder that is gone when the test is over. */
export function makeFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "tokligence-config-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A configuration file in a folder of its own. @returns its path. */
export function makeFile(t: TestContext, text: string, mode = 0o600): string {
  const path = join(makeFolder(t), "config.yaml");
  writeFileSync(path, text, { mode });
  return path;
}

/** What a home folder is in tests. */
export const homeDir = "/home/u";
