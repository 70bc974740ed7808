import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** Idioms that a newcomer does not understand at first reading, and what to write instead. */
const idioms: readonly (readonly [idiom: RegExp, instead: string])[] = [
  [/\b(?:is|are|was|were|be|been|being) told\b/i, "is reported"],
  [/\bwhere left out\b/i, "if omitted"],
  [/\bwhere there (?:is|are) (?:none|no)\b/i, "if there is none"],
  [/\blet(?:s|ting)? go of\b/i, "releases"],
  [/\bof its own accord\b/i, "by itself"],
  [/\bnobody knows what\b/i, "unknown"],
  [/\bwait(?:s)? (?:so long )?for company\b/i, "flush delay"],
  [/\bwhoever\b/i, "the caller, the process, the user: name who it is"],
  [/\bin silence\b/i, "without a message"],
  [/\bmay hold\b/i, "may contain"],
  [/\btold (?:from|apart|of|as)\b/i, "distinguished from, reported"],
  [/\bfor so long\b/i, "for this time: name the number"],
  [/\bso many (?:of|that)?\b/i, "the name of the number"],
];

/** What people read in a source file: comments, and texts in quotes that have a space. */
function wordsOf(source: string): string {
  const found = source.match(/\/\*[\s\S]*?\*\/|\/\/[^\n]*|(["'`])(?:(?!\1)[^\\\n]|\\.)* (?:(?!\1)[^\\\n]|\\.)*\1/g) ?? [];
  return found.map((text) => text.replaceAll(/\n\s*(?:\/\/|\*)\s*/g, " ")).join("\n");
}

function idiomsIn(text: string): string[] {
  return idioms.flatMap(([idiom, instead]) => {
    const found = idiom.exec(text);
    return found === null ? [] : [`"${found[0]}": write "${instead}"`];
  });
}

test("comments, messages and pages are in plain English", () => {
  const paths = globSync(["src/**/*.ts", "bench/**/*.ts", "tests/testbed/**/*.ts", "scripts/**/*.ts", "bin/*.js", "docs/**/*.md", "*.md"], {
    cwd: root,
  }).map((path) => path.replaceAll("\\", "/"));
  assert.ok(paths.length > 500, `${paths.length} files`);
  const found = paths.flatMap((path) => {
    const text = readFileSync(new URL(path, `file://${root}`), "utf8");
    return idiomsIn(path.endsWith(".md") ? text : wordsOf(text)).map((idiom) => `${path}: ${idiom}`);
  });
  assert.deepEqual(found, []);
});

test("idioms are found in comments, in strings and across lines, and not in code", () => {
  const source =
    'const told = isTold;\n/**\n * Nothing is\n * told here. */\n// 10 where left out\nthrow new Error("it lets go of the file");';
  assert.deepEqual(idiomsIn(wordsOf(source)), [
    '"is told": write "is reported"',
    '"where left out": write "if omitted"',
    '"lets go of": write "releases"',
  ]);
  assert.deepEqual(idiomsIn(wordsOf("const isTold = whoever + told;")), []);
});
