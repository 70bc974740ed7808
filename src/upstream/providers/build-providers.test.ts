import assert from "node:assert/strict";
import { test } from "node:test";
import { Secret } from "../../core/index.ts";
import { protocolIds } from "../../ir/index.ts";
import type { ProviderSettings } from "./build-providers.ts";
import { buildProviders, defaultTimeouts, loopbackProvider, ProviderSettingsError } from "./build-providers.ts";
import { findPreset, presets } from "./presets.ts";
import type { Provider } from "../types.ts";

function build(settings: Omit<ProviderSettings, "enabled" | "keys"> & Partial<ProviderSettings>): Provider {
  return buildProviders([{ enabled: true, keys: [new Secret("sk-1")], ...settings }]).at(-1)!;
}

function refusal(settings: Omit<ProviderSettings, "enabled" | "keys"> & Partial<ProviderSettings>): unknown[] {
  try {
    build(settings);
  } catch (error) {
    assert.ok(error instanceof ProviderSettingsError);
    return [error.provider, error.setting, error.message];
  }
  return assert.fail("it was built");
}

test("a provider named like a preset needs only a key", () => {
  const { keys, traits: _traits, modelQuirks: _quirks, ...rest } = build({ name: "openai" });
  assert.deepEqual(rest, {
    name: "openai",
    enabled: true,
    protocols: ["openai-responses", "openai-chat"],
    baseUrls: { "openai-responses": "https://api.openai.com/v1", "openai-chat": "https://api.openai.com/v1" },
    models: [],
    modelPatterns: findPreset("openai")!.modelPatterns,
    headers: [],
    query: [],
    timeouts: defaultTimeouts,
    quirks: { answerHeaders: ["x-codex-", "x-models-etag", "x-reasoning-included"] },
    builtin: false,
  });
  assert.deepEqual(
    keys.map((key) => [key.id, key.secret.reveal()]),
    [["openai#1", "sk-1"]],
  );
});

test("the built-in provider comes first and its name cannot be configured", () => {
  assert.deepEqual(buildProviders([]), [loopbackProvider]);
  assert.deepEqual(refusal({ name: "loopback", protocols: ["openai-chat"], baseUrl: "http://localhost/v1" }), [
    "loopback",
    "name",
    "Provider loopback: the name is taken by the built-in provider; choose another.",
  ]);
});

const baseUrlRows: readonly (readonly [given: string, chat: string, anthropic: string, gemini: string])[] = [
  ["http://h:1", "http://h:1/v1", "http://h:1", "http://h:1"],
  ["http://h:1/", "http://h:1/v1", "http://h:1", "http://h:1"],
  ["http://h:1/v1", "http://h:1/v1", "http://h:1", "http://h:1"],
  ["http://h:1/v1/", "http://h:1/v1", "http://h:1", "http://h:1"],
  ["http://h:1/v1beta", "http://h:1/v1beta", "http://h:1", "http://h:1"],
  ["https://h/api/v1//", "https://h/api/v1", "https://h/api", "https://h/api"],
  ["https://h/api", "https://h/api", "https://h/api", "https://h/api"],
  ["https://H:443/v1", "https://h/v1", "https://h", "https://h"],
];

for (const [given, chat, anthropic, gemini] of baseUrlRows) {
  test(`base_url ${given} works for every protocol`, () => {
    const provider = build({ name: "own", protocols: protocolIds, baseUrl: given });
    assert.deepEqual(provider.baseUrls, {
      "openai-chat": chat,
      "openai-responses": chat,
      "anthropic-messages": anthropic,
      "gemini-generate": gemini,
    });
  });
}

test("a base_url per protocol is used as written, and only those protocols are served", () => {
  const provider = build({
    name: "deepseek",
    baseUrl: { "openai-chat": "https://h", "anthropic-messages": "https://h/anthropic/v1/" },
  });
  assert.deepEqual(provider.baseUrls, { "openai-chat": "https://h", "anthropic-messages": "https://h/anthropic" });
  assert.deepEqual(build({ name: "openrouter", baseUrl: { "openai-chat": "https://h/v1" } }).protocols, ["openai-chat"]);
});

test("another host drops the vendor's protocols at other hosts, so that the key is sent only to that host", () => {
  const moved = build({ name: "deepseek", baseUrl: "https://proxy.example/v1" });
  assert.deepEqual([moved.protocols, moved.baseUrls], [["openai-chat"], { "openai-chat": "https://proxy.example/v1" }]);
  const same = build({ name: "deepseek", baseUrl: "https://api.deepseek.com/v1/" });
  assert.deepEqual(same.baseUrls, findPreset("deepseek")!.baseUrls);
  const both = build({ name: "openrouter", baseUrl: "https://eu.openrouter.ai/api/v1" });
  assert.deepEqual(both.baseUrls, {
    "openai-chat": "https://eu.openrouter.ai/api/v1",
    "anthropic-messages": "https://eu.openrouter.ai/api",
  });
});

