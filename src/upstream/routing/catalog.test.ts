import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError, Secret } from "../../core/index.ts";
import type { ProviderSettings } from "../providers/build-providers.ts";
import { buildProviders } from "../providers/build-providers.ts";
import type { Catalog, CatalogOptions } from "./catalog.ts";
import { createCatalog, listModels, planAttempts } from "./catalog.ts";
import { RoutingError } from "./resolve-model.ts";
import type { PlanInput } from "../types.ts";

function provider(name: string, more: Partial<ProviderSettings> = {}): ProviderSettings {
  return { name, enabled: true, keys: [new Secret("k")], ...more };
}

const local = provider("local", { protocols: ["openai-chat"], baseUrl: "http://127.0.0.1:11434/v1" });

function catalogOf(settings: readonly ProviderSettings[], more: Partial<CatalogOptions> = {}): Catalog {
  return createCatalog({ providers: buildProviders(settings), routes: [], aliases: new Map(), createdAt: 7, ...more });
}

/** `provider:model`, … or the problem. */
function served(catalog: Catalog, model: string): string {
  const { targets, problem } = catalog.resolve(model);
  return problem ?? targets.map((target) => `${target.provider}:${target.upstreamModel}`).join(" ");
}

function plan(catalog: Catalog, input: Partial<PlanInput> & { readonly model: string }): string[] {
  const attempts = planAttempts(catalog, { clientProtocol: "openai-chat", operation: "generate", workMode: "auto", ...input });
  return attempts.map(({ provider, upstreamModel, protocol, lane }) => `${provider.name} ${upstreamModel} ${protocol} ${lane}`);
}

function refusal(run: () => unknown): readonly [code: string, status: number, param: string | undefined, message: string] {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof GatewayError);
    return [error.code, error.status, error.param, error.message];
  }
  return assert.fail("it was not refused");
}

const vendors = [provider("openai"), provider("anthropic"), provider("google")];

test("without routes in the file, the presets' globs decide", () => {
  const catalog = catalogOf(vendors);
  assert.deepEqual(
    ["gpt-4o", "o3-mini", "text-embedding-3-small", "claude-sonnet-4-5", "gemini-2.5-pro"].map((model) => served(catalog, model)),
    ["openai:gpt-4o", "openai:o3-mini", "openai:text-embedding-3-small", "anthropic:claude-sonnet-4-5", "google:gemini-2.5-pro"],
  );
  assert.match(served(catalog, "gpt-oss-20b"), /^No provider serves the model "gpt-oss-20b"\./);
  assert.match(served(catalog, "omni"), /^No provider serves/);
});

test("with routes in the file, the first that matches wins and the presets' globs are not used", () => {
  const catalog = catalogOf([...vendors, local], {
    routes: [
      ["gpt-4o-mini", ["local"]],
      ["gpt-*", ["openai", "local"]],
      ["gpt-4*", ["anthropic"]],
    ],
  });
  assert.deepEqual(
    ["gpt-4o-mini", "gpt-4o"].map((model) => served(catalog, model)),
    ["local:gpt-4o-mini", "openai:gpt-4o local:gpt-4o"],
  );
  assert.match(served(catalog, "claude-sonnet-4-5"), /^No provider serves/);
});

test("the whole order: alias, route, exact name, announced name, provider/model", () => {
  const catalog = catalogOf([provider("openai"), provider("groq", { models: ["llama-3", "listed"] }), local], {
    aliases: new Map([
      ["fast", "llama-3"],
      ["listed", "openai/gpt-4o"],
      ["test", "loopback"],
    ]),
    routes: [["llama-*", ["local"]]],
    announced: new Map([
      ["openai", ["gpt-4o", "llama-3", "listed", "shared"]],
      ["groq", ["qwen/qwen3", "shared"]],
    ]),
  });
  assert.deepEqual(
    ["fast", "listed", "test", "llama-3", "gpt-4o", "shared", "qwen/qwen3", "groq/any/thing", "openai/o9"].map((model) =>
      served(catalog, model),
    ),
    [
      "local:llama-3",
      "openai:gpt-4o",
      "loopback:loopback",
      "local:llama-3",
      "openai:gpt-4o",
      "openai:shared groq:shared",
      "groq:qwen/qwen3",
      "groq:any/thing",
      "openai:o9",
    ],
  );
  const noRoutes = catalogOf([provider("openai", { models: ["mine"] }), provider("groq", { models: ["gpt-4o", "mine"] })]);
  assert.equal(served(noRoutes, "gpt-4o"), "groq:gpt-4o", "an exact name comes before a glob");
  assert.equal(served(noRoutes, "mine"), "openai:mine groq:mine");
});

