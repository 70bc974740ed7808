import assert from "node:assert/strict";
import type { AdminClient } from "../../src/server/index.ts";
import type { ScenarioToolCall } from "../testbed/scenario.ts";

type Calls = readonly (readonly [name: string, input: ScenarioToolCall["arguments"]])[];

export interface Task {
  /** The user's words. */
  readonly question: string;
  /** What a model does, turn by turn. */
  readonly turns: readonly Calls[];
  /** How often the user is asked. */
  readonly yes: number;
  /** Reads the end state by admin operations. */
  check(call: AdminClient): Promise<void>;
}

const userIs = (name: string, expected: object) => async (call: AdminClient) => {
  const user = await call("users.get", { param: name });
  assert.deepEqual({ ...user, ...expected }, user);
};

const keysOf = (name: string, expected: readonly object[]) => async (call: AdminClient) => {
  const { data } = await call("keys.list", { query: { user: name } });
  const shown = data.map(({ name: key, models, revoked_at, role }) => ({ key, models, role, isRevoked: revoked_at !== null }));
  assert.deepEqual(shown, expected);
};

const budgetsOf = (subject: string, expected: readonly object[]) => async (call: AdminClient) => {
  const { data } = await call("budgets.list", { query: { subject } });
  assert.deepEqual(
    data.map(({ period, warn_usd, stop_usd }) => ({ period, warn_usd, stop_usd })),
    expected,
  );
};

const limitsOf = (subject: string, expected: readonly object[]) => async (call: AdminClient) => {
  const { data } = await call("limits.list", { query: { subject } });
  const shown = data.map(({ requests_per_minute: requests, tokens_per_day: tokens, concurrent }) => ({ requests, tokens, concurrent }));
  assert.deepEqual(shown, expected);
};

const nothing = (): Promise<void> => Promise.resolve();

/** Users `alice`, `bob`, `carol`, `dave`, `erin` and `root` (an admin) are there; each task goes on from the one before. */
export const userTasks: readonly Task[] = [
  {
    question: "add a user frank with the e-mail frank@example.com",
    turns: [[["users_create", { username: "frank", email: "frank@example.com" }]]],
    yes: 1,
    check: userIs("frank", { email: "frank@example.com", role: "user" }),
  },
  {
    question: "make carol an admin",
    turns: [[["users_update", { id: "carol", role: "admin" }]]],
    yes: 1,
    check: userIs("carol", { role: "admin" }),
  },
  {
    question: "carol is a normal user again",
    turns: [[["users_update", { id: "carol", role: "user" }]]],
    yes: 1,
    check: userIs("carol", { role: "user" }),
  },
  {
    question: "block dave",
    turns: [[["users_get", { id: "dave" }]], [["users_disable", { id: "dave" }]]],
    yes: 1,
    check: async (call) => assert.notEqual((await call("users.get", { param: "dave" })).disabled_at, null),
  },
  { question: "dave may come back", turns: [[["users_enable", { id: "dave" }]]], yes: 1, check: userIs("dave", { disabled_at: null }) },
  {
    question: "tag erin with team:search",
    turns: [[["users_update", { id: "erin", tags: ["team:search"] }]]],
    yes: 1,
    check: userIs("erin", { tags: ["team:search"] }),
  },
  {
    question: "take all tags from erin",
    turns: [[["users_update", { id: "erin", tags: [] }]]],
    yes: 1,
    check: userIs("erin", { tags: [] }),
  },
  {
    question: "remove the e-mail of frank",
    turns: [[["users_update", { id: "frank", email: null }]]],
    yes: 1,
    check: userIs("frank", { email: null }),
  },
  { question: "who are our users?", turns: [[["users_list", {}]]], yes: 0, check: nothing },
  {
    question: "give bob a key called laptop for gpt models only",
    turns: [[["keys_create", { user: "bob", name: "laptop", models: ["gpt-*"] }]]],
    yes: 1,
    check: keysOf("bob", [{ key: "laptop", models: ["gpt-*"], role: "user", isRevoked: false }]),
  },
  {
    question: "which keys does bob have?",
    turns: [[["keys_list", { user: "bob" }]]],
    yes: 0,
    check: keysOf("bob", [{ key: "laptop", models: ["gpt-*"], role: "user", isRevoked: false }]),
  },
  {
    question: "a key for carol that ends in 30 days and uses the cache",
    turns: [[["keys_create", { user: "carol", expires: "30d", cache: "on" }]]],
    yes: 1,
    check: async (call) => {
      const [key] = (await call("keys.list", { query: { user: "carol" } })).data;
      assert.deepEqual([key?.cache, key?.expires_at === null], ["on", false]);
    },
  },
];