test("Azure accepts its resource's address with or without the path", () => {
  for (const baseUrl of ["https://r.openai.azure.com", "https://r.openai.azure.com/openai/v1/"]) {
    const provider = build({ name: "azure", baseUrl });
    assert.deepEqual(provider.baseUrls, {
      "openai-responses": "https://r.openai.azure.com/openai/v1",
      "openai-chat": "https://r.openai.azure.com/openai/v1",
    });
    assert.equal(provider.quirks.keyHeader, "api-key");
  }
});

test("the error for invalid settings names the provider, the setting and the remedy", () => {
  assert.deepEqual(refusal({ name: "mine", baseUrl: "http://h" }), [
    "mine",
    "protocols",
    `Provider mine: protocols is required, as there is no preset of that name: list one or more of ${protocolIds.join(", ")}.`,
  ]);
  assert.deepEqual(refusal({ name: "mine", protocols: ["openai-chat"] }), [
    "mine",
    "base_url",
    "Provider mine: base_url is required for openai-chat.",
  ]);
  assert.deepEqual(refusal({ name: "azure" }), [
    "azure",
    "base_url",
    "Provider azure: base_url is required for openai-responses, e.g. https://YOUR-RESOURCE.openai.azure.com/openai/v1.",
  ]);
  assert.deepEqual(refusal({ name: "mine", preset: "opnai" }).slice(0, 2), ["mine", "preset"]);
  assert.deepEqual(refusal({ name: "a/b", preset: "openai" }).slice(0, 2), ["a/b", "name"]);
  assert.deepEqual(refusal({ name: "mine", preset: "openai", baseUrl: "ftp://h" }).slice(0, 2), ["mine", "base_url"]);
  assert.deepEqual(refusal({ name: "mine", preset: "openai", headers: [["x y", "1"]] }).slice(0, 2), ["mine", "headers"]);
  assert.deepEqual(refusal({ name: "mine", preset: "openai", headers: [["content-length", "1"]] }).slice(0, 2), ["mine", "headers"]);
  assert.deepEqual(refusal({ name: "mine", preset: "openai", headers: [["x-a", "1\r\n2"]] }).slice(0, 2), ["mine", "headers"]);
  assert.throws(() => buildProviders([base("twice"), base("twice")]), /Provider twice: the name is used twice/);
});

function base(name: string): ProviderSettings {
  return { name, preset: "openai", enabled: true, keys: [new Secret("k")] };
}

test("a base_url with credentials is refused without repeating them", () => {
  const [, , message] = refusal({ name: "mine", preset: "openai", baseUrl: "https://user:hunter2@h/v1" });
  assert.equal(message, "Provider mine: base_url must not contain credentials: put the key in api_key.");
});

test("the line break after a key is removed; a key that a header cannot carry is refused without being shown", () => {
  assert.equal(build({ name: "openai", keys: [new Secret("sk-9\n")] }).keys[0]!.secret.reveal(), "sk-9");
  assert.deepEqual(refusal({ name: "openai", keys: [new Secret("sk\n9")] }), [
    "openai",
    "api_key",
    "Provider openai: key 1 is empty or contains characters that a header cannot carry.",
  ]);
});

test("a vendor without a key is disabled and names the variables to set; a self-hosted server is not disabled", () => {
  const provider = build({ name: "google", keys: [] });
  assert.deepEqual(
    [provider.enabled, provider.disabledReason],
    [false, "it has no key: set api_key, or TOKLIGENCE_GOOGLE_API_KEY or GOOGLE_API_KEY or GEMINI_API_KEY in the environment"],
  );
  assert.equal(build({ name: "google", keys: [], baseUrl: "http://127.0.0.1:9" }).enabled, true);
  assert.equal(build({ name: "ollama", keys: [] }).enabled, true);
  assert.deepEqual(
    build({ name: "openai", enabled: false, disabledReason: "OPENAI_API_KEY is not set" }).disabledReason,
    "OPENAI_API_KEY is not set",
  );
});

test("every preset builds, by its name and its other names", () => {
  for (const preset of presets) {
    for (const name of [preset.name, ...(preset.aliases ?? []), preset.name.toUpperCase()]) {
      const provider = build({ name, ...(preset.baseUrlExample === undefined ? {} : { baseUrl: preset.baseUrlExample }) });
      assert.deepEqual([name, provider.protocols], [name, preset.protocols]);
      for (const protocol of provider.protocols) assert.match(provider.baseUrls[protocol]!, /^https?:\/\/[^/]+(\/[a-z0-9]+)*$/);
    }
  }
});

test("two presets never claim the same name or the same model pattern", () => {
  const names = presets.flatMap((preset) => [preset.name, ...(preset.aliases ?? [])]);
  const patterns = presets.flatMap((preset) => preset.modelPatterns.filter((pattern) => !pattern.startsWith("!")));
  assert.equal(new Set(names).size, names.length);
  assert.equal(new Set(patterns).size, patterns.length);
});
