import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test, type TestContext } from "node:test";
import { homeDir, makeFile, makeFolder } from "./testing.ts";
import { loadSettings, type LoadInput } from "./load.ts";
import type { Settings } from "./settings.ts";

function load(t: TestContext, text: string, input: Omit<LoadInput, "path"> = {}): Settings {
  return loadSettings({ path: makeFile(t, text), env: {}, homeDir, ...input }).settings;
}

const timeouts = { connectMs: 3000, firstByteMs: 60_000, idleMs: 120_000, totalMs: 600_000, streamTotalMs: 3_600_000 };

test("without a file the contract's defaults hold", (t) => {
  const home = makeFolder(t);
  const loaded = loadSettings({ env: {}, homeDir: home });
  const bare = { enabled: true, keys: [], models: [], headers: [], query: [], timeouts };
  assert.deepEqual(loaded, {
    settings: {
      gateway: {
        host: "localhost",
        port: 8081,
        workMode: "auto",
        auth: { enabled: true, type: "api_key" },
        logging: { level: "info" },
        workers: 1,
        limits: { bodyBytes: 33_554_432, bodiesInFlightBytes: 268_435_456, connections: 20_000, values: 250_000 },
        timeouts: { ...timeouts, clientMs: 15_000 },
        earlyHeadMs: undefined,
        onLoss: "report",
        responses: { lifetimeMs: 30 * 86_400_000, maxSizeBytes: 8 * 2 ** 20 },
        trustLoopback: true,
        cors: [],
      },
      database: { type: "sqlite", path: join(home, ".config/tokligence/gateway.db") },
      providers: [
        { name: "openai", ...bare },
        { name: "anthropic", ...bare },
        { name: "google", ...bare },
      ],
      modelProviderRoutes: [],
      modelAliases: new Map(),
      modelTraits: [],
      routing: {
        targets: { models: new Map(), fallbacks: [], strategy: "priority", hasAffinity: true },
        resilience: { retries: 2, retryShare: 0.2, breaker: { inARow: 5, share: 0.5, of: 20, windowMs: 10_000, openMs: 30_000 } },
      },
      limits: { store: "memory", maxInFlight: undefined },
      responseCache: undefined,
      redis: {},
      ledger: {
        durability: "process",
        timeZone: "UTC",
        unpricedCeiling: { input: "15", output: "75" },
        outputCeiling: 16_384,
        retention: { journalMs: 86_400_000 },
        bodies: { enabled: false, lifetimeMs: 604_800_000, maxSizeBytes: 262_144, redact: [] },
      },
      auth: { oidc: undefined },
      audit: { enabled: true, usage: true },
      guards: { duplicateToolCalls: { enabled: true, noteAt: 3, warnAt: 5, exempt: new Set(["write_stdin", "wait", "TaskOutput"]) } },
      firewall: { rules: [], classifiers: [] },
      alerts: { webhooks: [], email: undefined, spendFactor: 3, spendLeastUsd: 10, ledgerLagMs: 60_000 },
      telemetry: { otlp: undefined, content: false, labels: [], maxLabelValues: 100 },
      market: {
        host: "127.0.0.1",
        port: 8082,
        reach: "http://127.0.0.1:8082",
        name: undefined,
        hold: "0.02",
        leaseMs: 300_000,
        perBuyer: { concurrency: 2, leases: 100, callsPerSecond: 20, tokensPerMinute: undefined, tokensPerDay: undefined },
        allowPrivate: false,
        maxExposure: "5",
        buy: {
          hasTools: false,
          opensAnswers: false,
          keyless: "peers",
          policies: new Map(),
          maxPrices: new Map(),
          substitutes: new Map(),
          minSaving: 0.15,
          perDay: undefined,
          perPeer: undefined,
          regions: [],
          quantizations: [],
          probeShare: 0.01,
        },
        relay: { members: true, peers: false, url: undefined, sellers: 50, calls: 32, callsPerCaller: 8, bytesPerHour: undefined },
        sell: { reserve: 1, headroom: 0.2, preempt: "drain" },
      },
      canaries: { models: [], everyMs: 600_000, budgetNanoUsd: 1_000_000_000n },
      exchange: { enabled: false, organisation: "", feePpm: 0, settleMs: 3_600_000, windowMs: 86_400_000 },
      prices: {},
      // It has a test of its own.
      shown: loaded.settings.shown,
    },
    path: join(home, ".config/tokligence/config.yaml"),
    found: false,
    text: undefined,
    warnings: [],
    sources: new Map(),
  });
});

