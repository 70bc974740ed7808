import assert from "node:assert/strict";
import { test } from "node:test";
import { Secret } from "../../core/index.ts";
import { buildProviders } from "../../upstream/index.ts";
import { resaleSource } from "./gate.ts";

function sourceOf(name: string, baseUrl: string | undefined, contract?: string): string {
  const settings = { name, enabled: true, protocols: ["openai-chat" as const], keys: [new Secret("k")] };
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
