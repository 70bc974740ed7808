import assert from "node:assert/strict";
import { existsSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test, type TestContext } from "node:test";
import { Config, loadConfig } from "./config.ts";
import { homeDir, makeFile, makeFolder } from "./testing.ts";
import { loadSettings } from "./load.ts";
import { ConfigError } from "../../settings/index.ts";

function open(t: TestContext, text: string, env: Record<string, string> = {}): Config {
  return new Config({ path: makeFile(t, text), env, homeDir });
}

test("get gives what the file says over the defaults, with the environment over it", (t) => {
  const config = open(t, "gateway:\n  port: 1\n  host: '${H}'\nmodel_aliases: { gpt-4.1: x }\n", {
    TOKLIGENCE_GATEWAY_PORT: "9",
    TOKLIGENCE_GATEWAY_AUTH_ENABLED: "no",
    H: "127.0.0.1",
  });
  assert.deepEqual(
    ["gateway.port", "gateway.host", "gateway.auth.enabled", "gateway.timeouts.idle", "gateway.auth", "model_aliases.gpt-4.1"].map((path) =>
      config.get(path),
    ),
    [9, "127.0.0.1", false, "120s", { enabled: false, type: "api_key" }, "x"],
  );
  assert.deepEqual(
    [config.get("gateway.prot", 7), config.get("no.such"), config.get("providers.x.api_key", "none")],
    [7, undefined, "none"],
  );
  assert.equal(config.settings.gateway.port, 9);
});

test("a key may be set to a variable that is not set: its provider is disabled, as with the same file", (t) => {
  const config = open(t, "providers:\n  openrouter: { api_key: sk-old-openrouter }\n");
  config.update({ "providers.openrouter.api_key": "${OPENROUTER_KEY}", "model_provider_routes.gemini-*": "openrouter" });
  const provider = config.settings.providers.find(({ name }) => name === "openrouter");
  assert.deepEqual([provider?.enabled, provider?.disabledReason, provider?.keys], [false, "OPENROUTER_KEY is not set", []]);
});

test("a preview is the file as it is and as it would be written, and writes nothing", (t) => {
  const text = "gateway: { port: 1 } # of the lab\n";
  const config = open(t, text);
  config.set("gateway.port", 2);
  assert.deepEqual(config.preview(), { before: text, after: "gateway: { port: 2 } # of the lab\n" });
  assert.equal(readFileSync(config.path, "utf8"), text);
  const none = new Config({ path: join(makeFolder(t), "none.yaml"), env: {}, homeDir });
  none.set("gateway.port", 2);
  assert.deepEqual(none.preview(), { before: undefined, after: "gateway:\n  port: 2\n" });
});

test("a setting that is set counts at once, over the environment, and can be taken out again", (t) => {
  const config = open(t, "gateway: { port: 1 }", { TOKLIGENCE_GATEWAY_PORT: "9" });
  config.set("gateway.port", 8080);
  assert.deepEqual([config.get("gateway.port", 0), config.settings.gateway.port], [8080, 8080]);
  const plain = open(t, "gateway: { port: 1 }");
  plain.set("gateway.port", undefined);
  assert.equal(plain.get("gateway.port"), 8081);
});

test("a value or key that is not valid is refused, and nothing has changed", (t) => {
  const config = open(t, "gateway: { port: 1 }");
  const messageOf = (run: () => void): string => {
    try {
      run();
    } catch (error) {
      assert.ok(error instanceof ConfigError);
      return error.message;
    }
    return assert.fail("it was accepted");
  };
  assert.equal(
    messageOf(() => config.set("gateway.port", "abc")),
    'gateway.port: found "abc", allowed a whole number from 0 to 65535',
  );
  assert.match(
    messageOf(() => config.set("gateway.prot", 1)),
    /^gateway\.prot: found an unknown key \(did you mean port\?\)/,
  );
  assert.match(
    messageOf(() => config.update({ gateway: { host: "127.0.0.1", port: -1 } })),
    /^gateway\.port: found the number -1/,
  );
  assert.match(
    messageOf(() => config.set("gateway.host", () => {})),
    /^gateway\.host: found a function, allowed texts/,
  );
  assert.match(
    messageOf(() => config.set("__proto__.polluted", 1)),
    /unknown key|cannot be used/,
  );
  assert.deepEqual(
    [config.get("gateway.port"), config.get("gateway.host"), ({} as Record<string, unknown>)["polluted"]],
    [1, "localhost", undefined],
  );
});