test("the contract's example is read", (t) => {
  const settings = load(
    t,
    `gateway:
  host: localhost
  port: 8081
  work_mode: auto            # auto | passthrough | translation
  auth: { enabled: true, type: api_key }
  logging: { level: info, file: /var/log/tokgateway.log }
database:
  type: sqlite
  path: ~/.config/tokligence/gateway.db
providers:
  openai:    { enabled: true, api_key: "\${OPENAI_API_KEY}", base_url: https://api.openai.com/v1, models: [gpt-4] }
  anthropic: { enabled: true, api_key: "\${ANTHROPIC_API_KEY}", base_url: https://api.anthropic.com }
  google:    { enabled: true, api_key: "\${GOOGLE_API_KEY}" }
  local:     { protocols: [openai-chat], base_url: http://localhost:11434/v1 }
model_provider_routes:
  "gpt-*": openai
  "claude-*": anthropic
  "gemini-*": [google, local]
`,
    { env: { OPENAI_API_KEY: "sk-o", GOOGLE_API_KEY: "g" } },
  );
  assert.deepEqual(
    [settings.gateway.logging.file, settings.database.path],
    ["/var/log/tokgateway.log", "/home/u/.config/tokligence/gateway.db"],
  );
  assert.deepEqual(
    settings.providers.map(({ name, disabledReason, protocols, baseUrl, keys, models }) => [
      name,
      disabledReason,
      protocols,
      baseUrl,
      keys.map((key) => key.reveal()),
      models,
    ]),
    [
      ["openai", undefined, undefined, "https://api.openai.com/v1", ["sk-o"], ["gpt-4"]],
      ["anthropic", "ANTHROPIC_API_KEY is not set", undefined, "https://api.anthropic.com", [], []],
      ["google", undefined, undefined, undefined, ["g"], []],
      ["local", undefined, ["openai-chat"], "http://localhost:11434/v1", [], []],
    ],
  );
  assert.deepEqual(settings.modelProviderRoutes, [
    ["gpt-*", ["openai"]],
    ["claude-*", ["anthropic"]],
    ["gemini-*", ["google", "local"]],
  ]);
});

test("XDG_CONFIG_HOME moves file and database; a relative one is ignored", (t) => {
  const folder = makeFolder(t);
  const path = join(folder, "tokligence/config.yaml");
  mkdirSync(dirname(path));
  writeFileSync(path, "gateway: { port: 1234 }");
  const loaded = loadSettings({ env: { XDG_CONFIG_HOME: folder }, homeDir });
  assert.deepEqual(
    [loaded.path, loaded.found, loaded.settings.gateway.port, loaded.settings.database.path],
    [path, true, 1234, join(folder, "tokligence/gateway.db")],
  );
  assert.equal(loadSettings({ env: { XDG_CONFIG_HOME: "here" }, homeDir }).path, "/home/u/.config/tokligence/config.yaml");
});

test("arguments win over the environment, the environment over the file, and the sources say so", (t) => {
  const path = makeFile(t, "gateway:\n  port: 1\n  host: 127.0.0.1\n  work_mode: passthrough\n");
  const env = { TOKLIGENCE_GATEWAY_PORT: "2", TOKLIGENCE_GATEWAY_HOST: "::1" };
  const { settings, sources } = loadSettings({ path, env, homeDir, overrides: { "gateway.port": "3" } });
  assert.deepEqual([settings.gateway.port, settings.gateway.host, settings.gateway.workMode], [3, "::1", "passthrough"]);
  assert.deepEqual(
    sources,
    new Map<string, object>([
      ["gateway.port", { kind: "argument", name: "--port" }],
      ["gateway.host", { kind: "environment", name: "TOKLIGENCE_GATEWAY_HOST" }],
      ["gateway.work_mode", { kind: "file", file: path, line: 4, column: 3 }],
    ]),
  );
});

