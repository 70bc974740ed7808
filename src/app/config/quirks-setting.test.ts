import assert from "node:assert/strict";
import { test } from "node:test";
import { buildProviders } from "../../upstream/index.ts";
import { homeDir, makeFile } from "./testing.ts";
import { loadSettings } from "./load.ts";

const settingsOf = (path: string, env: Record<string, string> = {}) => loadSettings({ path, env, homeDir }).settings;

test("quirks of a server are set in the file, over those of its preset, and shown as they were written", (t) => {
  const path = makeFile(
    t,
    `providers:
  mine: { protocols: [openai-chat], base_url: http://h:1/v1, quirks: { strict_turns: true, parts: [image], renamed_fields: { seed: rng } } }
  vllm: { quirks: { tool_choice: words } }
`,
  );
  const settings = settingsOf(path);
  const shown = settings.shown as { providers: Record<string, { quirks?: unknown }> };
  assert.deepEqual(shown.providers["mine"]?.quirks, { strict_turns: true, parts: ["image"], renamed_fields: { seed: "rng" } });
  const [, ...providers] = buildProviders(settings.providers);
  const [mine, vllm] = ["mine", "vllm"].map((name) => providers.find((provider) => provider.name === name)!);
  assert.deepEqual(mine?.ownQuirks, { strictTurns: true, parts: ["image"], renamedFields: { seed: "rng" } });
  assert.equal(mine?.quirks.noVendorFields, true);
  assert.deepEqual(
    [vllm?.quirks.toolChoice, vllm?.quirks.thinkingSwitch, vllm?.ownQuirks?.toolChoice],
    ["words", "chat_template_kwargs", "words"],
  );
});

test("an unknown quirk is an error that names the known ones", (t) => {
  const path = makeFile(t, "providers: { mine: { protocols: [openai-chat], base_url: http://h:1/v1, quirks: { strict: true } } }\n");
  assert.throws(() => settingsOf(path), /quirks[\s\S]*no_developer_role, strict_turns/);
});
