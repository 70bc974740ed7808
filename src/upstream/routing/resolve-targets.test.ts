import assert from "node:assert/strict";
import { test } from "node:test";
import { Secret } from "../../core/index.ts";
import { buildProviders } from "../providers/build-providers.ts";
import type { Catalog } from "./catalog.ts";
import { createCatalog, listModels, planModel } from "./catalog.ts";
import { RoutingError, type ModelRoute } from "./resolve-model.ts";
import { noTargetTable, type TargetTable } from "./targets.ts";

const providers = buildProviders([
  { name: "openai", enabled: true, keys: [new Secret("k")] },
  { name: "anthropic", enabled: true, keys: [new Secret("k")] },
  { name: "google", enabled: false, keys: [] },
  { name: "local", enabled: true, keys: [], protocols: ["openai-chat"], baseUrl: "http://127.0.0.1:1/v1", models: ["org/llama"] },
]);

interface Given extends Partial<TargetTable> {
  readonly aliases?: Readonly<Record<string, string>>;
  readonly routes?: readonly ModelRoute[];
}

function catalogOf({ aliases = {}, routes = [], ...table }: Given): Catalog {
  return createCatalog({ providers, routes, aliases: new Map(Object.entries(aliases)), targets: { ...noTargetTable, ...table } });
}

const models = (lists: Readonly<Record<string, readonly string[]>>): TargetTable["models"] =>
  new Map(Object.entries(lists).map(([name, targets]) => [name, { targets: targets.map((model) => ({ model, weight: 1 })) }]));

/** `provider/model`, … or the problem. */
function targetsOf(catalog: Catalog, model: string): string {
  const { targets, problem } = catalog.resolve(model);
  return problem ?? targets.map(({ provider, upstreamModel }) => `${provider}/${upstreamModel}`).join(" ");
}

test("a model of the operator's own has its targets in their order; a plain name among them is found as any other", () => {
  const catalog = catalogOf({
    models: models({
      smart: ["anthropic/claude-opus-5", "gpt-5.5", "quick", "org/llama", "openai/gpt-5.5"],
      "gpt-5": ["local/gpt-5", "gpt-5"],
    }),
    aliases: { quick: "anthropic/claude-haiku-5" },
    routes: [
      ["gpt-*", ["openai", "local"]],
      ["*", ["anthropic"]],
    ],
  });
  assert.deepEqual(
    ["smart", "gpt-5", "openai/gpt-5", "gpt-6", "quick"].map((model) => targetsOf(catalog, model)),
    [
      // A target that is named twice is one; `org/llama` is no provider's, so the routes decide.
      "anthropic/claude-opus-5 openai/gpt-5.5 local/gpt-5.5 anthropic/claude-haiku-5 anthropic/org/llama",
      // The name of a real model, which leads to it.
      "local/gpt-5 openai/gpt-5",
      // A provider's name skips `models`; the routes come before it, as always.
      "anthropic/openai/gpt-5",
      "openai/gpt-6 local/gpt-6",
      "anthropic/claude-haiku-5",
    ],
  );
  assert.ok(listModels(catalog).some(({ id, provider }) => id === "smart" && provider === "anthropic"));
});

test("a target whose provider is disabled is passed over; if none is left, the client learns why", () => {
  const catalog = catalogOf({ models: models({ one: ["google/gemini-3", "openai/gpt-5"], none: ["google/gemini-3"] }) });
  assert.equal(targetsOf(catalog, "one"), "openai/gpt-5");
  assert.equal(
    targetsOf(catalog, "none"),
    'None of the targets of the model "none" can be asked. The model "google/gemini-3" cannot be served: the provider google is disabled: enabled is false in the configuration.',
  );
  assert.ok(catalog.resolve("one").steps.includes('models: "one" has the targets openai/gpt-5'));
});

test("strategy and affinity are the model's own, else those of routing", () => {
  const own = { targets: [{ model: "openai/gpt-5", weight: 3 }], strategy: "weighted", hasAffinity: false } as const;
  const catalog = catalogOf({ models: new Map([["own", own]]), strategy: "fastest" });
  const shown = (model: string): unknown => {
    const { strategy, hasAffinity, attempts } = planModel(catalog, {
      model,
      clientProtocol: "openai-chat",
      operation: "generate",
      workMode: "auto",
    });
    return [strategy, hasAffinity, attempts.map(({ weight }) => weight)];
  };
  assert.deepEqual(
    [shown("own"), shown("gpt-5")],
    [
      ["weighted", false, [3]],
      ["fastest", true, [1]],
    ],
  );
});

