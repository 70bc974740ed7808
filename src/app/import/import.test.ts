import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, test } from "node:test";
import pg from "pg";
import { createAccounts } from "../../accounts/index.ts";
import { createIdSource, systemClock } from "../../core/index.ts";
import { createSqliteStore } from "../../store/index.ts";
import { loadSettings } from "../config/index.ts";
import { applyAccounts } from "./apply-accounts.ts";
import { planAccounts } from "./litellm/plan-accounts.ts";
import { planConfig } from "./litellm/plan-config.ts";
import { readLitellmConfig } from "./litellm/read-config.ts";
import { noRows, parserOf, type TokenRow } from "./litellm/read-database.ts";
import { importLitellm, importOpenrouterUsage, importTokligenceGo } from "./sources.ts";

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), "tokligence-import-"));
});
const configHome = process.env["XDG_CONFIG_HOME"];
after(() => {
  if (configHome === undefined) delete process.env["XDG_CONFIG_HOME"];
  else process.env["XDG_CONFIG_HOME"] = configHome;
  rmSync(folder, { recursive: true, force: true });
});

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
const masterKey = "sk-master-0123456789abcdef";

const litellmConfig = `
model_list:
  - model_name: fast
    litellm_params: { model: openai/gpt-5-mini, api_key: os.environ/OPENAI_API_KEY, weight: 2 }
  - model_name: fast
    litellm_params: { model: azure/my-gpt, api_base: "https://res.openai.azure.com/", api_key: os.environ/AZURE_API_KEY, api_version: "2024-05-01", weight: 1, rpm: 60 }
    model_info: { base_model: azure/gpt-4.1 }
  - model_name: claude
    litellm_params: { model: claude-sonnet-4-6, temperature: 0.2, timeout: 30 }
  - model_name: own
    litellm_params: { model: openai/my-model, api_base: "http://10.0.0.5:8000/v1", api_key: none, input_cost_per_token: 0.00000015, output_cost_per_token: 0.0000006 }
  - model_name: groq/*
    litellm_params: { model: groq/*, api_key: os.environ/GROQ_API_KEY }
  - model_name: rock
    litellm_params: { model: bedrock/anthropic.claude-v2 }
litellm_settings:
  drop_params: true
  num_retries: 3
  fallbacks: [{ fast: [claude, rock] }]
  success_callback: [langfuse]
router_settings: { routing_strategy: latency-based-routing, cooldown_time: 5, model_group_alias: { quick: fast } }
general_settings: { master_key: ${masterKey}, unheard_of: 1 }
environment_variables: { LANGFUSE_SECRET_KEY: x }
`;

function writeLitellm(): string {
  const path = join(folder, "litellm.yaml");
  writeFileSync(path, litellmConfig);
  return path;
}

test("a LiteLLM configuration becomes one that loads, and all that is not taken over is named", () => {
  const { tree, notes } = planConfig(readLitellmConfig(writeLitellm()));
  assert.deepEqual(tree, {
    providers: {
      openai: { preset: "openai", api_key: "${OPENAI_API_KEY}" },
      azure: {
        preset: "azure-openai",
        base_url: "https://res.openai.azure.com/openai/v1",
        api_key: "${AZURE_API_KEY}",
        limits: { requests_per_minute: 60 },
      },
      anthropic: { preset: "anthropic", timeouts: { total: "30s" } },
      "openai-2": { protocols: ["openai-chat"], base_url: "http://10.0.0.5:8000/v1", api_key: "none" },
      groq: { preset: "groq", api_key: "${GROQ_API_KEY}" },
    },
    model_aliases: { claude: "anthropic/claude-sonnet-4-6", own: "openai-2/my-model" },
    models: {
      fast: { targets: [{ model: "openai/gpt-5-mini", weight: 2 }, "azure/my-gpt"] },
      quick: { targets: [{ model: "openai/gpt-5-mini", weight: 2 }, "azure/my-gpt"] },
    },
    fallbacks: { fast: { any: ["claude"] } },
    model_traits: { "azure/my-gpt": { like: "gpt-4.1" } },
    routing: { strategy: "fastest", retries: 3, breaker: { open: "5s" } },
    prices: { "openai-2/my-model": { input: "0.15", output: "0.6" } },
  });
  assert.deepEqual(
    notes.map(({ path }) => path),
    [
      "model_list[1].litellm_params.api_version",
      "model_list[2].litellm_params.temperature",
      "model_list[5]",
      "litellm_settings.num_retries",
      "litellm_settings.success_callback",
      "general_settings.master_key",
      "general_settings.unheard_of",
      "environment_variables.LANGFUSE_SECRET_KEY",
      "fallbacks.fast",
      "port",
      "model names",
      "/key, /team, /user",
    ],
  );
});