test("update takes maps and paths, and changes no more than it names", (t) => {
  const config = open(t, "gateway: { port: 1, timeouts: { idle: 5s } }\nproviders: { mine: { preset: ollama, headers: { a: '1' } } }");
  config.update({
    gateway: { port: 2, timeouts: { connect: "1s" } },
    "gateway.host": "127.0.0.1",
    providers: { mine: { headers: { b: "2" } }, other: { preset: "vllm" } },
  });
  assert.deepEqual(
    [config.get("gateway.port"), config.get("gateway.timeouts.idle"), config.get("gateway.timeouts.connect"), config.get("gateway.host")],
    [2, "5s", "1s", "127.0.0.1"],
  );
  assert.deepEqual(
    [config.get("providers.mine"), config.get("providers.other.preset")],
    [{ preset: "ollama", headers: { b: "2" } }, "vllm"],
  );
});

test("save keeps comments, order and what the environment said out of it", (t) => {
  const text = `# The head.
gateway:
  # Which port.
  port: 1 # here
  auth: { enabled: true, type: api_key }

# Who serves.
providers:
  # Nobody yet.
  #openai:

model_aliases:
  fast: a
  slow: b
`;
  const config = open(t, text, { TOKLIGENCE_GATEWAY_HOST: "127.0.0.1", TOKLIGENCE_PROVIDERS_X_PRESET: "ollama" });
  config.set("gateway.port", 8080);
  config.set("gateway.auth.enabled", false);
  config.set("providers.mine", { preset: "ollama", models: ["m"] });
  config.set("model_aliases.fast", undefined);
  config.set("model_aliases.gpt-4.1", "c");
  config.save();
  assert.equal(
    readFileSync(config.path, "utf8"),
    `# The head.
gateway:
  # Which port.
  port: 8080 # here
  auth: { enabled: false, type: api_key }

# Who serves.
providers:
  # Nobody yet.
  #openai:
  mine:
    preset: ollama
    models:
      - m

model_aliases:
  slow: b
  gpt-4.1: c
`,
  );
  assert.deepEqual(config.get("model_aliases"), { slow: "b", "gpt-4.1": "c" });
});

test("where values are only replaced, every other byte of the file stays", (t) => {
  const text = `gateway:   {port: 1,host: localhost}   # odd
database:
    path:   'old.db'   # quoted
    #pool: 10
providers:
    a: {preset: ollama}
    openai:
        api_key: sk-old
`;
  const config = open(t, text);
  config.update({
    gateway: { port: "8080" },
    "database.path": "a b: {c}.db",
    "providers.openai.api_key": "${A:-x}",
    "providers.a.preset": "vllm",
  });
  config.save();
  assert.equal(
    readFileSync(config.path, "utf8"),
    text
      .replace("port: 1", 'port: "8080"')
      .replace("'old.db'", '"a b: {c}.db"')
      .replace("sk-old", '"${A:-x}"')
      .replace("preset: ollama", "preset: vllm"),
  );
});

test("save puts its changes into the file as it is by then", (t) => {
  const config = open(t, "gateway: { port: 1 }\n");
  config.set("gateway.port", 2);
  writeFileSync(config.path, "# new\ngateway: { port: 1, host: 127.0.0.1 }\n");
  config.save();
  assert.equal(readFileSync(config.path, "utf8"), "# new\ngateway: { port: 2, host: 127.0.0.1 }\n");
  assert.equal(config.get("gateway.host"), "127.0.0.1");
  writeFileSync(config.path, "gateway: { port: 3 }\n");
  config.save();
  assert.deepEqual([readFileSync(config.path, "utf8"), config.get("gateway.port")], ["gateway: { port: 3 }\n", 3]);
});

