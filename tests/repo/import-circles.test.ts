import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { isTestFile } from "./test-files.ts";

const src = fileURLToPath(new URL("../../src", import.meta.url));

type Graph = ReadonlyMap<string, readonly string[]>;

/** Every relative import of a file, of types as well as of values. */
function importsOf(file: string, text: string): string[] {
  const found: string[] = [];
  for (const match of text.matchAll(/\b(?:from|import)\s*\(?\s*"(\.{1,2}\/[^"]+)"/g)) found.push(normalize(join(dirname(file), match[1]!)));
  return found;
}

/** The first circle of imports, as the files along it; `undefined` if there is none. */
function findCircle(graph: Graph): readonly string[] | undefined {
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string): readonly string[] | undefined => {
    const at = path.indexOf(file);
    if (at >= 0) return [...path.slice(at), file];
    if (done.has(file)) return undefined;
    path.push(file);
    for (const next of graph.get(file) ?? []) {
      const circle = visit(next);
      if (circle !== undefined) return circle;
    }
    path.pop();
    done.add(file);
    return undefined;
  };
  for (const file of graph.keys()) {
    const circle = visit(file);
    if (circle !== undefined) return circle;
  }
  return undefined;
}

test("a circle is found, of types too", () => {
  const graph = new Map([
    ["a.ts", importsOf("a.ts", 'import type { B } from "./b.ts";')],
    ["b.ts", importsOf("b.ts", 'export { c } from "./sub/c.ts";')],
    ["sub/c.ts", importsOf("sub/c.ts", 'const a = await import("../a.ts");')],
  ]);
  assert.deepEqual(findCircle(graph), ["a.ts", "b.ts", "sub/c.ts", "a.ts"]);
});

test("no import in src leads back to its own file, of types either", () => {
  const graph = new Map<string, readonly string[]>();
  for (const file of readdirSync(src, { recursive: true, encoding: "utf8" })) {
    if (file.endsWith(".ts") && !isTestFile(file)) graph.set(file, importsOf(file, readFileSync(join(src, file), "utf8")));
  }
  assert.deepEqual(findCircle(graph), undefined);
});