test("an import shows what it would do, writes with apply, and a second one adds nothing; the old key works", async () => {
  const config = join(folder, "new", "config.yaml");
  const target = { path: config, replace: false, keepConfig: false, database: undefined };
  process.env["XDG_CONFIG_HOME"] = folder;
  const file = writeLitellm();
  const dry = await importLitellm(file, { ...target, apply: false });
  assert.deepEqual([dry.applied, dry.config.state, dry.planned.keys], [false, "new", 1]);
  assert.throws(() => readFileSync(config));
  const first = await importLitellm(file, { ...target, apply: true });
  assert.deepEqual(first.added, { users: 1, keys: 1, budgets: 0, limits: 0, usage: 0 });
  const again = await importLitellm(file, { ...target, apply: true });
  assert.deepEqual(
    [again.config.state, again.added, again.present],
    ["unchanged", { users: 0, keys: 0, budgets: 0, limits: 0, usage: 0 }, { users: 1, keys: 1, budgets: 0, limits: 0, usage: 0 }],
  );
  const { settings } = loadSettings({ path: config });
  const store = await createSqliteStore({ path: settings.database.path, clock: systemClock });
  const accounts = createAccounts({ store, clock: systemClock, ids: createIdSource(systemClock) });
  const found = await accounts.authenticate(masterKey);
  assert.deepEqual([found?.username, found?.role], ["litellm-admin", "admin"]);
  assert.equal(await accounts.authenticate("sk-another-key-0123456789"), undefined);
  assert.equal((await accounts.getKey("sk-...cdef")).name, "LiteLLM master key");
  accounts.close();
  await store.close();
  writeFileSync(config, "gateway: { port: 9999 }\n");
  await assert.rejects(importLitellm(file, { ...target, apply: true }), /--replace/);
  await importLitellm(file, { ...target, replace: true, apply: true });
  assert.equal(readFileSync(`${config}.before-import`, "utf8"), "gateway: { port: 9999 }\n");
});

const noLimits = { rpm_limit: null, tpm_limit: null, max_parallel_requests: null };
const token: TokenRow = {
  ...noLimits,
  token: sha256("sk-alice-key"),
  key_name: "sk-...-key",
  key_alias: "laptop",
  user_id: "u1",
  team_id: "t1",
  budget_id: null,
  models: ["fast"],
  allowed_routes: [],
  aliases: {},
  permissions: {},
  model_max_budget: {},
  blocked: null,
  expires: null,
  created_at: new Date(1_700_000_000_000),
  max_budget: 10,
  spend: 2.5,
  budget_duration: null,
  budget_reset_at: null,
};

