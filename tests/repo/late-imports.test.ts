import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { findPackageJSON } from "node:module";
import { pathToFileURL } from "node:url";
import { test } from "node:test";

/*
 * Packages that are loaded only when they are needed. In the bundle, a CommonJS package that is imported so has a default export alone: its names are missing, which only a run of the bundle would show.
 */

const lateImport = /^.*import\("((?:@[\w-]+\/)?[a-z][\w-]*)"\).*$/gm;

function isCommonJs(name: string): boolean {
  const file = findPackageJSON(name, pathToFileURL(`${process.cwd()}/src/`));
  assert.ok(file !== undefined, `${name} is not installed`);
  const { type, exports } = JSON.parse(readFileSync(file, "utf8")) as { readonly type?: string; readonly exports?: unknown };
  return type !== "module" && !JSON.stringify(exports ?? "").includes('"import"');
}

/** Lines that import a CommonJS package late and do not take its default export. */
function findUnsafe(text: string): readonly string[] {
  return [...text.matchAll(lateImport)]
    .filter(([line, name]) => !/\bdefault\b/.test(line) && isCommonJs(name!))
    .map(([line]) => line.trim());
}

test("a CommonJS package that is loaded late is used by its default export", () => {
  const files = globSync("src/**/*.ts").filter((file) => !file.endsWith(".test.ts"));
  const late = files.flatMap((file) => [...readFileSync(file, "utf8").matchAll(lateImport)]);
  assert.ok(late.length >= 4, "late imports are found");
  assert.deepEqual(
    files.flatMap((file) => findUnsafe(readFileSync(file, "utf8")).map((line) => `${file}: ${line}`)),
    [],
  );
});

test("such a line is found", () => {
  assert.deepEqual(findUnsafe('  const { Registry } = await import("prom-client");\n'), [
    'const { Registry } = await import("prom-client");',
  ]);
  assert.deepEqual(
    findUnsafe('const { Registry } = (await import("prom-client")).default;\nconst a = await import("openid-client");\n'),
    [],
  );
});
