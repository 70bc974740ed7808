import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { stringify } from "yaml";
import { isTag, systemClock } from "../../core/index.ts";
import { createSqliteStore } from "../../store/index.ts";
import { loadSettings } from "../config/index.ts";
import { applyAccounts } from "./apply-accounts.ts";
import { planAccounts } from "./litellm/plan-accounts.ts";
import { planConfig } from "./litellm/plan-config.ts";
import { readLitellmConfig } from "./litellm/read-config.ts";
import { noRows, type TeamRow, type TokenRow, type UserRow } from "./litellm/read-database.ts";

const unlimited = {
  max_budget: null,
  spend: 0,
  budget_duration: null,
  budget_reset_at: null,
  rpm_limit: null,
  tpm_limit: null,
  max_parallel_requests: null,
};
const token: TokenRow = {
  ...unlimited,
  token: "a".repeat(64),
  key_name: "sk-...abcd",
  key_alias: "k",
  user_id: "u1",
  team_id: null,
  budget_id: null,
  models: [],
  allowed_routes: [],
  aliases: {},
  permissions: {},
  model_max_budget: {},
  blocked: null,
  expires: null,
  created_at: null,
};
const user: UserRow = { ...unlimited, user_id: "u1", user_alias: "ann", user_email: null, user_role: null, models: [] };
const team: TeamRow = { ...unlimited, team_id: "t1", team_alias: "Search", organization_id: null, models: [], blocked: false };

function makeFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "tokligence-odd-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

test("what has been spent is in the database with its budget, and a second import adds nothing", async () => {
  const rows = { ...noRows, users: [{ ...user, max_budget: 10, spend: 2.5 }], tokens: [token] };
  const plan = planAccounts({ rows, masterKey: undefined, nowMs: 0 });
  const store = await createSqliteStore({ path: ":memory:", clock: systemClock });
  const { settings } = loadSettings({ text: "", path: "/none/config.yaml", env: {}, homeDir: "/none" });
  const deps = { store, clock: systemClock, settings };
  // The import breaks off with the first write after the budget.
  const broken = { ...store, insertRows: () => Promise.reject(new Error("the power failed")) };
  const usage = [{ row: { request_id: "req_1" } as never, username: "ann", keyHash: null }];
  await assert.rejects(applyAccounts({ ...plan, usage }, { ...deps, store: broken }), /the power failed/);
  const { added, present } = await applyAccounts(plan, deps);
  const periods = await store.db.selectFrom("budget_periods").select("spent_nano_usd").execute();
  assert.deepEqual([periods, added.budgets, present.budgets], [[{ spent_nano_usd: 2_500_000_000n }], 0, 1]);
  await store.close();
});

test("a limit of 0, with which LiteLLM refuses every request, gives no rights, and is named", () => {
  const disabled = { ...user, user_id: "u2", user_alias: "bob", rpm_limit: 0 };
  const rows = {
    ...noRows,
    users: [user, disabled],
    teams: [{ ...team, tpm_limit: "0" }],
    budgets: [{ ...unlimited, budget_id: "b1", max_parallel_requests: 0 }],
    tokens: [
      token,
      { ...token, token: "b".repeat(64), rpm_limit: 0 },
      { ...token, token: "c".repeat(64), team_id: "t1" },
      { ...token, token: "d".repeat(64), budget_id: "b1" },
    ],
  };
  const { keys, users, limits, notes } = planAccounts({ rows, masterKey: undefined, nowMs: 0 });
  assert.deepEqual(
    [keys.map(({ isRevoked }) => isRevoked), users.map(({ isDisabled }) => isDisabled), limits],
    [[false, true, true, true], [false, true], []],
  );
  assert.equal(notes.filter(({ reason }) => reason.includes("limit of 0")).length, 4);
});

test("amounts that are no money are left out and named; an endless one is none", () => {
  const amounts = [Infinity, Number.NaN, -1, 3];
  const rows = { ...noRows, users: amounts.map((max_budget, index) => ({ ...user, user_id: `u${index}`, max_budget, spend: max_budget })) };
  const { budgets, notes } = planAccounts({ rows, masterKey: undefined, nowMs: 0 });
  assert.deepEqual(
    budgets.map(({ stopNanoUsd, spentNanoUsd }) => [stopNanoUsd, spentNanoUsd]),
    [[3_000_000_000n, 3_000_000_000n]],
  );
  assert.deepEqual(
    notes.map(({ path }) => path).filter((path) => path.startsWith("LiteLLM")),
    ["LiteLLM_UserTable u1.max_budget", "LiteLLM_UserTable u2.max_budget"],
  );
});

test("teams with long, equal or unusual names have tags of their own, with their budgets", () => {
  const names = ["x".repeat(60), `${"x".repeat(60)}y`, "Search", "search", "研究", "a@b.c"];
  const teams = names.map((team_alias, index) => ({ ...team, team_id: `t${index}`, team_alias, max_budget: index + 1 }));
  const tokens = teams.map(({ team_id }, index) => ({ ...token, token: String(index).repeat(64), team_id }));
  const { keys, budgets } = planAccounts({ rows: { ...noRows, teams, tokens }, masterKey: undefined, nowMs: 0 });
  const tags = keys.map((key) => key.tags[0]!);
  assert.deepEqual([tags.every(isTag), new Set(tags).size, tags[2]], [true, names.length, "team:search"]);
  assert.deepEqual(
    budgets.map(({ subject }) => subject.name),
    tags,
  );
});

test("names with ${…}, names of objects' own parts, and numbers without an end give a configuration that loads", (t) => {
  const file = join(makeFolder(t), "litellm.yaml");
  writeFileSync(
    file,
    `
model_list:
  - model_name: "price-\${HOME}"
    litellm_params: { model: "openai/my-\${MODEL}", api_base: "http://h/\${PATH}/v1", api_key: os.environ/KEY }
  - model_name: constructor
    litellm_params: { model: openai/gpt-5, weight: .inf, rpm: .nan, timeout: .inf, input_cost_per_token: .nan }
  - model_name: constructor
    litellm_params: { model: openai/gpt-5-mini, weight: 2 }
  - model_name: __proto__
    litellm_params: { model: openai/gpt-5 }
router_settings:
  model_group_alias: { toString: valueOf, quick: constructor }
litellm_settings:
  fallbacks: [{ constructor: ["price-\${HOME}", hasOwnProperty] }]
`,
  );
  const { tree, notes } = planConfig(readLitellmConfig(file));
  const path = join(file, "..", "config.yaml");
  const { settings } = loadSettings({ path, text: stringify(tree), env: { KEY: "k", OPENAI_API_KEY: "k" }, homeDir: "/none" });
  assert.deepEqual([...settings.modelAliases], [["price-${HOME}", "openai/my-${MODEL}"]]);
  assert.deepEqual(Object.keys(tree["models"] as object).toSorted(), ["constructor", "quick"]);
  const reasons = notes.map((note) => `${note.path}: ${note.reason}`).filter((note) => /name here|is not in model_list, /.test(note));
  assert.deepEqual(reasons.toSorted(), [
    'fallbacks.constructor: "hasOwnProperty" is not in model_list, or was not taken over',
    "model_list[3]: a model cannot have this name here",
    'router_settings.model_group_alias.toString: "valueOf" is not in model_list, or was not taken over',
  ]);
});
