import assert from "node:assert/strict";
import { test } from "node:test";
import { envNameOf, readEnvironment, vendorKeyNames, writeValue } from "./environment.ts";
import { fixedLeaves, providerLeaves } from "./schema-tree.ts";

test("every setting has a name in the environment, and no two the same", () => {
  const names = [
    ...fixedLeaves.map(({ path }) => envNameOf(path)),
    ...providerLeaves.map(({ path }) => envNameOf(["providers", "x", ...path])),
  ];
  assert.equal(new Set(names).size, names.length);
  for (const expected of [
    "TOKLIGENCE_GATEWAY_PORT",
    "TOKLIGENCE_GATEWAY_AUTH_ENABLED",
    "TOKLIGENCE_MODEL_PROVIDER_ROUTES",
    "TOKLIGENCE_PROVIDERS_X_BASE_URL",
  ]) {
    assert.ok(names.includes(expected), expected);
  }
});

test("no provider's setting has a name that ends like another's", () => {
  const endings = providerLeaves.map(({ path }) => envNameOf(["", ...path]).replace("TOKLIGENCE_", ""));
  assert.deepEqual(
    endings.filter((ending) => endings.some((other) => other !== ending && other.endsWith(ending))),
    [],
  );
});

test("scalars, lists, maps and routes are read from variables", () => {
  const layer = readEnvironment(
    {
      TOKLIGENCE_GATEWAY_PORT: "9000",
      TOKLIGENCE_GATEWAY_CORS: "https://a.example, https://b.example,",
      TOKLIGENCE_MODEL_PROVIDER_ROUTES: "gpt-*=openai,claude-*=anthropic, gpt-*=azure",
      TOKLIGENCE_MODEL_ALIASES: "fast=openai/gpt-5-mini",
      TOKLIGENCE_PRICES: '{"m": {"input": "1"}}',
      TOKLIGENCE_DATABASE_TLS: "true",
      TOKLIGENCE_GATEWAY_HOST: "",
      HOME: "/home/u",
    },
    [],
  );
  assert.deepEqual(layer, {
    tree: {
      gateway: { port: "9000", cors: ["https://a.example", "https://b.example"] },
      model_provider_routes: { "gpt-*": ["openai", "azure"], "claude-*": ["anthropic"] },
      model_aliases: { fast: "openai/gpt-5-mini" },
      prices: { m: { input: "1" } },
      database: { tls: "true" },
    },
    settings: [
      { name: "TOKLIGENCE_GATEWAY_PORT", path: ["gateway", "port"] },
      { name: "TOKLIGENCE_GATEWAY_CORS", path: ["gateway", "cors"] },
      { name: "TOKLIGENCE_MODEL_PROVIDER_ROUTES", path: ["model_provider_routes"] },
      { name: "TOKLIGENCE_MODEL_ALIASES", path: ["model_aliases"] },
      { name: "TOKLIGENCE_PRICES", path: ["prices"] },
      { name: "TOKLIGENCE_DATABASE_TLS", path: ["database", "tls"] },
    ],
    problems: [],
    warnings: [],
  });
});

test("a provider's name is found with other characters as _, also a preset's; a new one is in lower case", () => {
  const { tree } = readEnvironment(
    {
      TOKLIGENCE_PROVIDERS_MY_SERVER_1_BASE_URL: "http://h/v1",
      TOKLIGENCE_PROVIDERS_LLAMA_CPP_ENABLED: "true",
      TOKLIGENCE_PROVIDERS_NEW_ONE_PROTOCOLS: "openai-chat",
      TOKLIGENCE_PROVIDERS_NEW_ONE_TIMEOUTS_TOTAL: "9s",
      TOKLIGENCE_PROVIDERS_NEW_ONE_API_KEYS: "a,b",
      TOKLIGENCE_PROVIDERS_TWO_BASE_URL: "openai-chat=http://h/v1,anthropic-messages=http://h",
    },
    ["My.Server-1"],
  );
  assert.deepEqual(tree, {
    providers: {
      "My.Server-1": { base_url: "http://h/v1" },
      "llama.cpp": { enabled: "true" },
      new_one: { protocols: ["openai-chat"], timeouts: { total: "9s" }, api_keys: ["a", "b"] },
      two: { base_url: { "openai-chat": "http://h/v1", "anthropic-messages": "http://h" } },
    },
  });
});

