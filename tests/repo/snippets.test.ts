import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { parseSync } from "oxc-parser";
import { parse } from "yaml";
import { loadSettings } from "../../src/app/config/index.ts";
import { createGateway, type EmbeddedGateway } from "../../src/app/index.ts";
import { helpOf } from "./command-help.ts";
import { readCurl, readPages, tokligenceCommands, type Snippet } from "./snippets.ts";

/** Sections of files that are no configuration of the gateway: Prometheus' and that of Continue. */
const otherYaml = new Set(["rule_files", "scrape_configs"]);

/** What a variable of a snippet may contain, by its name. */
function valueOf(name: string): string {
  if (name.includes("HOOK")) return "https://example.com/hook";
  if (name.includes("REDIS")) return "redis://localhost:6379/0";
  if (name.includes("DATABASE")) return "postgresql://tokligence@localhost/tokligence";
  return "a-value-of-forty-characters-for-a-secret";
}

const pages = readPages();
const snippets = (language: string): Snippet[] => pages.flatMap((page) => page.snippets.filter((snippet) => snippet.language === language));
const where = ({ page, line }: Snippet): string => `${page}:${line}`;

const folder = mkdtempSync(join(tmpdir(), "tokligence-snippets-"));
let gateway: EmbeddedGateway;
before(async () => {
  gateway = await createGateway({ env: {}, settings: { database: { path: join(folder, "gateway.db") } } });
});
after(async () => {
  await gateway.close();
  rmSync(folder, { recursive: true });
});

/** What is wrong with each, as far as something is. */
function faults(found: readonly Snippet[], check: (snippet: Snippet) => void): string[] {
  assert.ok(found.length > 0);
  return found.flatMap((snippet) => {
    try {
      check(snippet);
      return [];
    } catch (error) {
      return [`${where(snippet)}: ${(error as Error).message}`];
    }
  });
}

test("each JSON snippet of the documentation is JSON", () => {
  assert.deepEqual(
    faults(snippets("json"), ({ text }) => void JSON.parse(text)),
    [],
  );
});

test("each YAML snippet of the documentation is a configuration", () => {
  const check = ({ text, page }: Snippet): void => {
    const tree = parse(text) as Record<string, unknown>;
    if (Object.keys(tree).some((key) => otherYaml.has(key)) || text.startsWith("# Continue")) return;
    const names = [...text.matchAll(/\$\{(\w+)/g)].map(([, name]) => [name!, valueOf(name!)] as const);
    // A snippet may show one section, which needs others that the page names in words.
    const { warnings } = loadSettings({ text, path: join(folder, "config.yaml"), env: Object.fromEntries(names), homeDir: folder });
    assert.deepEqual(warnings, [], page);
  };
  assert.deepEqual(faults(snippets("yaml"), check), []);
});

test("each command of a shell snippet exists with its options", async () => {
  const missing: string[] = [];
  let count = 0;
  for (const snippet of [...snippets("sh"), ...snippets("")]) {
    for (const { program, words } of tokligenceCommands(snippet.text)) {
      count += 1;
      const { path, help } = await helpOf(program, words);
      const options = words.filter((word) => /^--?[a-z]/.test(word)).map((word) => word.split("=")[0]!);
      if (help === undefined) missing.push(`${where(snippet)}: ${program} ${words.join(" ")}`);
      else
        for (const option of options)
          if (!new RegExp(`(?:^|[\\s,])${option}(?![\\w-])`, "m").test(help))
            missing.push(`${where(snippet)}: ${program} ${path.join(" ")} ${option}`);
    }
  }
  assert.ok(count > 20);
  assert.deepEqual(missing, []);
});

test("each curl snippet is answered", async () => {
  const found = [...snippets("sh"), ...snippets("")].flatMap((snippet) => readCurl(snippet.text).map((call) => ({ snippet, call })));
  assert.ok(found.length >= 3);
  const refused: string[] = [];
  for (const { snippet, call } of found) {
    const headers = new Headers(call.headers);
    for (const name of ["authorization", "x-api-key", "x-goog-api-key"])
      if (headers.has(name)) headers.set(name, name === "authorization" ? `Bearer ${gateway.apiKey!}` : gateway.apiKey!);
    const response = await gateway.fetch(
      new Request(call.url, { method: call.method, headers, ...(call.body === undefined ? {} : { body: call.body }) }),
    );
    const text = await response.text();
    if (!response.ok) refused.push(`${where(snippet)}: ${response.status} ${text.slice(0, 200)}`);
  }
  assert.deepEqual(refused, []);
});

test("each TypeScript and JavaScript snippet can be parsed", () => {
  const check = ({ text, page }: Snippet): void => {
    // Pages about types show members and values without their statements.
    const forms = [
      text,
      `const value = ${text}`,
      `declare ${text}`,
      `interface Shown {\n${text}\n}`,
      `const value = {\n${text}\n}`,
      `const value = [\n${text}\n]`,
    ];
    const errors = forms.map((form) => parseSync("snippet.ts", form).errors);
    assert.ok(
      errors.some((list) => list.length === 0),
      `${page}: ${errors[0]?.[0]?.message}`,
    );
  };
  assert.deepEqual(faults([...snippets("ts"), ...snippets("js")], check), []);
});
