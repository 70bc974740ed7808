import assert from "node:assert/strict";
import { test } from "node:test";
import { Secret } from "../../core/index.ts";
import type { ProtocolId } from "../../ir/index.ts";
import { protocols } from "../../protocols/index.ts";
import { buildProviders, presets, type Provider } from "../../upstream/index.ts";
import { withOutputLimit } from "../output-bound.ts";
import { resaleSource } from "./gate.ts";

interface Asked {
  readonly name?: string;
  readonly baseUrl?: string | undefined;
  readonly contract?: string | undefined;
  readonly isSameOrganisation?: boolean;
  readonly key?: string;
  readonly headers?: readonly (readonly [string, string])[];
  readonly protocol?: ProtocolId;
  readonly model?: string;
  readonly licence?: string;
  readonly isFree?: boolean;
}

const built = new Map<string, Provider>();

function providerOf(name: string, baseUrl: string | undefined, protocol: ProtocolId): Provider {
  const key = `${name} ${baseUrl} ${protocol}`;
  const settings = { name, enabled: true, protocols: [protocol], keys: [new Secret("k")] };
  const found =
    built.get(key) ?? buildProviders([baseUrl === undefined ? settings : { ...settings, baseUrl }]).find((one) => one.name === name)!;
  built.set(key, found);
  return found;
}

function sourceOf({ name = "x", baseUrl, key = "k", headers = [], protocol = "openai-chat", model = "qwen3", ...more }: Asked): string {
  const provider = { ...providerOf(name, baseUrl, protocol), headers, keys: [{ id: "k", secret: new Secret(key) }] };
  const { contract, isSameOrganisation, licence, isFree } = more;
  try {
    return resaleSource(provider, { contract, isSameOrganisation }, { upstreamModel: model, licence, isFree });
  } catch {
    return "refused";
  }
}

test("one's own machines are sold, a vendor's API only with a contract, and what was bought never", () => {
  const own = ["http://localhost:8000/v1", "http://192.168.1.9/v1", "http://172.31.0.1/v1", "http://[fd00::1]/v1", "http://rig:8000/v1"];
  for (const baseUrl of own) assert.equal(sourceOf({ baseUrl }), "self-hosted", baseUrl);
  const vendors = [
    "https://api.openai.com/v1",
    "http://8.8.8.8/v1",
    "http://172.32.0.1/v1",
    "http://10.example.com/v1",
    "http://[2001:db8::1]/v1",
  ];
  for (const baseUrl of vendors) {
    const found = [sourceOf({ baseUrl }), sourceOf({ baseUrl, contract: " " }), sourceOf({ baseUrl, contract: "C-1" })];
    assert.deepEqual(found, ["refused", "refused", "contract"], baseUrl);
  }
  assert.equal(sourceOf({ name: "openai" }), "refused");
  const bought = { name: "@bob", baseUrl: "http://192.168.1.9/v1" };
  assert.deepEqual([sourceOf(bought), sourceOf({ ...bought, contract: "C-1", isSameOrganisation: true })], ["refused", "refused"]);
});

const subscriptions: readonly Partial<Asked>[] = [
  { key: "sk-ant-oat01-abc" },
  { key: "Bearer sk-ant-ort01-abc" },
  { key: "ya29.a0Af" },
  { key: "gho_abc" },
  { key: "eyJhbGciOiJSUzI1NiJ9.eyJhdWQi.sig" },
  { headers: [["authorization", "Bearer sk-ant-oat01-abc"]] },
  { headers: [["ChatGPT-Account-Id", "1"]] },
  { headers: [["anthropic-beta", "oauth-2025-04-20"]] },
  { baseUrl: "https://chatgpt.com/backend-api/codex" },
  { baseUrl: "https://api.individual.githubcopilot.com" },
];

const contracts = [undefined, "", " ", "same-organisation", "C-1"];
const urls = [undefined, "https://api.example.com/v1", "http://127.0.0.1:8000/v1"];
const licences = ["", "MIT", "CC-BY-NC-4.0", "non-commercial"];

/** Every combination of what a request to share may say, for every vendor that has keys. */
function* combinations(): Iterable<Asked> {
  for (const { name, protocols: offered, baseUrls } of presets.filter((preset) => preset.keyEnv.length > 0))
    for (const contract of contracts)
      for (const isSameOrganisation of [false, true])
        for (const url of urls)
          for (const licence of licences)
            for (const model of ["qwen3", "claude-opus-4-6", "openai/gpt-5"])
              for (const isFree of [false, true]) {
                const protocol = offered[0]!;
                const baseUrl = url ?? baseUrls[protocol] ?? "https://x.example.com/v1";
                yield { name, protocol, contract, isSameOrganisation, licence, model, isFree, baseUrl };
              }
}

/** What the rules say of a combination, in the words of the documentation. */
function expectedOf({ contract = "", isSameOrganisation, licence = "", model, isFree, baseUrl }: Asked): string {
  if (!["", "MIT"].includes(licence) && isFree !== true) return "refused";
  if (baseUrl === "http://127.0.0.1:8000/v1" && model === "qwen3") return "self-hosted";
  if (contract.trim() !== "") return "contract";
  return isSameOrganisation === true ? "organisation" : "refused";
}

test("no combination of flags offers what a subscription pays for, or what a vendor's terms forbid", () => {
  let count = 0;
  for (const asked of combinations()) {
    count++;
    assert.equal(sourceOf(asked), expectedOf(asked), JSON.stringify(asked));
    const paid = { ...asked, ...subscriptions[count % subscriptions.length] };
    assert.equal(sourceOf(paid), "refused", JSON.stringify(paid));
  }
  assert.ok(count > 5000, String(count));
});

test("a server of one's own that has a vendor's model passes it on, and is a vendor's API; open models of theirs are not", () => {
  const baseUrl = "http://localhost:4000/v1";
  const found = [
    "claude-sonnet-4-5",
    "gpt-5-mini",
    "gemini-2.5-pro",
    "o3",
    "anthropic/claude-opus-4-6",
    "gpt-oss:20b",
    "gemma3",
    "olmo2",
    "grok-1",
  ];
  assert.deepEqual(
    found.map((model) => sourceOf({ baseUrl, model })),
    ["refused", "refused", "refused", "refused", "refused", "self-hosted", "self-hosted", "self-hosted", "self-hosted"],
  );
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
