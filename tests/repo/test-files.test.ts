import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { isTestFile } from "./test-files.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const files = globSync(["src/**/*.ts", "tests/**/*.ts", "bench/**/*.ts", "scripts/**/*.ts"], {
  cwd: root,
  exclude: (path) => path.includes("node_modules"),
}).map((path) => path.replaceAll("\\", "/"));

/** Each import as [importing file, imported file]. */
const imports = files.flatMap((file) => {
  const text = readFileSync(join(root, file), "utf8");
  return [...text.matchAll(/\b(?:from|import)\s*\(?\s*"(\.{1,2}\/[^"]+)"/g)].map(
    ([, path = ""]) => [file, normalize(join(dirname(file), path)).replaceAll("\\", "/")] as const,
  );
});

test("a file named *.test.ts has tests and nothing that other files use; helpers for tests are named testing.ts", () => {
  assert.ok(imports.length > 1000, `${imports.length} imports`);
  assert.deepEqual(
    imports.filter(([, imported]) => imported.endsWith(".test.ts")),
    [],
  );
});

test("the program imports no helpers for tests", () => {
  assert.deepEqual(
    imports.filter(([file, imported]) => file.startsWith("src/") && !isTestFile(file) && isTestFile(imported)),
    [],
  );
});