test("save refuses what would not be valid and leaves the file", (t) => {
  const config = open(t, "gateway: { port: 1 }\n");
  config.set("gateway.port", 2);
  const broken = "gateway: { prot: 1 }\n";
  writeFileSync(config.path, broken);
  assert.throws(() => config.save(), ConfigError);
  writeFileSync(config.path, "gateway: [\n");
  assert.throws(() => config.save(), /not valid YAML/);
  writeFileSync(config.path, "x: &a { port: 1 }\ngateway: *a\n");
  assert.throws(() => config.save(), /gateway: an alias is in its place/);
  assert.equal(readFileSync(config.path, "utf8"), "x: &a { port: 1 }\ngateway: *a\n");
});

test(
  "save makes the file for the user alone; one that is there keeps its mode, and a link stays a link",
  { skip: process.platform === "win32" },
  (t) => {
    const folder = makeFolder(t);
    const fresh = new Config({ path: join(folder, "new/config.yaml"), env: {}, homeDir });
    fresh.set("providers.openai.api_key", "${KEY:-sk}");
    fresh.save();
    assert.equal(readFileSync(fresh.path, "utf8"), "providers:\n  openai:\n    api_key: ${KEY:-sk}\n");
    assert.deepEqual([statSync(fresh.path).mode & 0o777, statSync(dirname(fresh.path)).mode & 0o777], [0o600, 0o700]);

    const target = makeFile(t, "gateway: { port: 1 }\n", 0o640);
    const link = join(folder, "link.yaml");
    symlinkSync(target, link);
    const linked = new Config({ path: link, env: {}, homeDir });
    linked.set("gateway.port", 2);
    linked.save();
    assert.deepEqual([readFileSync(target, "utf8"), statSync(target).mode & 0o777], ["gateway: { port: 2 }\n", 0o640]);
  },
);

test("saving without a change writes the same bytes", (t) => {
  const text = "gateway:   {port: 1}   # odd\n\n\n";
  const config = open(t, text);
  config.save();
  assert.equal(readFileSync(config.path, "utf8"), text);
});

test("toEnvVars gives a process without the file the same configuration", (t) => {
  const config = open(
    t,
    `gateway: { cors: [https://a.example], logging: { file: g.log } }
database: { path: data/g.db }
providers:
  mine: { protocols: [openai-chat, openai-responses], base_url: http://h/v1, api_key: "\${K}", headers: { a: "1,2" }, timeouts: { total: 9s } }
  two: { preset: vllm, base_url: { openai-chat: http://h/v1 }, api_keys: [x, y], models: ["a,b"] }
model_provider_routes: { "o[0-9]*": [mine, two], "gpt-*": mine }
model_aliases: { fast: m }
prices: { m: { input: "1.5" } }
`,
    { K: "sk-k" },
  );
  config.set("gateway.port", 8080);
  const variables = config.toEnvVars();
  assert.deepEqual(
    [variables["TOKLIGENCE_GATEWAY_PORT"], variables["TOKLIGENCE_PROVIDERS_MINE_API_KEY"], variables["TOKLIGENCE_GATEWAY_WORK_MODE"]],
    ["8080", "sk-k", "auto"],
  );
  const { settings, warnings } = loadSettings({ env: variables, homeDir: makeFolder(t) });
  assert.deepEqual(warnings, []);
  const plain = (value: typeof settings): unknown => ({
    ...value,
    modelAliases: [...value.modelAliases],
    providers: value.providers
      .map((provider) => ({ ...provider, keys: provider.keys.map((key) => key.reveal()) }))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1)),
  });
  assert.deepEqual(plain(settings), plain(config.settings));
});

test("loadConfig wants a file that is named to be there", (t) => {
  const path = join(makeFolder(t), "none.yaml");
  assert.throws(() => loadConfig(path), ConfigError);
  assert.ok(!existsSync(path));
  assert.equal(loadConfig(makeFile(t, "gateway: { port: 5 }")).settings.gateway.port, 5);
});