export const moneyTasks: readonly Task[] = [
  {
    question: "give bob 5 dollars a day",
    turns: [[["budgets_set", { subject: "bob", period: "day", stop_usd: 5 }]]],
    yes: 1,
    check: budgetsOf("bob", [{ period: "day", warn_usd: null, stop_usd: "5" }]),
  },
  {
    question: "warn us when bob has spent 4 in a day",
    turns: [[["budgets_list", { user: "bob" }]], [["budgets_set", { subject: "bob", period: "day", warn_usd: "4" }]]],
    yes: 1,
    check: budgetsOf("bob", [{ period: "day", warn_usd: "4", stop_usd: "5" }]),
  },
  {
    question: "no warning for bob any more",
    turns: [[["budgets_set", { subject: "bob", period: "day", warn_usd: null }]]],
    yes: 1,
    check: budgetsOf("bob", [{ period: "day", warn_usd: null, stop_usd: "5" }]),
  },
  {
    question: "alice may cost 100 dollars a month, warn at 80",
    turns: [[["budgets_set", { user: "alice", period: "month", stop_usd: "100", warn_usd: 80 }]]],
    yes: 1,
    check: budgetsOf("alice", [{ period: "month", warn_usd: "80", stop_usd: "100" }]),
  },
  {
    question: "team search gets 500 in total",
    turns: [[["budgets_set", { subject: "tag:team:search", period: "total", stop_usd: 500 }]]],
    yes: 1,
    check: budgetsOf("tag:team:search", [{ period: "total", warn_usd: null, stop_usd: "500" }]),
  },
  {
    question: "stop gpt-5 models at 50 dollars a day",
    turns: [[["budgets_set", { subject: "model:gpt-5*", period: "day", stop_usd: 50 }]]],
    yes: 1,
    check: budgetsOf("model:gpt-5*", [{ period: "day", warn_usd: null, stop_usd: "50" }]),
  },
  {
    question: "cap openai at 2000 a month",
    turns: [[["budgets_set", { subject: "provider:openai", period: "month", stop_usd: 2000 }]]],
    yes: 1,
    check: budgetsOf("provider:openai", [{ period: "month", warn_usd: null, stop_usd: "2000" }]),
  },
  { question: "which budgets are there?", turns: [[["budgets_list", {}]]], yes: 0, check: nothing },
  {
    question: "bob: 60 requests a minute",
    turns: [[["limits_set", { subject: "bob", requests_per_minute: 60 }]]],
    yes: 1,
    check: limitsOf("bob", [{ requests: 60, tokens: null, concurrent: null }]),
  },
  {
    question: "and only 2 at a time",
    turns: [[["limits_set", { subject: "bob", concurrent: 2 }]]],
    yes: 1,
    check: limitsOf("bob", [{ requests: 60, tokens: null, concurrent: 2 }]),
  },
  {
    question: "lift bob's limit of requests a minute",
    turns: [[["limits_set", { subject: "bob", requests_per_minute: null }]]],
    yes: 1,
    check: limitsOf("bob", [{ requests: null, tokens: null, concurrent: 2 }]),
  },
  { question: "remove all limits of bob", turns: [[["limits_remove", { subject: "bob" }]]], yes: 1, check: limitsOf("bob", []) },
  {
    question: "team search: a million tokens a day",
    turns: [[["limits_set", { subject: "tag:team:search", tokens_per_day: 1_000_000 }]]],
    yes: 1,
    check: limitsOf("tag:team:search", [{ requests: null, tokens: 1_000_000, concurrent: null }]),
  },
  { question: "which limits are set?", turns: [[["limits_list", {}]]], yes: 0, check: nothing },
  {
    question: "what did we spend this week, by model?",
    turns: [[["usage_report", { group_by: "model", from: "7d" }]]],
    yes: 0,
    check: nothing,
  },
  { question: "what did alice spend by day?", turns: [[["usage_report", { group_by: "day", user: "alice" }]]], yes: 0, check: nothing },
  {
    question: "why did the last request of alice fail?",
    turns: [[["usage_entries", { user: "alice", status: "error", limit: "1" }]], [["docs_search", { question: "upstream_error" }]]],
    yes: 0,
    check: nothing,
  },
  { question: "what does gpt-5 cost?", turns: [[["prices_show", { model: "gpt-5" }]]], yes: 0, check: nothing },
  { question: "are prices missing?", turns: [[["prices_check", {}]]], yes: 0, check: nothing },
  { question: "how old are our prices?", turns: [[["prices_sources", {}]]], yes: 0, check: nothing },
  {
    question: "what would repricing the last week change?",
    turns: [[["ledger_reprice", { from: "7d", dry_run: true }]]],
    yes: 1,
    check: nothing,
  },
  {
    question: "bob's days are those of Berlin",
    turns: [[["budgets_set", { subject: "bob", period: "day", time_zone: "Europe/Berlin" }]]],
    yes: 1,
    check: budgetsOf("bob", [{ period: "day", warn_usd: null, stop_usd: "5" }]),
  },
  {
    question: "openai gets at most 5 requests at a time",
    turns: [[["limits_set", { subject: "provider:openai", concurrent: 5 }]]],
    yes: 1,
    check: limitsOf("provider:openai", [{ requests: null, tokens: null, concurrent: 5 }]),
  },
  { question: "who spent what, day by day?", turns: [[["usage_report", { group_by: "user,day" }]]], yes: 0, check: nothing },
  {
    question: "where do Gemini clients end up with claude-mock?",
    turns: [[["routes_explain", { model: "claude-mock", dialect: "gemini-generate" }]]],
    yes: 0,
    check: nothing,
  },
];