test("an alias to provider/model goes to that provider, whatever the routes say; a route for everything matches the whole name", () => {
  const catalog = catalogOf([provider("openai"), provider("openrouter")], {
    routes: [["*", ["openrouter"]]],
    aliases: new Map([
      ["direct", "openai/gpt-4o"],
      ["routed", "meta/llama"],
    ]),
  });
  assert.deepEqual(
    ["direct", "routed", "openai/gpt-4o"].map((model) => served(catalog, model)),
    ["openai:gpt-4o", "openrouter:meta/llama", "openrouter:openai/gpt-4o"],
  );
});

test("loopback and loopback-* answer first, and for no other name", () => {
  const catalog = catalogOf([local], {
    routes: [
      ["gpt-*", ["loopback"]],
      ["*", ["local"]],
    ],
  });
  assert.deepEqual(
    ["loopback", "loopback-slow", "loopbacks", "loopback/x"].map((model) => served(catalog, model)),
    ["loopback:loopback", "loopback:loopback-slow", "local:loopbacks", "local:loopback/x"],
  );
  assert.equal(
    served(catalog, "gpt-4"),
    'The model "gpt-4" is routed by model_provider_routes "gpt-*", but no provider can serve it: the provider loopback answers only for loopback and loopback-*.',
  );
  assert.match(served(catalogOf([]), "loopback/x"), /^No provider serves/);
});

test("a disabled provider is skipped if another one serves the model, and is named with its reason if none does", () => {
  const off = { enabled: false, keys: [], disabledReason: "OPENAI_API_KEY is not set" };
  const routed = catalogOf([provider("openai", off), local], {
    routes: [
      ["gpt-*", ["openai"]],
      ["o*", ["openai", "gone", "local"]],
      ["x*", []],
    ],
  });
  assert.equal(
    served(routed, "gpt-4o"),
    'The model "gpt-4o" is routed by model_provider_routes "gpt-*", but no provider can serve it: the provider openai is disabled: OPENAI_API_KEY is not set.',
  );
  assert.equal(served(routed, "o3"), "local:o3");
  assert.match(served(routed, "x1"), /no provider can serve it: that route names no provider\.$/);
  assert.equal(served(routed, "openai/gpt-4o"), "local:openai/gpt-4o", "o* matches it first");
  const unrouted = catalogOf([provider("openai", { ...off, models: ["mine"] }), provider("groq")], {
    announced: new Map([["groq", ["gpt-4.1"]]]),
  });
  const because = "the provider openai is disabled: OPENAI_API_KEY is not set.";
  assert.equal(served(unrouted, "gpt-4o"), `The model "gpt-4o" cannot be served: ${because}`);
  assert.equal(served(unrouted, "mine"), `The model "mine" cannot be served: ${because}`);
  assert.equal(served(unrouted, "openai/gpt-4o"), `The model "openai/gpt-4o" cannot be served: ${because}`);
  assert.equal(served(unrouted, "gpt-4.1"), "groq:gpt-4.1");
});