test("fallbacks go by the name asked for, then by a target's; the first pattern that fits wins, and a fallback has none", () => {
  const catalog = catalogOf({
    models: models({ smart: ["openai/gpt-5"], other: ["anthropic/claude-opus-5", "openai/gpt-4"] }),
    fallbacks: [
      ["smart", { any: ["other"] }],
      ["gpt-4*", { context: ["google/gemini-3", "claude-sonnet-5"], any: ["smart", "no-such-model"] }],
      ["gpt-*", { any: ["claude-opus-5"] }],
    ],
  });
  const fallbacks = (model: string): unknown => {
    const plan = planModel(catalog, { model, clientProtocol: "anthropic-messages", operation: "generate", workMode: "auto" });
    return Object.entries(plan.fallbacks ?? {}).map(([reason, list]) => [
      reason,
      ...list.map(
        (one) =>
          `${one.model}: ${one.attempts.map(({ provider, upstreamModel, lane }) => `${provider.name}/${upstreamModel} ${lane}`).join(", ")}`,
      ),
    ]);
  };
  assert.deepEqual(fallbacks("smart"), [["any", "other: anthropic/claude-opus-5 verbatim, openai/gpt-4 translated"]]);
  // By its second target.
  assert.deepEqual(fallbacks("other"), [
    ["context", "claude-sonnet-5: anthropic/claude-sonnet-5 verbatim"],
    ["any", "smart: openai/gpt-5 translated"],
  ]);
  assert.deepEqual(fallbacks("gpt-6"), [["any", "claude-opus-5: anthropic/claude-opus-5 verbatim"]]);
  assert.deepEqual(fallbacks("claude-opus-5"), []);
});

test("the work mode excludes targets and fallbacks", () => {
  const catalog = catalogOf({
    models: models({ smart: ["anthropic/claude-opus-5", "openai/gpt-5"] }),
    fallbacks: [["smart", { any: ["claude-sonnet-5"] }]],
  });
  const plan = planModel(catalog, { model: "smart", clientProtocol: "openai-chat", operation: "generate", workMode: "passthrough" });
  assert.deepEqual(
    plan.attempts.map(({ provider }) => provider.name),
    ["openai"],
  );
  assert.deepEqual(plan.fallbacks, { any: [] });
});

const refused: readonly (readonly [given: Given, message: string])[] = [
  [
    { models: models({ a: ["b"], b: ["openai/gpt-5"] }) },
    'models: the target "b" of "a" is one of models itself; write its targets there.',
  ],
  [{ models: models({ "loopback-x": ["openai/gpt-5"] }) }, 'models: "loopback-x" is a name of the built-in provider; choose another.'],
  [{ models: models({ a: ["openai/gpt-5"] }), aliases: { a: "gpt-5" } }, 'models: "a" is in model_aliases too; write it in one of them.'],
  [
    { models: models({ a: ["openai/gpt-5"] }), aliases: { b: "a" } },
    'model_aliases: "b" stands for "a", which is one of models; give "b" targets there.',
  ],
  [
    { models: models({ a: ["antropic/claude-opus-5"] }) },
    'models: "antropic/claude-opus-5" names the provider "antropic", which does not exist (did you mean anthropic?).',
  ],
  [
    { fallbacks: [["gpt-*", { quota: ["opnai/gpt-5"] }]] },
    'fallbacks: "opnai/gpt-5" names the provider "opnai", which does not exist (did you mean openai?).',
  ],
  [{ fallbacks: [["gpt-5", { any: ["gpt-5"] }]] }, 'fallbacks: "gpt-5" is its own fallback.'],
];

test("chains, names that are taken and misspelt providers are refused", () => {
  const messages = refused.map(([given]) => {
    try {
      catalogOf(given);
      return "accepted";
    } catch (error) {
      assert.ok(error instanceof RoutingError);
      assert.ok(error.message.startsWith(`${error.setting}: `));
      return error.message;
    }
  });
  assert.deepEqual(
    messages,
    refused.map(([, message]) => message),
  );
});
