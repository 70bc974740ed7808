import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { loadSettings } from "../config/index.ts";
import { backupConfig } from "./config-text.ts";

const written = `# the team's gateway; \${UNUSED} is in a comment
database: { type: postgresql, url: "postgres://gw:hunter2@db/tokligence" }
providers:
  openai: { api_key: "\${OPENAI_API_KEY}" } # from the environment
  anthropic: { api_key: sk-ant-literal, base_url: https://user:word@proxy.example/v1 }
  mine:
    protocols: [openai-chat]
    base_url: http://localhost:11434
    api_keys: [first-secret, "\${SECOND}"]
    headers: { x-team: blue-secret }
prices_file: ./prices.yaml
`;

const expected = `# the team's gateway; \${UNUSED} is in a comment
database: { type: postgresql, url: "\${TOKLIGENCE_DATABASE_URL}" }
providers:
  openai: { api_key: "\${OPENAI_API_KEY}" } # from the environment
  anthropic: { api_key: "\${TOKLIGENCE_PROVIDERS_ANTHROPIC_API_KEY}", base_url: "\${TOKLIGENCE_PROVIDERS_ANTHROPIC_BASE_URL}" }
  mine:
    protocols: [ openai-chat ]
    base_url: http://localhost:11434
    api_keys:
      - \${TOKLIGENCE_PROVIDERS_MINE_API_KEYS_1}
      - \${SECOND}
    headers:
      x-team: \${TOKLIGENCE_PROVIDERS_MINE_HEADERS_X_TEAM}
prices_file: ./prices.yaml
`;

test("without secrets each one in the file becomes a variable; comments, references and all else stay", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "tokligence-config-text-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "config.yaml");
  writeFileSync(join(folder, "prices.yaml"), "{}");
  const { text, variables, otherFiles } = backupConfig({ text: written, path }, false);
  assert.equal(
    text.replaceAll(/\[ | \]|\{ | \}/g, (bracket) => bracket.trim()),
    expected.replaceAll(/\[ | \]|\{ | \}/g, (bracket) => bracket.trim()),
  );
  assert.deepEqual(otherFiles, [join(folder, "prices.yaml")]);
  const env = Object.fromEntries(variables.map((name) => [name, "http://value"]));
  assert.deepEqual(
    variables.filter((name) => !name.startsWith("TOKLIGENCE_")),
    ["OPENAI_API_KEY", "SECOND"],
  );
  assert.doesNotThrow(() => loadSettings({ path, text, env: { ...env, TOKLIGENCE_DATABASE_URL: "postgres://gw@db/tokligence" } }));
  assert.equal(backupConfig({ text: written, path }, true).text, written);
});

test("a secret that cannot be taken out, as in a comment, refuses a backup without secrets", () => {
  const path = "/none/config.yaml";
  const text = "providers:\n  openai: { api_key: sk-literal } # was sk-literal before\n";
  assert.throws(
    () => backupConfig({ text, path }, false),
    /A secret in \/none\/config\.yaml is written at a place from which it cannot be taken out\./,
  );
  assert.deepEqual(backupConfig({ text: undefined, path }, false), { text: "", variables: [], otherFiles: [] });
});