test("the answer to an unknown name suggests close names, or says which there are", () => {
  const catalog = catalogOf([provider("openai", { models: ["gpt-4o", "gpt-4o-mini"] }), provider("mine", { preset: "google" })], {
    aliases: new Map([["fast", "gpt-4o-mini"]]),
    announced: new Map([["openai", ["llama-3.3-70b-versatile", "qwen-max", "whisper-1", "o3"]]]),
  });
  const there =
    "There are 8 models, among them loopback, fast, gpt-4o, gpt-4o-mini, llama-3.3-70b-versatile, qwen-max, and PROVIDER/MODEL with one of the " +
    "providers openai, mine; GET /v1/models lists them.";
  const rows: readonly (readonly [string, string])[] = [
    ["llama-3.3-70b", "Did you mean llama-3.3-70b-versatile?"],
    ["LLaMA_3.3.70b-versatile", "Did you mean llama-3.3-70b-versatile?"],
    ["qwen-mxa", "Did you mean qwen-max?"],
    ["fats", "Did you mean fast?"],
    ["opanai/gpt-5", "Did you mean openai/gpt-5?"],
    ["gemni/gemini-2.5-pro", "Did you mean gemini/gemini-2.5-pro?"],
    ["mistral-large", there],
    ["x".repeat(5_000), there],
  ];
  for (const [model, offer] of rows) {
    const name = model.length > 200 ? `${model.slice(0, 200)}…` : model;
    assert.deepEqual(
      refusal(() => plan(catalog, { model })),
      [
        "model_not_found",
        404,
        "model",
        `No provider serves the model "${name}". ${offer} \`tokligence route explain MODEL\` shows how a name is looked up.`,
      ],
    );
  }
  assert.match(served(catalogOf([]), "x"), /There are the models loopback; GET/);
});

test("the names of a preset find its provider, but for those that a provider has itself", () => {
  const google = provider("google");
  assert.equal(served(catalogOf([google]), "gemini/gemini-2.5-pro"), "google:gemini-2.5-pro");
  const two = [
    provider("mine", { preset: "google", keys: [] }),
    google,
    provider("gemini", { protocols: ["openai-chat"], baseUrl: "http://127.0.0.1:1" }),
  ];
  assert.deepEqual(
    ["gemini/a", "google/b", "mine/c"].map((model) => served(catalogOf(two), model).slice(0, 40)),
    ["gemini:a", "google:b", 'The model "mine/c" cannot be served: the'],
  );
  const renamed = [provider("off", { preset: "google", enabled: false }), provider("on", { preset: "google" })];
  assert.equal(served(catalogOf(renamed), "gemini/a/b"), "on:a/b", "an enabled provider comes first");
});

test("an alias is followed once: a chain or a cycle, and an alias that hides a built-in name, are refused", () => {
  const rows: readonly (readonly [Record<string, string>, string])[] = [
    [{ a: "a" }, 'model_aliases: "a" and "a" stand for each other; let an alias name a model or PROVIDER/MODEL.'],
    [{ a: "b", b: "a" }, 'model_aliases: "a" and "b" stand for each other; let an alias name a model or PROVIDER/MODEL.'],
    [{ a: "b", b: "c" }, 'model_aliases: "a" stands for "b", which is an alias itself; write "c" there.'],
    [{ "loopback-x": "gpt-4o" }, 'model_aliases: "loopback-x" is a name of the built-in provider; choose another.'],
  ];
  for (const [aliases, message] of rows) {
    assert.throws(
      () => catalogOf([], { aliases: new Map(Object.entries(aliases)) }),
      (error) => error instanceof RoutingError && error.setting === "model_aliases" && error.message === message,
    );
  }
});

test("the client's own protocol is preferred, then the first that the provider lists", () => {
  const catalog = catalogOf([...vendors, local], { routes: [["*", ["openai", "anthropic", "local"]]] });
  assert.deepEqual(plan(catalog, { model: "m", clientProtocol: "openai-chat" }), [
    "openai m openai-chat verbatim",
    "anthropic m anthropic-messages translated",
    "local m openai-chat verbatim",
  ]);
  assert.deepEqual(plan(catalog, { model: "m", clientProtocol: "anthropic-messages" }), [
    "openai m openai-responses translated",
    "anthropic m anthropic-messages verbatim",
    "local m openai-chat translated",
  ]);
  assert.deepEqual(plan(catalog, { model: "loopback", clientProtocol: "gemini-generate" }), ["loopback loopback gemini-generate builtin"]);
});

