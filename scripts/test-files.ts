import { suite } from "node:test";
import { relative, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { manageRun } from "../tests/testbed/end-of-run.ts";

/**
 * The entry of one process of tests: a suite for each file of `TEST_FILES`, a JSON list of paths. Node's runner alone would call the `before` hooks of all
 * files before the first test, and their `after` hooks after the last one: some sixty gateways would run at the same time, and slow each other down.
 */
const files = JSON.parse(process.env["TEST_FILES"] ?? "[]") as readonly string[];

/** A file as a whole may take as long as the run: its tests have their own limits, and the first file also waits until all others are loaded. */
const timeout = Number(process.env["TEST_LIMIT_MS"]);

manageRun();
for (const file of files) {
  const path = resolve(file);
  suite(relative(process.cwd(), path), { timeout }, async () => {
    await import(pathToFileURL(path).href);
  });
}