test("keys, users, teams, budgets and limits of LiteLLM's database work as they did", async () => {
  const plan = planAccounts({
    rows: {
      ...noRows,
      tokens: [
        token,
        { ...token, token: sha256("sk-blocked"), key_alias: null, user_id: null, team_id: null, blocked: true, max_budget: null },
      ],
      users: [
        {
          ...noLimits,
          user_id: "u1",
          user_alias: null,
          user_email: "alice@example.com",
          user_role: "proxy_admin",
          models: [],
          max_budget: 100,
          spend: 3,
          budget_duration: "30d",
          budget_reset_at: null,
        },
      ],
      teams: [
        {
          ...noLimits,
          team_id: "t1",
          team_alias: "Search Team",
          organization_id: null,
          models: [],
          blocked: false,
          rpm_limit: "60",
          max_budget: 50,
          spend: 7,
          budget_duration: "7d",
          budget_reset_at: null,
        },
      ],
    },
    masterKey: "sk-1234",
    nowMs: systemClock.now(),
  });
  assert.deepEqual(
    plan.keys.map(({ username, name, prefix, isRevoked, models, tags }) => ({ username, name, prefix, isRevoked, models, tags })),
    [
      { username: "alice@example.com", name: "laptop", prefix: "sk-…-key", isRevoked: false, models: ["fast"], tags: ["team:search-team"] },
      { username: "litellm", name: null, prefix: "sk-…-key", isRevoked: true, models: ["fast"], tags: [] },
    ],
  );
  assert.deepEqual(plan.notes.map(({ path }) => path).toSorted(), [
    "LiteLLM_TeamTable Search Team.budget_duration",
    "LiteLLM_UserTable u1.budget_duration",
    "LiteLLM_UserTable u1.user_role",
    "general_settings.master_key",
  ]);
  const { settings } = loadSettings({ path: join(folder, "x.yaml"), text: "{}", env: {} });
  const store = await createSqliteStore({ path: ":memory:", clock: systemClock });
  const deps = { store, settings, clock: systemClock };
  const { added } = await applyAccounts(plan, deps);
  assert.deepEqual(added, { users: 2, keys: 2, budgets: 2, limits: 1, usage: 0 });
  assert.deepEqual((await applyAccounts(plan, deps)).added, { users: 0, keys: 0, budgets: 0, limits: 0, usage: 0 });
  const budgets = await store.db
    .selectFrom("budgets")
    .innerJoin("budget_periods", "budget_periods.budget_id", "budgets.id")
    .select(["subject", "period", "stop_nano_usd", "spent_nano_usd"])
    .execute();
  assert.deepEqual(
    budgets.map((row) => ({ ...row })).toSorted((a, b) => a.subject.localeCompare(b.subject)),
    [
      { subject: "key", period: "total", stop_nano_usd: 10_000_000_000n, spent_nano_usd: 2_500_000_000n },
      { subject: "user", period: "month", stop_nano_usd: 100_000_000_000n, spent_nano_usd: 3_000_000_000n },
    ],
  );
  const accounts = createAccounts({ store, clock: systemClock, ids: createIdSource(systemClock) });
  assert.equal((await accounts.authenticate("sk-alice-key"))?.username, "alice@example.com");
  assert.equal(await accounts.authenticate("sk-blocked"), undefined);
  accounts.close();
  await store.close();
});

test("users, keys and usage of the earlier gateway are taken over once, also from files without newer columns", async () => {
  const old = mkdtempSync(join(folder, "go-"));
  const key = `tok_${"g".repeat(43)}`;
  const identity = new DatabaseSync(join(old, "identity.db"));
  identity.exec(`
    create table users (id integer primary key, email text, role text, status text, created_at text);
    create table api_keys (id integer primary key, user_id integer, key_hash text, key_prefix text, expires_at text);
    insert into users values (1, 'bob@example.com', 'gateway_user', 'active', '2025-01-02 03:04:05');
    insert into api_keys values (7, 1, '${sha256(key)}', 'tok_gggggggg', null);`);
  identity.close();
  const ledger = new DatabaseSync(join(old, "ledger.db"));
  ledger.exec(`
    create table usage_entries (id integer primary key, user_id integer, api_key_id integer, prompt_tokens integer, completion_tokens integer, direction text, created_at text);
    insert into usage_entries values (1, 1, 7, 10, 20, 'consume', '2025-01-02 03:04:05.5 +0000 UTC'), (2, 9, null, 1, 1, 'consume', '2025-01-02 03:04:05');`);
  ledger.close();
  const path = join(old, "config.yaml");
  writeFileSync(path, "database: { path: gateway.db }\n");
  const done = await importTokligenceGo(old, { path, apply: true });
  assert.deepEqual(done.added, { users: 1, keys: 1, budgets: 0, limits: 0, usage: 1 });
  assert.ok(done.not_taken_over.some((note) => note.path === "ledger.db usage_entries (1)"));
  assert.deepEqual((await importTokligenceGo(old, { path, apply: true })).added, { users: 0, keys: 0, budgets: 0, limits: 0, usage: 0 });
  const store = await createSqliteStore({ path: join(old, "gateway.db"), clock: systemClock });
  const accounts = createAccounts({ store, clock: systemClock, ids: createIdSource(systemClock) });
  const found = await accounts.authenticate(key);
  const [row] = await store.db.selectFrom("usage_entries").selectAll().execute();
  assert.deepEqual(
    [row!.user_id, row!.key_id, row!.time_ms, row!.model_asked, row!.cost_nano_usd, row!.usage_source, row!.output_tokens],
    [found!.userId, found!.keyId, Date.parse("2025-01-02T03:04:05.500Z"), "unknown", null, "imported", 20],
  );
  accounts.close();
  await store.close();
});

