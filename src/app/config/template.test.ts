import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { homeDir, makeFile, makeFolder } from "./testing.ts";
import { initConfig } from "./init.ts";
import { loadSettings } from "./load.ts";
import { fixedLeaves, providerLeaves } from "./schema-tree.ts";
import { renderConfigFile } from "./template.ts";
import { getAt } from "./tree.ts";
import type { Value } from "../../settings/index.ts";

/** With all settings switched on that are switched off. */
const allOn = renderConfigFile().replaceAll(/^( *)#(?! )/gm, "$1");

test("the file that init writes is the defaults, written out", (t) => {
  const path = makeFile(t, renderConfigFile());
  const env = { OPENAI_API_KEY: "sk-1" };
  const { settings, warnings } = loadSettings({ path, env, homeDir });
  const defaults = loadSettings({ env, homeDir }).settings;
  const withoutReasons = (providers: typeof settings.providers): object[] =>
    providers.map((provider) => ({ ...provider, enabled: true, disabledReason: "", keys: provider.keys.length }));
  assert.deepEqual(
    { ...settings, database: defaults.database, providers: withoutReasons(settings.providers), shown: defaults.shown },
    { ...defaults, providers: withoutReasons(defaults.providers) },
  );
  assert.deepEqual([settings.database, warnings], [{ type: "sqlite", path: join(dirname(path), "gateway.db") }, []]);
  assert.deepEqual(
    settings.providers.map(({ name, disabledReason }) => [name, disabledReason]),
    [
      ["openai", undefined],
      ["anthropic", "ANTHROPIC_API_KEY is not set"],
      ["google", "GOOGLE_API_KEY is not set"],
    ],
  );
});

test("detected servers are active, each under a name of its own, and not shown as an example too", (t) => {
  const text = renderConfigFile({
    detected: [
      { preset: "ollama", baseUrl: "http://127.0.0.1:11434/v1" },
      { preset: "llama.cpp", baseUrl: "http://127.0.0.1:8080/v1" },
      { preset: "ollama", baseUrl: "http://127.0.0.1:9/v1", name: "ollama" },
    ],
  });
  const { providers } = loadSettings({ path: makeFile(t, text), env: {}, homeDir }).settings;
  assert.deepEqual(
    providers.slice(3).map(({ name, preset, baseUrl, enabled }) => [name, preset, baseUrl, enabled]),
    [
      ["ollama", "ollama", "http://127.0.0.1:11434/v1", true],
      ["llama.cpp", "llama.cpp", "http://127.0.0.1:8080/v1", true],
      ["ollama-2", "ollama", "http://127.0.0.1:9/v1", true],
    ],
  );
  assert.equal(text.match(/#ollama:/), null);
});

/** Puts the file of prices that the template names beside the configuration. */
function withPrices(path: string): string {
  writeFileSync(join(dirname(path), "model_prices_and_context_window.json"), "{}");
  return path;
}

test("all that is switched off is valid when switched on", (t) => {
  const text = allOn.replace("type: sqlite", "type: postgresql").replace(/^ +url: .*\n/m, "");
  const env = { DATABASE_PASSWORD: "pw", MY_SERVER_KEY: "k", REDIS_URL: "redis://localhost", SMTP_PASSWORD: "p", OIDC_CLIENT_SECRET: "s" };
  const { settings } = loadSettings({ path: withPrices(makeFile(t, text)), env, homeDir });
  assert.deepEqual(
    settings.providers.map((provider) => provider.name),
    ["openai", "anthropic", "google", "azure", "openrouter", "ollama", "my-server"],
  );
  const url = allOn.replace("type: sqlite", "type: postgresql").replaceAll(/^ {2}(?:host|port|database|username|password): .*\n/gm, "");
  const loaded = loadSettings({ path: withPrices(makeFile(t, url)), env: { ...env, DATABASE_URL: "postgres://u@h/d" }, homeDir });
  assert.equal(loaded.settings.database.postgresql?.url?.reveal(), "postgres://u@h/d");
});

test("what is switched off shows the default", () => {
  const written = parse(allOn) as Value;
  const examples = new Set([
    "gateway.logging.file",
    "gateway.cors",
    "database.path",
    "database.tls",
    "model_provider_routes",
    "model_aliases",
    "model_traits",
    "models",
    "fallbacks",
    "auth.oidc.roles",
    "canaries.models",
    "prices",
  ]);
  for (const { path, leaf } of fixedLeaves) {
    const name = path.join(".");
    if (leaf.defaultValue !== undefined && !examples.has(name)) assert.deepEqual(getAt(written, path), leaf.defaultValue, name);
  }
});

test("every setting is in the file, on or off", () => {
  const written = parse(allOn) as Value;
  for (const { path } of fixedLeaves) {
    if (path.join(".") !== "gateway.logging.file") assert.notEqual(getAt(written, path), undefined, path.join("."));
  }
  for (const { path } of [...providerLeaves, { path: ["file"] }]) assert.match(allOn, new RegExp(`\\b${path.at(-1)!}:`), path.join("."));
});

test("init writes the file for the user alone, once, and leaves nothing else behind", { skip: process.platform === "win32" }, (t) => {
  const folder = makeFolder(t);
  const path = join(folder, "tokligence/config.yaml");
  const input = { env: { XDG_CONFIG_HOME: folder }, homeDir };
  assert.deepEqual(initConfig({ ...input, dryRun: true }), { created: true, path });
  assert.deepEqual(initConfig(input), { created: true, path });
  assert.deepEqual([statSync(path).mode & 0o777, statSync(dirname(path)).mode & 0o777], [0o600, 0o700]);
  assert.equal(readFileSync(path, "utf8"), renderConfigFile());
  writeFileSync(path, "mine");
  assert.deepEqual(initConfig(input), { created: false, path });
  assert.deepEqual(initConfig({ ...input, dryRun: true }), { created: false, path });
  assert.equal(readFileSync(path, "utf8"), "mine");
  assert.deepEqual(readdirSync(dirname(path)), ["config.yaml"]);
});

test(
  "init says what the file system says where it cannot write",
  { skip: process.platform === "win32" || process.getuid?.() === 0 },
  (t) => {
    const folder = join(makeFolder(t), "closed");
    mkdirSync(folder);
    chmodSync(folder, 0o500);
    assert.throws(() => initConfig({ path: join(folder, "config.yaml"), env: {}, homeDir }), { code: "EACCES" });
  },
);