test("with authentication the gateway may listen anywhere, without it on this machine", (t) => {
  assert.equal(load(t, "gateway: { host: 0.0.0.0 }").gateway.host, "0.0.0.0");
  for (const host of ["localhost", "127.0.0.1", "127.8.9.1", "::1"]) {
    assert.equal(load(t, `gateway: { host: "${host}", auth: { enabled: false } }`).gateway.auth.enabled, false);
  }
});

test("relative paths start at the file's folder, ~ is the home folder", (t) => {
  const path = makeFile(t, "database: { path: data/g.db }\ngateway: { logging: { file: ~/g.log } }\n");
  const { settings } = loadSettings({ path, env: {}, homeDir });
  assert.deepEqual([settings.database.path, settings.gateway.logging.file], [join(dirname(path), "data/g.db"), "/home/u/g.log"]);
});

test("the order of the file's routes and providers is kept", (t) => {
  const settings = load(
    t,
    `providers: { google: , mine: { preset: openai }, openai: }
model_provider_routes: { "z*": mine, "a*": openai, "m*": google }`,
    { env: { TOKLIGENCE_PROVIDERS_OPENAI_ENABLED: "false" } },
  );
  assert.deepEqual(
    settings.providers.map((provider) => provider.name),
    ["google", "mine", "openai", "anthropic"],
  );
  assert.deepEqual(
    settings.modelProviderRoutes.map(([pattern]) => pattern),
    ["z*", "a*", "m*"],
  );
});

test("references are expanded in any value, also in numbers and flags", (t) => {
  const settings = load(
    t,
    `gateway: { port: "\${PORT}", host: "\${HOST:-127.0.0.1}", auth: { enabled: "\${AUTH:-no}" } }
providers: { mine: { preset: ollama, headers: { x-team: "\${TEAM}" }, models: ["\${TEAM}-1"] } }`,
    { env: { PORT: "99", TEAM: "red" } },
  );
  const mine = settings.providers[0]!;
  assert.deepEqual(
    [settings.gateway.port, settings.gateway.host, settings.gateway.auth.enabled, mine.headers, mine.models],
    [99, "127.0.0.1", false, [["x-team", "red"]], ["red-1"]],
  );
});

test("a provider's times are the gateway's, but for those of its own", (t) => {
  const settings = load(t, "gateway: { timeouts: { idle: 5s } }\nproviders: { openai: { timeouts: { connect: 500ms } } }");
  assert.deepEqual(settings.providers[0]!.timeouts, { ...timeouts, idleMs: 5000, connectMs: 500 });
});

test("PostgreSQL comes as parts with defaults, or as one URL", (t) => {
  const text = "database: { type: postgresql, host: db, password: '${PW}', tls: { ca: /ca.pem } }";
  const parts = load(t, text, { env: { PW: "hunter2" } }).database.postgresql;
  assert.deepEqual(
    { ...parts, password: parts?.password?.reveal() },
    { host: "db", port: 5432, database: "tokligence", username: "tokligence", password: "hunter2", pool: 10, tls: { ca: "/ca.pem" } },
  );
  const url = load(t, "database: { type: postgresql, url: 'postgres://u:p@h/d', tls: on, pool: 3 }").database;
  assert.deepEqual([url.postgresql?.url?.reveal(), url.postgresql?.tls, url.postgresql?.pool], ["postgres://u:p@h/d", {}, 3]);
  const env = {
    TOKLIGENCE_DATABASE_TYPE: "postgresql",
    TOKLIGENCE_DATABASE_HOST: "db",
    TOKLIGENCE_DATABASE_POOL: "2",
    TOKLIGENCE_DATABASE_TLS: "require",
  };
  const { host, pool, tls } = load(t, "", { env }).database.postgresql ?? {};
  assert.deepEqual({ host, pool, tls }, { host: "db", pool: 2, tls: { verify: false } });
});