test("OpenRouter's activity becomes usage entries, each once", async () => {
  const file = join(folder, "activity.csv");
  writeFileSync(
    file,
    "generation_id,created_at,cost_total,tokens_prompt,tokens_completion,model_permaslug\ngen-1,2026-01-31 10:00:00,0.5,3,4,openai/gpt-5\ngen-2,x,0.1,1,1,a/b\n",
  );
  const path = join(folder, "or.yaml");
  writeFileSync(path, "database: { path: or.db }\n");
  const done = await importOpenrouterUsage(file, { path, apply: true });
  assert.deepEqual([done.added?.usage, done.not_taken_over.length], [1, 2]);
  assert.equal((await importOpenrouterUsage(file, { path, apply: true })).added?.usage, 0);
  writeFileSync(file, "a,b\n1,2\n");
  await assert.rejects(importOpenrouterUsage(file, { path, apply: true }), /created_at and cost_total/);
});

test("an old key gets no more rights: models of its team or user limit it, and a key for some routes is not taken over", () => {
  const none = { ...noLimits, max_budget: null, spend: 0, budget_duration: null, budget_reset_at: null };
  const team = { ...none, team_id: "t1", team_alias: "t", organization_id: null, models: ["fast", "openai/*"], blocked: false };
  const user = { ...none, user_id: "u1", user_alias: "u", user_email: null, user_role: null, models: ["claude"] };
  const cases: readonly (readonly [Partial<TokenRow>, readonly string[] | null | undefined])[] = [
    [{ models: ["fast", "claude", "openai/gpt-5"] }, ["fast", "openai/gpt-5"]],
    [{ models: ["all-proxy-models"] }, ["fast", "openai/*"]],
    [{ models: ["all-team-models"] }, ["fast", "openai/*"]],
    [{ models: ["claude"] }, ["no-default-models"]],
    [{ models: [], team_id: null }, ["claude"]],
    [{ models: [], team_id: null, user_id: null }, null],
    [{ allowed_routes: ["/key/info"] }, undefined],
    [{ allowed_routes: ["llm_api_routes"], models: ["fast"] }, ["fast"]],
  ];
  for (const [columns, models] of cases) {
    const rows = { ...noRows, teams: [team], users: [user], tokens: [{ ...token, ...columns }] };
    assert.deepEqual(planAccounts({ rows, masterKey: undefined, nowMs: 0 }).keys[0]?.models, models, JSON.stringify(columns));
  }
});

test("LiteLLM's times are UTC, whatever the zone of this machine", () => {
  assert.deepEqual(parserOf(pg.types.builtins.TIMESTAMP)("2026-01-31 17:04:05.123"), new Date("2026-01-31T17:04:05.123Z"));
});

test("merge keys are read, also many; a report shows no key, and a second replacement keeps the first backup", async () => {
  const file = join(folder, "merged.yaml");
  const entry = (name: string): string =>
    `  - { model_name: ${name}, litellm_params: { <<: *shared, model: openai/${name}, extra_headers: { X-Key: header-secret } } }\n`;
  const names = Array.from({ length: 120 }, (_, at) => `m${at}`);
  writeFileSync(
    file,
    `x: &shared { api_base: "http://10.0.0.5:8000/v1", api_key: sk-very-secret }\nrouter_settings: { redis_url: "redis://u:pass-secret@h:6379" }\nmodel_list:\n${names.map(entry).join("")}`,
  );
  const path = join(folder, "merged", "config.yaml");
  const target = { path, replace: true, keepConfig: false, database: undefined };
  const shown = await importLitellm(file, { ...target, apply: false });
  assert.deepEqual(/[a-z-]+-secret/.exec(JSON.stringify(shown)), null);
  await importLitellm(file, { ...target, apply: true });
  assert.match(readFileSync(path, "utf8"), /api_key: sk-very-secret/);
  for (const own of ["a: 1\n", "b: 2\n"]) {
    writeFileSync(path, own);
    await importLitellm(file, { ...target, apply: true });
  }
  assert.deepEqual([readFileSync(`${path}.before-import`, "utf8"), readFileSync(`${path}.before-import-2`, "utf8")], ["a: 1\n", "b: 2\n"]);
});
