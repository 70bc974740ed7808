import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../core/index.ts";
import type { StoreUnderTest } from "../store-testing.ts";
import { createSqliteStore } from "./store.ts";
import type { Store } from "../types.ts";

/** A folder for the files of one test. */
export async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "tokligence-store-"));
  try {
    await body(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A new SQLite file in a folder of its own. */
export async function makeSqlite(): Promise<StoreUnderTest> {
  const folder = await mkdtemp(join(tmpdir(), "tokligence-store-"));
  const opened: Store[] = [];
  return {
    async open() {
      const store = await createSqliteStore({ path: join(folder, "ledger.db"), clock: systemClock });
      opened.push(store);
      return store;
    },
    async cleanUp() {
      await Promise.all(opened.map((store) => store.close()));
      await rm(folder, { recursive: true, force: true });
    },
  };
}