test("prices become decimals", (t) => {
  const { prices } = load(t, 'prices: { "openai/gpt-4": { input: 30, output: "60.5" }, m: { input: 0.0000001 } }');
  assert.deepEqual(prices, { "openai/gpt-4": { input: "30", output: "60.5" }, m: { input: "0.0000001" } });
  const tiers = load(t, "prices: { m: { input: 1, priority: { input: 2, output: 20 }, batch: { output: 5 } } }").prices;
  assert.deepEqual(tiers, { m: { input: "1", priority: { input: "2", output: "20" }, batch: { output: "5" } } });
});

test("anchors and aliases are followed", (t) => {
  const settings = load(t, "providers:\n  a: &x { preset: ollama, models: [one] }\n  b: *x\n");
  assert.deepEqual(
    settings.providers.slice(0, 2).map(({ name, preset, models }) => [name, preset, models]),
    [
      ["a", "ollama", ["one"]],
      ["b", "ollama", ["one"]],
    ],
  );
});

test("settings are frozen to the bottom", (t) => {
  const { gateway, providers } = load(t, "gateway: { cors: [https://a.example] }");
  for (const part of [gateway, gateway.auth, gateway.cors, providers, providers[0]!, providers[0]!.keys]) assert.ok(Object.isFrozen(part));
});

const keyRows: readonly (readonly [what: string, text: string, env: Record<string, string>, keys: string[], reason?: string])[] = [
  ["named in the file", "openai: { api_key: sk-1 }", { OPENAI_API_KEY: "sk-2" }, ["sk-1"]],
  ["by its own name in the environment", "openai: { api_key: sk-1 }", { TOKLIGENCE_PROVIDERS_OPENAI_API_KEY: "sk-3" }, ["sk-3"]],
  ["from our name before the vendor's", "openai:", { OPENAI_API_KEY: "sk-2", TOKLIGENCE_OPENAI_API_KEY: "sk-4" }, ["sk-4"]],
  ["from the vendor's name", "openai:", { OPENAI_API_KEY: "sk-2\n" }, ["sk-2"]],
  ["several", "openai: { api_key: a, api_keys: [b, a, '${C}'] }", { C: "c" }, ["a", "b", "c"]],
  ["those of several that are set", "openai: { api_keys: ['${A}', '${C}'] }", { C: "c" }, ["c"]],
  ["without the space around it", "openai: { api_key: ' sk-1 ', api_keys: ['${C}'] }", { C: "c\n" }, ["sk-1", "c"]],
  ["none, as said", "openai: { api_key: '' }", { OPENAI_API_KEY: "sk-2" }, []],
  ["none, as its default says", "openai: { api_key: '${X:-}' }", { OPENAI_API_KEY: "sk-2" }, []],
  ["under another of the vendor's names", "openai: { api_key: '${OPENAI_API_KEY}' }", { TOKLIGENCE_OPENAI_API_KEY: "sk-4" }, ["sk-4"]],
  ["not the vendor's where another is named", "openai: { api_key: '${TEAM_KEY}' }", { OPENAI_API_KEY: "sk-2" }, [], "TEAM_KEY is not set"],
  ["not an empty one", "openai: { api_key: '${OPENAI_API_KEY}' }", { OPENAI_API_KEY: "" }, [], "OPENAI_API_KEY is not set"],
  ["none of several", "openai: { api_keys: ['${A}', '${B}'] }", {}, [], "A, B are not set"],
  ["overridden, though not set", "openai: { api_key: '${A}' }", { TOKLIGENCE_PROVIDERS_OPENAI_API_KEY: "sk-3" }, ["sk-3"]],
  ["the vendor's, at an address of the operator's", "openai: { base_url: 'http://h/v1' }", { OPENAI_API_KEY: "sk-2" }, ["sk-2"]],
  ["the vendor's, under a name of one's own", "work: { preset: openai }", { OPENAI_API_KEY: "sk-2" }, ["sk-2"]],
  ["never the vendor's for a server of one's own", "lan: { preset: openai, base_url: 'http://h/v1' }", { OPENAI_API_KEY: "sk-2" }, []],
];

for (const [what, text, env, keys, reason] of keyRows) {
  test(`a provider's key is taken: ${what}`, (t) => {
    const provider = load(t, `providers:\n  ${text}\n`, { env }).providers[0]!;
    assert.deepEqual(
      [provider.keys.map((key) => key.reveal()), provider.enabled, provider.disabledReason],
      [keys, reason === undefined, reason],
    );
  });
}