test("embeddings and token counts use a protocol that has them", () => {
  const catalog = catalogOf([...vendors, provider("deepseek"), local], {
    routes: [
      ["o*", ["openai"]],
      ["a*", ["anthropic"]],
      ["g*", ["google"]],
      ["d*", ["deepseek"]],
      ["l*", ["local"]],
      ["both*", ["anthropic", "google"]],
    ],
  });
  const chosen = (model: string, operation: PlanInput["operation"], clientProtocol: PlanInput["clientProtocol"]): string[] =>
    plan(catalog, { model, operation, clientProtocol });
  assert.deepEqual(chosen("o", "embed", "gemini-generate"), ["openai o openai-chat translated"]);
  assert.deepEqual(chosen("o", "batch-embed", "gemini-generate"), ["openai o openai-chat translated"]);
  assert.deepEqual(chosen("g", "embed", "openai-chat"), ["google g gemini-generate translated"]);
  assert.deepEqual(chosen("both", "embed", "openai-chat"), ["google both gemini-generate translated"], "the one that has embeddings");
  assert.deepEqual(chosen("o", "count-tokens", "anthropic-messages"), ["openai o openai-responses translated"]);
  assert.deepEqual(chosen("a", "count-tokens", "gemini-generate"), ["anthropic a anthropic-messages translated"]);
  assert.deepEqual(chosen("d", "count-tokens", "gemini-generate"), ["deepseek d anthropic-messages translated"]);
  assert.deepEqual(chosen("l", "count-tokens", "gemini-generate"), ["local l openai-chat translated"], "estimated");
  assert.deepEqual(
    refusal(() => chosen("a", "embed", "openai-chat")),
    [
      "not_served",
      404,
      "model",
      'The model "a" is served by the provider anthropic over anthropic-messages, which has no embeddings. Choose an embedding model of another provider.',
    ],
  );
});

test("passthrough forwards only, translation translates only, and both say what to do; loopback answers in every mode", () => {
  const catalog = catalogOf(vendors, {
    routes: [
      ["mixed", ["anthropic", "openai"]],
      ["*", ["openai"]],
    ],
  });
  assert.deepEqual(plan(catalog, { model: "mixed", workMode: "passthrough" }), ["openai mixed openai-chat verbatim"]);
  assert.deepEqual(plan(catalog, { model: "mixed", workMode: "translation" }), ["anthropic mixed anthropic-messages translated"]);
  assert.deepEqual(
    refusal(() => plan(catalog, { model: "m", clientProtocol: "anthropic-messages", workMode: "passthrough" })),
    [
      "work_mode_refused",
      400,
      "model",
      'The model "m" is served by the provider openai, which speaks openai-responses, openai-chat, not anthropic-messages, and the gateway\'s work_mode is ' +
        "passthrough: it forwards and does not translate. Call the model with a client of that protocol, choose a model whose provider speaks " +
        "anthropic-messages, or set gateway.work_mode to auto.",
    ],
  );
  assert.deepEqual(
    refusal(() => plan(catalog, { model: "m", workMode: "translation" })),
    [
      "work_mode_refused",
      400,
      "model",
      'The model "m" is served by the provider openai, which speaks openai-responses, openai-chat and so needs no translation from openai-chat, and the ' +
        "gateway's work_mode is translation: it does not forward. Choose a model whose provider does not speak openai-chat, or set " +
        "gateway.work_mode to auto.",
    ],
  );
  for (const workMode of ["passthrough", "translation"] as const) {
    assert.deepEqual(plan(catalog, { model: "loopback", workMode }), ["loopback loopback openai-chat builtin"]);
  }
});

