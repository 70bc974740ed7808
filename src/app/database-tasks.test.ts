import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { DatabaseSection } from "./config/index.ts";
import { copyDatabase } from "./database-tasks.ts";

test("a copy is of a SQLite database that is there", async () => {
  const folder = mkdtempSync(join(tmpdir(), "tokligence-tasks-"));
  const path = join(folder, "gateway.db");
  const refusal = (section: DatabaseSection): Promise<string> =>
    copyDatabase(section, "postgres://u@h/d").then(
      () => "none",
      (error: unknown) => (error as Error).message,
    );
  try {
    const parts = { host: "h", port: 1, database: "d", username: "u", pool: 1 };
    assert.deepEqual(
      [await refusal({ type: "sqlite", path }), await refusal({ type: "postgresql", path, postgresql: parts })],
      [
        `There is no database ${path} to copy. Check --config and database.path.`,
        "The configuration names a PostgreSQL database: give the one that names the SQLite database to copy, with --config.",
      ],
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});
