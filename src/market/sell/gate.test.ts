import assert from "node:assert/strict";
import { test } from "node:test";
import { Secret } from "../../core/index.ts";
import type { ProtocolId } from "../../ir/index.ts";
import { protocols } from "../../protocols/index.ts";
import { buildProviders, presets } from "../../upstream/index.ts";
import { withOutputLimit } from "../output-bound.ts";
import { resaleSource } from "./gate.ts";

function sourceOf(name: string, baseUrl: string | undefined, contract?: string, protocol: ProtocolId = "openai-chat"): string {
  const settings = { name, enabled: true, protocols: [protocol], keys: [new Secret("k")] };
  const provider = buildProviders([baseUrl === undefined ? settings : { ...settings, baseUrl }]).find((one) => one.name === name)!;
  try {
    return resaleSource(provider, { contract });
  } catch {
    return "refused";
  }
}

test("one's own machines are sold, a vendor's API only with a contract, and what was bought never", () => {
  const own = ["http://localhost:8000/v1", "http://192.168.1.9/v1", "http://172.31.0.1/v1", "http://[fd00::1]/v1", "http://rig:8000/v1"];
  for (const url of own) assert.equal(sourceOf("rig", url), "self-hosted", url);
  const vendors = [
    "https://api.openai.com/v1",
    "http://8.8.8.8/v1",
    "http://172.32.0.1/v1",
    "http://10.example.com/v1",
    "http://[2001:db8::1]/v1",
  ];
  for (const url of vendors) {
    assert.deepEqual([sourceOf("x", url), sourceOf("x", url, " "), sourceOf("x", url, "C-1")], ["refused", "refused", "contract"], url);
  }
  assert.equal(sourceOf("openai", undefined), "refused");
  assert.deepEqual([sourceOf("@bob", "http://192.168.1.9/v1"), sourceOf("@bob", "http://192.168.1.9/v1", "C-1")], ["refused", "refused"]);
});

test("no combination of flags offers what a vendor sells, without a contract; with one, the offer says so", () => {
  const flags = [undefined, "", " ", "\t", "same-organisation", "C-1"];
  const refusedOf = new Set<string>();
  for (const {
    name,
    protocols: [protocol],
    baseUrls,
  } of presets.filter((preset) => preset.keyEnv.length > 0)) {
    for (const contract of flags) {
      for (const baseUrl of [baseUrls[protocol!] ?? "https://x.example.com/v1", "https://api.example.com/v1"]) {
        const found = sourceOf(name, baseUrl, contract, protocol);
        assert.notEqual(found, "self-hosted", `${name} ${contract} ${baseUrl}`);
        assert.equal(found === "contract", (contract ?? "").trim() !== "", `${name} ${contract} ${baseUrl}`);
        if (found === "refused") refusedOf.add(name);
      }
    }
  }
  assert.ok(refusedOf.size > 15);
});

test("a buyer's limit of output is set where a body has none, in each dialect, and its own stays", () => {
  const limited = (id: "openai-chat" | "anthropic-messages" | "gemini-generate", body: string): string =>
    withOutputLimit(protocols.get(id)!, body, 100);
  assert.deepEqual(
    [
      limited("openai-chat", '{"model":"m"}'),
      limited("openai-chat", '{"max_completion_tokens":7}'),
      limited("openai-chat", '{"max_tokens":null}'),
      limited("anthropic-messages", '{"max_tokens":7}'),
      limited("gemini-generate", '{"contents":[]}'),
      limited("gemini-generate", '{"generationConfig":{"maxOutputTokens":7}}'),
    ],
    [
      '{"max_tokens":100,"model":"m"}',
      '{"max_completion_tokens":7}',
      '{"max_tokens":100}',
      '{"max_tokens":7}',
      '{"generationConfig":{"maxOutputTokens":100},"contents":[]}',
      '{"generationConfig":{"maxOutputTokens":7}}',
    ],
  );
});