test("a plan is cached, separately for each protocol, mode and operation", () => {
  const catalog = catalogOf(vendors);
  const input = { model: "gpt-4o", clientProtocol: "openai-chat", operation: "generate", workMode: "auto" } as const;
  const first = planAttempts(catalog, input);
  assert.equal(planAttempts(catalog, { ...input }), first);
  assert.notEqual(planAttempts(catalog, { ...input, clientProtocol: "gemini-generate" }), first);
  assert.notEqual(planAttempts(catalog, { ...input, operation: "count-tokens" }), first);
  assert.equal(planAttempts(catalog, { ...input, operation: "get-response" }), first);
});

test("a listing has every exact name that is served, once, with its provider", () => {
  const catalog = catalogOf(
    [
      provider("openai", { models: ["gpt-4o", "gpt-4o-mini"] }),
      provider("groq", { models: ["gpt-4o"] }),
      provider("mistral", { enabled: false, keys: [], models: ["mistral-large"] }),
    ],
    {
      aliases: new Map([
        ["fast", "groq/llama-3"],
        ["lost", "mistral/mistral-large"],
      ]),
      announced: new Map([
        ["groq", ["llama-3", "gpt-4o"]],
        ["mistral", ["codestral"]],
      ]),
    },
  );
  assert.deepEqual(
    listModels(catalog).map(({ id, provider, createdAt }) => [id, provider, createdAt]),
    [
      ["loopback", "loopback", 7],
      ["fast", "groq", 7],
      ["gpt-4o", "openai", 7],
      ["gpt-4o-mini", "openai", 7],
      ["llama-3", "groq", 7],
    ],
  );
});

test("names that clients invent cannot fill the memory or displace other names for long", () => {
  const catalog = catalogOf(vendors);
  const first = catalog.resolve("gpt-4o");
  for (let i = 0; i < 3_000; i++) {
    catalog.resolve(`made-up-${i}`);
    if (i % 400 === 0) assert.equal(catalog.resolve("gpt-4o"), first);
  }
  assert.equal(catalog.resolve("gpt-4o"), first);
  for (let i = 0; i < 1_000; i++) catalog.resolve(`other-${i}`);
  assert.notEqual(catalog.resolve("gpt-4o"), first, "one that is not used goes");
  const long = "x".repeat(257);
  assert.notEqual(catalog.resolve(long), catalog.resolve(long));
});

test("planning for a model seen before takes less than a microsecond", () => {
  const catalog = catalogOf(vendors);
  const input = { model: "gpt-4o", clientProtocol: "openai-chat", operation: "generate", workMode: "auto" } as const;
  for (let i = 0; i < 20_000; i++) planAttempts(catalog, input);
  // The best of many rounds: another load on the machine slows some rounds, but not all.
  let best = Infinity;
  for (let round = 0; round < 20; round++) {
    const started = performance.now();
    for (let i = 0; i < 1_000; i++) planAttempts(catalog, input);
    best = Math.min(best, performance.now() - started);
  }
  assert.ok(best < 1, `${best} µs each`);
});

test("a model of another gateway is found by its prefix only, and never by a name that the gateway's own providers could have", () => {
  const node = provider("@bob", { protocols: ["openai-chat"], baseUrl: "http://192.0.2.7:8082/market/v1", models: ["gpt-4o", "qwen3"] });
  const catalog = catalogOf([provider("openai"), local, node], { aliases: new Map([["friend", "@bob/qwen3"]]) });
  assert.equal(served(catalog, "gpt-4o"), "openai:gpt-4o");
  assert.match(served(catalog, "qwen3"), /^No provider serves the model "qwen3"/);
  assert.equal(served(catalog, "@bob/qwen3"), "@bob:qwen3");
  assert.equal(served(catalog, "friend"), "@bob:qwen3");
  const listed = listModels(catalog).flatMap(({ id, provider: by }) => (by === "@bob" ? [id] : []));
  assert.deepEqual(listed, ["friend", "@bob/gpt-4o", "@bob/qwen3"]);
});