test("an unknown name of ours is a warning with the nearest known one; vendors' keys are known", () => {
  const { tree, warnings } = readEnvironment(
    {
      TOKLIGENCE_GATEWAY_PROT: "1",
      TOKLIGENCE_QUITE_ELSE: "x",
      TOKLIGENCE_OPENAI_API_KEY: "sk",
      TOKLIGENCE_GEMINI_API_KEY: "g",
      TOKLIGENCE_PROVIDERS_X: "1",
      TOKLIGENCE_PORT: "1",
      TOKLIGENCE_OLLAMA_BASE_URL: "http://h",
      TOKLIGENCE_PROVIDERS_MINE_API_KYE: "k",
      TOKLIGENCE_KEY: "tok_1",
    },
    ["mine"],
  );
  assert.deepEqual(tree, {});
  assert.deepEqual(warnings, [
    "TOKLIGENCE_GATEWAY_PROT: no setting has this name in the environment; did you mean TOKLIGENCE_GATEWAY_PORT?",
    "TOKLIGENCE_QUITE_ELSE: no setting has this name in the environment",
    "TOKLIGENCE_PROVIDERS_X: no setting has this name in the environment",
    "TOKLIGENCE_PORT: no setting has this name in the environment; did you mean TOKLIGENCE_GATEWAY_PORT?",
    "TOKLIGENCE_OLLAMA_BASE_URL: no setting has this name in the environment; did you mean TOKLIGENCE_PROVIDERS_OLLAMA_BASE_URL?",
    "TOKLIGENCE_PROVIDERS_MINE_API_KYE: no setting has this name in the environment; did you mean TOKLIGENCE_PROVIDERS_MINE_API_KEY?",
  ]);
});

test("invalid JSON is a problem that names the variable and not its value", () => {
  const { problems } = readEnvironment({ TOKLIGENCE_PROVIDERS_OPENAI_HEADERS: '{"x": "hunter2' }, []);
  assert.deepEqual(
    problems.map((problem) => problem.message),
    ["TOKLIGENCE_PROVIDERS_OPENAI_HEADERS: not valid JSON, allowed a map of header names and texts"],
  );
});

test("JSON in a variable cannot reach an object's prototype", () => {
  const { tree } = readEnvironment({ TOKLIGENCE_PRICES: '{"__proto__": {"input": "1"}, "m": {"input": "2"}}' }, []);
  assert.deepEqual(tree, { prices: { m: { input: "2" } } });
});

test("what is written for a variable is read back as the same", () => {
  const rows = [
    ["TOKLIGENCE_GATEWAY_CORS", ["https://a.example", "https://b.example"]],
    ["TOKLIGENCE_PROVIDERS_P_MODELS", ["a,b", "[x]", " c"]],
    ["TOKLIGENCE_PROVIDERS_P_HEADERS", { a: "1=2", b: "x y" }],
    ["TOKLIGENCE_PROVIDERS_P_QUERY", { a: "1,2", "b=": "" }],
    ["TOKLIGENCE_PROVIDERS_P_BASE_URL", { "openai-chat": "http://h/v1" }],
    ["TOKLIGENCE_MODEL_PROVIDER_ROUTES", { "o[0-9]*": ["a", "b"], "gpt-*": ["a"] }],
    ["TOKLIGENCE_PRICES", { m: { input: "1" } }],
  ] as const;
  for (const [name, value] of rows) {
    const written = writeValue(structuredClone(value) as never);
    const { tree } = readEnvironment({ [name]: written }, ["p"]);
    const read = name.includes("PROVIDERS_P")
      ? Object.values((tree["providers"] as { p: object }).p)[0]
      : Object.values(name.includes("CORS") ? (tree["gateway"] as object) : tree)[0];
    assert.deepEqual(read, value, name);
  }
});

test("a vendor's key is looked for under our own names first", () => {
  assert.deepEqual(vendorKeyNames(["TOKLIGENCE_GOOGLE_API_KEY", "GOOGLE_API_KEY", "GEMINI_API_KEY"]), [
    "TOKLIGENCE_GOOGLE_API_KEY",
    "TOKLIGENCE_GEMINI_API_KEY",
    "GOOGLE_API_KEY",
    "GEMINI_API_KEY",
  ]);
});