/** A setting of the configuration as it is after a change. */
const setting = (path: string, expected: unknown) => async (call: AdminClient) => {
  // The admin API of the test has read the file before; the assistant's own has, too. So the file is read anew.
  const { loadSettings } = await import("../../src/app/config/index.ts");
  const file = configFile.path;
  let found: unknown = loadSettings({ path: file, env: { HOME: "/nowhere" } }).settings.shown;
  for (const part of path.split("/")) found = (found as Readonly<Record<string, unknown>> | undefined)?.[part];
  assert.deepEqual(found, expected);
  assert.equal((await call("status.get")).status, "stopped");
};

/** Where the configuration lies; set by the test before the tasks run. */
export const configFile = { path: "" };

const set = (
  ...changes: readonly (readonly [setting: string, value: string | number | boolean | null | readonly string[]])[]
): Calls[number] => ["config_set", { changes: changes.map(([name, value]) => ({ setting: name, value })) }];

export const configTasks: readonly Task[] = [
  { question: "listen on port 9000", turns: [[set(["gateway.port", 9000])]], yes: 1, check: setting("gateway/port", 9000) },
  {
    question: "route mistral models to the local server",
    turns: [[["config_read", { section: "model_provider_routes" }]], [set(["model_provider_routes.mistral-*", "local"])]],
    yes: 1,
    check: setting("model_provider_routes/mistral-*", ["local"]),
  },
  {
    question: "route gemini models to openrouter",
    turns: [[set(["providers.openrouter.api_key", "${OPENROUTER_API_KEY}"], ["model_provider_routes.gemini-*", "openrouter"])]],
    yes: 1,
    check: setting("model_provider_routes/gemini-*", ["openrouter"]),
  },
  {
    question: "make best an alias of claude-mock",
    turns: [[set(["model_aliases.best", "claude-mock"])]],
    yes: 1,
    check: setting("model_aliases/best", "claude-mock"),
  },
  {
    question: "remove the alias best",
    turns: [[set(["model_aliases.best", null])]],
    yes: 1,
    check: setting("model_aliases/best", undefined),
  },
  {
    question: "log only warnings",
    turns: [[set(["gateway.logging.level", "warn"])]],
    yes: 1,
    check: setting("gateway/logging/level", "warn"),
  },
  {
    question: "which port do we use, and who says so?",
    turns: [[["config_read", { section: "gateway" }]]],
    yes: 0,
    check: setting("gateway/port", 9000),
  },
  { question: "where does a request for claude-mock go?", turns: [[["routes_explain", { model: "claude-mock" }]]], yes: 0, check: nothing },
  { question: "which models are there?", turns: [[["models_list", {}]], [["routes_list", {}]]], yes: 0, check: nothing },
  { question: "is the gateway running?", turns: [[["status_get", {}]]], yes: 0, check: nothing },
  { question: "does the ledger lag?", turns: [[["ledger_status", {}]]], yes: 0, check: nothing },
  { question: "is everything healthy?", turns: [[["health_get", {}]]], yes: 0, check: nothing },
  { question: "what is in the log?", turns: [[["logs_read", { level: "warn", lines: 5 }]]], yes: 0, check: nothing },
  {
    question: "how do I connect codex?",
    turns: [[["docs_search", { question: "connect codex" }]], [["docs_read", { page: "clients/codex.md" }]]],
    yes: 0,
    check: nothing,
  },
  { question: "how are keys stored?", turns: [[["docs_search", { question: "keys stored hashed" }]]], yes: 0, check: nothing },
];

