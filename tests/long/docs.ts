import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, test } from "node:test";
import { renderTriedPage } from "../../scripts/docs/tried-page.ts";
import { readPages, type Snippet } from "../repo/snippets.ts";
import { writeFigures } from "./figures.ts";

const toolMs = 600_000;
const folder = mkdtempSync(join(tmpdir(), "tokligence-docs-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const pages = readPages();
const programs = (languages: readonly string[]): Snippet[] =>
  pages.flatMap(({ snippets }) => snippets.filter(({ language }) => languages.includes(language)));

test("TypeScript programs of the documentation have the types of the package and of the SDKs", () => {
  execFileSync(process.execPath, ["scripts/build-bundle.ts"], { timeout: toolMs, stdio: ["ignore", "ignore", "inherit"] });
  const modules = join(folder, "node_modules");
  mkdirSync(modules);
  for (const name of ["openai", "@types", "@anthropic-ai", "@google", "undici-types"])
    symlinkSync(resolve("node_modules", name), join(modules, name));
  symlinkSync(resolve("build/npm"), join(modules, "tokligence"));
  writeFileSync(join(folder, "package.json"), '{"type":"module"}');
  const whole = programs(["ts"]).filter(({ text }) => /^import .* from "(?:tokligence|openai)"/m.test(text));
  assert.ok(whole.length >= 3);
  const files = whole.map(({ page, line, text }) => {
    const file = `${page.replaceAll(/\W/g, "-")}-${line}.ts`;
    // A page goes on from one block to the next: what the first ones have made is there in the second.
    const before = text.includes("new Gateway(") || !/\bgateway\./.test(text) || text.includes("createGateway(") ? "" : goesOn;
    writeFileSync(join(folder, file), before + text);
    return file;
  });
  const options = ["--noEmit", "--strict", "--target", "es2024", "--module", "nodenext", "--types", "node", "--skipLibCheck"];
  execFileSync(process.execPath, [resolve("node_modules/typescript/bin/tsc"), ...options, ...files], {
    cwd: folder,
    stdio: "inherit",
    timeout: toolMs,
  });
});

const goesOn = 'import { Gateway } from "tokligence";\nconst gateway = new Gateway();\n';

test("Python programs of the documentation are Python", () => {
  const found = programs(["python"]);
  assert.ok(found.length > 0);
  for (const { page, line, text } of found) {
    const file = join(folder, "snippet.py");
    writeFileSync(file, text);
    execFileSync("python3", ["-c", "import ast, sys; ast.parse(open(sys.argv[1]).read(), sys.argv[2])", file, `${page}:${line}`], {
      timeout: toolMs,
    });
  }
});

test("the checks that npm test does on snippets and links pass; each page has the day and the version of this run", () => {
  const tests = ["tests/repo/snippets.test.ts", "tests/repo/links.test.ts"];
  execFileSync(process.execPath, ["--test", "--test-isolation=none", ...tests], {
    timeout: toolMs,
    stdio: ["ignore", "ignore", "inherit"],
  });
  const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { readonly version: string };
  const date = new Date().toISOString().slice(0, 10);
  const tried = Object.fromEntries(pages.map(({ page, snippets }) => [page, { date, version, snippets: snippets.length }]));
  writeFileSync("docs/tried.json", `${JSON.stringify(tried, null, 2)}\n`);
  writeFileSync("docs/tried.md", renderTriedPage(JSON.stringify(tried)));
  writeFigures("docs", { pages: pages.length, snippets: pages.reduce((sum, { snippets }) => sum + snippets.length, 0) });
});
