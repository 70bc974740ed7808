import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { clients } from "./clients.ts";
import { environmentWarnings } from "./client.ts";
import { editContinueFile, editEnvFile, editJson, editToml } from "./edit-files.ts";
import { undoClientFiles, writeClientFiles } from "./write-files.ts";

const table = { name: "model_providers.tokligence", values: { name: "Tokligence", base_url: "http://localhost:8081/v1" } };

test("keys and tables of a TOML text are found in quotes, too, and names in quotes are not taken for others", () => {
  const text = `"model" = "old"
'model_provider' = "other"
"model = x" = 1
[model_providers."tokligence"]
name = "Old"
[model_providers."a.tokligence"]
name = "stays"
`;
  assert.equal(
    editToml(text, { model: "new", model_provider: "tokligence" }, table),
    `model = "new"
model_provider = "tokligence"
"model = x" = 1

[model_providers."a.tokligence"]
name = "stays"

[model_providers.tokligence]
name = "Tokligence"
base_url = "http://localhost:8081/v1"
`,
  );
});

test("a TOML text keeps all but the keys and the table that are set", () => {
  const text = `# mine
model = "old" # replaced
notify = [
  "a",
  [ "b" ],
]
text = """
[model_providers.tokligence]
"""

[model_providers.tokligence] # old
name = "Old"
[model_providers.tokligence.extra]
a = 1

[other]
model = "stays"
`;
  assert.equal(
    editToml(text, { model: "new", model_provider: "tokligence" }, table),
    `model_provider = "tokligence"
# mine
model = "new"
notify = [
  "a",
  [ "b" ],
]
text = """
[model_providers.tokligence]
"""

[model_providers.tokligence.extra]
a = 1

[other]
model = "stays"

[model_providers.tokligence]
name = "Tokligence"
base_url = "http://localhost:8081/v1"
`,
  );
  const fresh = editToml("", { model: "m" }, table);
  assert.equal(fresh, 'model = "m"\n\n[model_providers.tokligence]\nname = "Tokligence"\nbase_url = "http://localhost:8081/v1"\n');
  assert.equal(editToml(fresh, { model: "m" }, table), fresh);
});

test("JSON, .env and Continue's YAML keep what they have", () => {
  assert.equal(
    editJson('{"b":1,"env":{"A":"x"}}', [{ path: ["env", "B"], value: "y" }], "f"),
    '{\n  "b": 1,\n  "env": {\n    "A": "x",\n    "B": "y"\n  }\n}\n',
  );
  assert.throws(() => editJson("{ // comment\n}", [], "f.json"), { message: /^f\.json is not plain JSON/ });
  assert.equal(editEnvFile("# c\nexport A=1\nB=2\n", { A: "3", C: "4" }), "# c\nA=3\nB=2\nC=4\n");
  const model = { name: "m", provider: "openai" };
  const once = editContinueFile("# mine\nname: N\nmodels:\n  - name: other\n", model, "f");
  assert.equal(once, "# mine\nname: N\nmodels:\n  - name: other\n  - name: m\n    provider: openai\nversion: 0.0.1\nschema: v1\n");
  assert.equal(editContinueFile(once, model, "f"), once);
});

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "tokligence-connect-"));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

test("each client's files are written with a backup, and put back", (t) => {
  const home = folder(t);
  const record = join(home, "connected.json");
  const input = { url: "http://localhost:8081", key: "tok_key", model: "gpt-5.1", env: {}, home };
  writeFileSync(join(home, ".aider.conf.yml"), "dark-mode: true # mine\n");
  for (const [name, connect] of Object.entries(clients)) {
    const { files } = connect(input);
    if (files.length === 0) continue;
    const before = files.map(({ path }) => (existsSync(path) ? readFileSync(path, "utf8") : undefined));
    writeClientFiles(files, record);
    const written = files.map(({ path }) => readFileSync(path, "utf8"));
    assert.ok(
      written.some((text) => text.includes("localhost:8081")),
      name,
    );
    // A second time it changes nothing, and the backup stays the one of before.
    writeClientFiles(files, record);
    assert.deepEqual(
      files.map(({ path }) => readFileSync(path, "utf8")),
      written,
      name,
    );
    if (before[0] === undefined) assert.equal(statSync(files[0]!.path).mode & 0o077, 0, name);
    const paths = files.map(({ path }) => path);
    assert.deepEqual(undoClientFiles(paths, record), paths, name);
    assert.deepEqual(
      files.map(({ path }) => (existsSync(path) ? readFileSync(path, "utf8") : undefined)),
      before,
      name,
    );
    assert.throws(() => undoClientFiles(paths, record), { message: /^There is nothing to undo/ }, name);
  }
});

test("a file that was changed after it was written is not undone", (t) => {
  const home = folder(t);
  const record = join(home, "connected.json");
  const { files } = clients["codex"]!({ url: "http://localhost:8081", key: undefined, model: "m", env: {}, home });
  writeClientFiles(files, record);
  const { path } = files[0]!;
  writeFileSync(path, "mine = 1\n");
  assert.throws(() => undoClientFiles([path], record), { message: /was changed since it was written/ });
  assert.equal(readFileSync(path, "utf8"), "mine = 1\n");
  // Written again, it is that text that comes back.
  writeClientFiles(files, record);
  undoClientFiles([path], record);
  assert.equal(readFileSync(path, "utf8"), "mine = 1\n");
});

test("variables that a client does not read, or reads first, are named", () => {
  const url = "http://localhost:8081";
  const env = {
    OPENAI_API_BASE: "http://x",
    ANTHROPIC_API_BASE: "http://x",
    ANTHROPIC_API_KEY: "sk-ant",
    ANTHROPIC_BASE_URL: `${url}/anthropic`,
  };
  const first = (client: string): string[] => environmentWarnings(client, env, url).map((warning) => warning.split(" ")[0]!);
  assert.deepEqual(first("codex"), ["OPENAI_API_BASE", "ANTHROPIC_API_BASE"]);
  assert.deepEqual(first("claude-code"), ["OPENAI_API_BASE", "ANTHROPIC_API_BASE", "ANTHROPIC_API_KEY"]);
  assert.deepEqual(first("aider"), []);
  assert.deepEqual(first("langchain"), ["ANTHROPIC_API_BASE"]);
});

test("a file that others may read becomes its owner's alone, as its backup, and a later backup keeps the first", (t) => {
  const home = folder(t);
  const record = join(home, "connected.json");
  const path = join(home, ".aider.conf.yml");
  writeFileSync(path, "dark-mode: true\n", { mode: 0o644 });
  const { files } = clients["aider"]!({ url: "http://localhost:8081", key: "tok_key", model: "m", env: {}, home });
  writeClientFiles(files, record);
  writeFileSync(path, `${readFileSync(path, "utf8")}own: 1\n`);
  const [written] = writeClientFiles(files, record);
  assert.equal(readFileSync(`${path}.before-tokligence`, "utf8"), "dark-mode: true\n");
  assert.equal(written!.backup, `${path}.before-tokligence-2`);
  if (process.platform !== "win32")
    for (const name of [path, `${path}.before-tokligence`, written!.backup]) assert.equal(statSync(name).mode & 0o077, 0, name);
  undoClientFiles([path], record);
  assert.match(readFileSync(path, "utf8"), /own: 1/);
});
