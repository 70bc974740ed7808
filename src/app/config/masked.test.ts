import assert from "node:assert/strict";
import { test } from "node:test";
import { homeDir, makeFile } from "./testing.ts";
import { loadSettings } from "./load.ts";

const canary = "canary-77aa";

test("configuration is shown with the file's names and without secrets", (t) => {
  const path = makeFile(
    t,
    `gateway: { timeouts: { idle: 1500ms }, cors: [https://a.example], logging: { file: /g.log } }
database: { type: postgresql, path: /g.db, host: db, password: "${canary}", tls: { ca: /ca.pem } }
providers:
  mine:
    preset: ollama
    base_url: { openai-chat: http://h:1/v1 }
    api_keys: ["${canary}-1", "${canary}-2"]
    models: [a]
    headers: { x-team: "${canary}" }
    query: { token: "${canary}" }
    key_header: x-key
  openai: { api_key: "\${KEY}" }
model_provider_routes: { "a*": [mine, openai], "b": openai }
model_aliases: { fast: a }
auth: { oidc: { issuer: "https://id.example.com", client_id: gateway, client_secret: ${canary}, public_url: "https://gateway.example.com" } }
prices: { a: { input: 1.5 } }
`,
  );
  const { settings } = loadSettings({ path, env: {}, homeDir });
  const times = { connect: "3s", first_byte: "60s", idle: "1500ms", total: "600s", stream_total: "3600s" };
  const shown = settings.shown;
  const none = { api_keys: [], models: [], headers: {}, query: {}, timeouts: times };
  assert.deepEqual(shown, {
    gateway: {
      host: "localhost",
      port: 8081,
      work_mode: "auto",
      auth: { enabled: true, type: "api_key" },
      logging: { level: "info", file: "/g.log" },
      workers: 1,
      limits: { body: "32MiB", bodies_in_flight: "256MiB", connections: 20_000, values: 250_000 },
      timeouts: { ...times, client: "15s" },
      on_loss: "report",
      responses: { lifetime: "30d", max_size: "8MiB" },
      trust_loopback: true,
      cors: ["https://a.example"],
    },
    database: {
      type: "postgresql",
      path: "/g.db",
      host: "db",
      port: 5432,
      database: "tokligence",
      username: "tokligence",
      password: "[secret]",
      pool: 10,
      tls: { ca: "/ca.pem" },
    },
    providers: {
      mine: {
        enabled: true,
        preset: "ollama",
        base_url: { "openai-chat": "http://h:1/v1" },
        api_keys: ["[secret]", "[secret]"],
        models: ["a"],
        headers: { "x-team": "[secret]" },
        query: { token: "[secret]" },
        timeouts: times,
        key_header: "x-key",
      },
      openai: { enabled: false, disabled_reason: "KEY is not set", ...none },
      anthropic: { enabled: true, ...none },
      google: { enabled: true, ...none },
    },
    model_provider_routes: { "a*": ["mine", "openai"], b: ["openai"] },
    model_aliases: { fast: "a" },
    model_traits: {},
    models: {},
    fallbacks: {},
    routing: {
      strategy: "priority",
      affinity: "auto",
      retries: 2,
      retry_budget: "20%",
      breaker: { in_a_row: 5, share: "50%", of: 20, window: "10s", open: "30s" },
    },
    limits: { store: "memory", default: {} },
    response_cache: { enabled: false, store: "memory", lifetime: "10m", max_size: "64MiB", shared: false },
    redis: {},
    ledger: {
      durability: "process",
      time_zone: "UTC",
      unpriced_ceiling: { input: "15", output: "75" },
      output_ceiling: 16_384,
      retention: { journal: "1d" },
      bodies: { enabled: false, lifetime: "7d", max_size: "256KiB", redact: [] },
    },
    auth: {
      oidc: {
        issuer: "https://id.example.com",
        client_id: "gateway",
        client_secret: "[secret]",
        public_url: "https://gateway.example.com",
        scopes: ["openid", "profile", "email"],
        authorize_parameters: {},
        groups_claim: "groups",
        roles: {},
        default_role: "none",
        allowed_domains: [],
        username_claim: "preferred_username",
        key_lifetime: "30d",
        check_every: "900s",
      },
    },
    audit: { enabled: true, usage: true },
    guards: { duplicate_tool_calls: { enabled: true, note_at: 3, warn_at: 5, exempt: ["write_stdin", "wait", "TaskOutput"] } },
    firewall: { rules: {}, classifiers: {} },
    alerts: { webhooks: {}, email: { to: [], port: 587, tls: "starttls" }, spend_factor: 3, spend_least: 10, ledger_lag: "60s" },
    canaries: { models: [], every: "600s", budget: "1" },
    telemetry: { otlp: { headers: {}, service_name: "tokligence" }, content: false, labels: [], max_label_values: 100 },
    market: {
      listen: "127.0.0.1:8082",
      hold: "0.02",
      lease: "5m",
      per_buyer: { concurrency: 2, leases: 100, calls_per_second: 20 },
      allow_private: false,
      max_exposure: "5",
      buy: {
        tools: false,
        open_answers: false,
        keyless: "peers",
        policy: {},
        max_price: {},
        substitutes: {},
        min_saving: "15%",
        regions: [],
        quantizations: [],
        probes: "1%",
      },
      relay: { members: true, peers: false, sellers: 50, calls: 32, calls_per_caller: 8 },
      sell: { reserve: 1, headroom: "20%", preempt: "drain" },
    },
    exchange: { enabled: false, fee_ppm: 0, settle: "1h", window: "1d" },
    prices: { a: { input: "1.5" } },
  });
  assert.doesNotMatch(JSON.stringify(shown), new RegExp(canary));
});

test("of a database's URL the password and the query are not shown", (t) => {
  const shownOf = (url: string): unknown => {
    const path = makeFile(t, `database: { type: postgresql, url: "${url}" }`);
    return (loadSettings({ path, env: {}, homeDir }).settings.shown["database"] as { url: string }).url;
  };
  assert.equal(shownOf(`postgresql://u:${canary}@h:1/d?sslpassword=${canary}#x`), "postgresql://u:[secret]@h:1/d?[secret]");
  assert.equal(shownOf("postgres://u@h/d"), "postgres://u@h/d");
});