test("a key of several that is not used is a warning", (t) => {
  const path = makeFile(t, "providers: { openai: { api_keys: ['${A}', '${C}'] } }");
  assert.deepEqual(loadSettings({ path, env: { C: "c" }, homeDir }).warnings, ["providers.openai: A is not set; its other keys are used"]);
});

test("a file with a key in plain text that others can read is a warning", { skip: process.platform === "win32" }, (t) => {
  const warningsOf = (text: string, mode: number): readonly string[] =>
    loadSettings({ path: makeFile(t, text, mode), env: { K: "k" }, homeDir }).warnings;
  const [warning] = warningsOf("providers: { openai: { api_key: sk-secret } }", 0o644);
  assert.match(warning ?? "", /other users can read this file \(mode 644\).*chmod 600/);
  assert.doesNotMatch(warning ?? "", /sk-secret/);
  assert.deepEqual(warningsOf("providers: { openai: { api_key: sk-secret } }", 0o600), []);
  assert.deepEqual(warningsOf("providers: { openai: { api_key: '${K}', base_url: 'http://h/v1' } }", 0o644), []);
});

test("on Windows the environment's names may be written in any case", (t) => {
  const path = makeFile(t, "providers: { openai: { api_key: '${OPENAI_API_KEY}' } }");
  const { settings } = loadSettings({
    path,
    env: { Tokligence_Gateway_Port: "7", openai_api_key: "sk" },
    homeDir,
    platform: "win32",
  });
  assert.deepEqual([settings.gateway.port, settings.providers[0]!.keys.length], [7, 1]);
});

test("a map is merged into another with <<, whose own keys count first; in quotes it is a name", (t) => {
  const { settings } = loadSettings({
    homeDir,
    env: {},
    path: makeFile(
      t,
      `providers:
  a: &base { protocols: [openai-chat], base_url: "http://127.0.0.1:1/v1", api_key: "", models: [a1], headers: { x-a: "1" } }
  b: { models: [b1], <<: *base }
  c:
    <<: [{ base_url: "http://127.0.0.1:2/v1" }, *base]
    timeouts: { idle: 5s }
  d: { <<: { enabled: false }, <<: *base }
model_aliases: { "<<": gpt-x }
`,
    ),
  });
  const shown = settings.providers.slice(0, 4).map(({ name, enabled, baseUrl, models, headers, timeouts }) => {
    return [name, enabled, baseUrl, models, headers, timeouts?.idleMs];
  });
  assert.deepEqual(shown, [
    ["a", true, "http://127.0.0.1:1/v1", ["a1"], [["x-a", "1"]], 120_000],
    ["b", true, "http://127.0.0.1:1/v1", ["b1"], [["x-a", "1"]], 120_000],
    ["c", true, "http://127.0.0.1:2/v1", ["a1"], [["x-a", "1"]], 5000],
    ["d", false, "http://127.0.0.1:1/v1", ["a1"], [["x-a", "1"]], 120_000],
  ]);
  assert.deepEqual([...settings.modelAliases], [["<<", "gpt-x"]]);
});

test("without a home folder a file and a database that are named are enough; else the error says what to give", (t) => {
  const named = loadSettings({ path: makeFile(t, "database: { path: ./g.db }\n"), env: {}, homeDir: "" });
  assert.equal(named.settings.database.path, join(dirname(named.path), "g.db"));
  const byXdg = loadSettings({ env: { XDG_CONFIG_HOME: "/x" }, homeDir: "" });
  assert.deepEqual([byXdg.path, byXdg.settings.database.path], ["/x/tokligence/config.yaml", "/x/tokligence/gateway.db"]);
  assert.throws(() => loadSettings({ env: {}, homeDir: "" }), {
    message: "there is no home folder (HOME is not set): give the configuration file with --config, with database.path in it",
  });
  assert.throws(() => loadSettings({ path: makeFile(t, "gateway: { port: 1 }\n"), env: {}, homeDir: "" }), {
    message: 'database.path: the path "~/gateway.db" begins at the home folder, and there is none (HOME is not set): give an absolute one',
  });
});