/** The first call is wrong; the model corrects itself by what it is answered. */
export const correctedTasks: readonly Task[] = [
  {
    question: "give erin 3 dollars a week",
    turns: [
      [["budgets_set", { subject: "erin", period: "week", stop_usd: 3 }]],
      [["budgets_set", { subject: "erin", period: "month", stop_usd: 12 }]],
    ],
    yes: 1,
    check: budgetsOf("erin", [{ period: "month", warn_usd: null, stop_usd: "12" }]),
  },
  {
    question: "block errin",
    turns: [[["users_disable", { id: "errin" }]], [["users_list", {}]], [["users_disable", { id: "erin" }]]],
    yes: 1,
    check: async (call) => assert.notEqual((await call("users.get", { param: "erin" })).disabled_at, null),
  },
  {
    question: "let erin in again",
    turns: [[["enable_user", { user: "erin" }]], [["users_enable", { user: "erin" }]], [["users_enable", { id: "erin" }]]],
    yes: 1,
    check: userIs("erin", { disabled_at: null }),
  },
  {
    question: "limit erin to 10 requests a minute",
    turns: [
      [["limits_set", { subject: "erin", rpm: 10 }]],
      [["limits_set", { subject: "erin", requests_per_minute: "10" }]],
      [["limits_set", { subject: "erin", requests_per_minute: 10 }]],
    ],
    yes: 1,
    check: limitsOf("erin", [{ requests: 10, tokens: null, concurrent: null }]),
  },
  {
    question: "use port 70000, or the highest",
    turns: [[set(["gateway.port", 70_000])], [set(["gateway.port", 65_535])]],
    yes: 1,
    check: setting("gateway/port", 65_535),
  },
  {
    question: "log level noisy",
    turns: [[set(["gateway.loging.level", "noisy"])], [set(["gateway.logging.level", "noisy"])], [set(["gateway.logging.level", "debug"])]],
    yes: 1,
    check: setting("gateway/logging/level", "debug"),
  },
  { question: "revoke the key tok_none", turns: [[["keys_revoke", { id: "tok_none" }]], [["keys_list", {}]]], yes: 0, check: nothing },
  {
    question: "add alice",
    turns: [[["users_create", "{broken"]], [["users_create", { username: "alice" }]], [["users_get", { id: "alice" }]]],
    yes: 1,
    check: userIs("alice", { role: "user" }),
  },
];
