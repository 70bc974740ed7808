import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { generatedPages } from "../../scripts/docs/pages.ts";
import { loadSettings } from "../../src/app/config/index.ts";
import { errorTable } from "../../src/core/index.ts";
import { buildProviders, presets } from "../../src/upstream/index.ts";
import { isTestFile } from "./test-files.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

function sources(): string {
  const files = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" });
  const own = files.filter((file) => file.endsWith(".ts") && !isTestFile(file) && file !== join("core", "errors.ts"));
  return own.map((file) => readFileSync(join(root, "src", file), "utf8")).join("\n");
}

test("the generated pages are what `npm run docs` writes", async () => {
  const stale: string[] = [];
  const pages = await generatedPages();
  for (const [path, text] of pages) {
    const file = join(root, path);
    if (!existsSync(file) || readFileSync(file, "utf8") !== text) stale.push(path);
  }
  assert.deepEqual(stale, [], "run `npm run docs`");
  const examples = readdirSync(join(root, "examples")).map((name) => `examples/${name}`);
  assert.deepEqual(
    examples.filter((path) => path.endsWith(".yaml") && !pages.has(path)),
    [],
    "an example whose preset is gone",
  );
});

test("every example is a configuration that starts its provider", () => {
  for (const preset of presets) {
    const path = join(root, "examples", `${preset.name}.yaml`);
    const env = Object.fromEntries(preset.keyEnv.map((name) => [name, "key"]));
    const { settings, warnings } = loadSettings({ path, env, homeDir: root });
    const provider = buildProviders(settings.providers).find(({ name }) => name === preset.name);
    assert.deepEqual({ name: preset.name, enabled: provider?.enabled, warnings }, { name: preset.name, enabled: true, warnings: [] });
  }
});

test("every error code is used by the sources", () => {
  const text = sources();
  assert.deepEqual(
    Object.keys(errorTable).filter((code) => !text.includes(`"${code}"`)),
    [],
  );
});

test("docs/library-api.md has every name that the library exports", () => {
  const names = [...readFileSync(join(root, "src/app/index.ts"), "utf8").matchAll(/^export (?:type )?\{([^}]+)\}/gm)].flatMap(
    ([, list = ""]) => list.split(",").map((name) => name.trim().replace(/^type /, "")),
  );
  const page = readFileSync(join(root, "docs/library-api.md"), "utf8");
  assert.ok(names.length > 20);
  assert.deepEqual(
    names.filter((name) => !page.includes(`\n## ${name}\n`)),
    [],
    "run `npm run build:bundle`",
  );
});
