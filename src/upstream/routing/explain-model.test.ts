import assert from "node:assert/strict";
import { test } from "node:test";
import { Secret } from "../../core/index.ts";
import { buildProviders } from "../providers/build-providers.ts";
import { createTargetStates } from "../resilience/target-states.ts";
import { defaultResilience } from "../resilience/settings.ts";
import { createCatalog } from "./catalog.ts";
import { explainModel, type ExplainedTarget } from "./explain-model.ts";
import { noTargetTable } from "./targets.ts";

const key = new Secret("k");
const providers = buildProviders([
  { name: "openai", enabled: true, keys: [key, key] },
  { name: "anthropic", enabled: true, keys: [key] },
  { name: "google", enabled: false, keys: [] },
  { name: "groq", enabled: true, keys: [key], models: ["llama-3"] },
]);

function lineOf({
  role,
  provider,
  model,
  key: id,
  lane,
  isKept,
  reason,
  weight,
  firstContentMs,
  totalMs,
  inFlight,
}: ExplainedTarget): string {
  const figures = [weight, firstContentMs, totalMs, inFlight].map((figure) => figure ?? "-").join(" ");
  return `${role} ${provider}/${model} ${id ?? "-"} ${lane ?? "-"} ${isKept ? "kept" : reason} | ${figures}`;
}

test("an explanation lists every step and how it would be served", () => {
  const catalog = createCatalog({ providers, routes: [], aliases: new Map([["fast", "llama-3"]]) });
  const { targets, ...explained } = explainModel(catalog, { model: "fast", dialect: "anthropic-messages", workMode: "auto", nowMs: 0 });
  assert.deepEqual(explained, {
    model: "fast",
    dialect: "anthropic-messages",
    steps: ['model_aliases: "fast" stands for "llama-3"', "model_provider_routes: the file has none", "models: listed by groq"],
    attempts: [{ provider: "groq", model: "llama-3", protocol: "openai-chat", lane: "translated" }],
    strategy: "priority",
    affinity: true,
    hedge: null,
  });
  assert.deepEqual(targets.map(lineOf), ["target groq/llama-3 groq#1 translated kept | 1 - - 0"]);
  const unknown = explainModel(catalog, { model: "x/y", dialect: "openai-chat", workMode: "auto", nowMs: 0 });
  assert.deepEqual(unknown.steps, [
    "model_provider_routes: the file has none",
    'models: no provider lists "x/y"',
    'presets: no pattern matches "x/y"',
    'announced models: no provider announces "x/y"',
    'provider/model: "x/y" does not begin with a provider\'s name',
  ]);
  assert.deepEqual([unknown.attempts, unknown.targets, unknown.problem?.startsWith('No provider serves the model "x/y".')], [[], [], true]);
});

test("each target is kept, or passed over with the reason, and has its figures", () => {
  const states = createTargetStates();
  const names = ["anthropic/claude-opus-5", "openai/gpt-5", "google/gemini-3"];
  const targets = {
    ...noTargetTable,
    models: new Map([["smart", { targets: names.map((model, index) => ({ model, weight: index + 1 })), strategy: "fastest" as const }]]),
    fallbacks: [["smart", { quota: ["llama-3"] }] as const],
  };
  const catalog = createCatalog({ providers, routes: [], aliases: new Map(), targets, states });
  const { breaker } = defaultResilience;
  const [first, second] = states.of(
    providers.find(({ name }) => name === "openai")!,
    "gpt-5",
  );
  first!.begin(0);
  first!.refused({ kind: "throttled", waitMs: 9_500 }, 0, 0, breaker);
  second!.measures.firstContentMs.add(321.4, 0);
  second!.measures.totalMs.add(4000, 0);
  const [opus] = states.of(
    providers.find(({ name }) => name === "anthropic")!,
    "claude-opus-5",
  );
  for (let count = 0; count < 5; count++) opus!.refused({ kind: "broken" }, 0, 0, breaker);
  const explain = (workMode: "auto" | "passthrough"): string[] => {
    const explained = explainModel(catalog, { model: "smart", dialect: "openai-responses", workMode, nowMs: 1000 });
    return [`${explained.strategy} ${explained.affinity}`, ...explained.targets.map(lineOf)];
  };
  const google = "target google/gemini-3 - - the provider google is disabled: enabled is false in the configuration | 1 - - 0";
  const openai = [
    "target openai/gpt-5 openai#1 verbatim its provider limits the rate of this key, for 9 s more | 2 - - 1",
    "target openai/gpt-5 openai#2 verbatim kept | 2 321 4000 0",
  ];
  assert.deepEqual(explain("auto"), [
    "fastest true",
    "target anthropic/claude-opus-5 anthropic#1 translated it has failed too often (breaker), for 29 s more | 1 - - 0",
    ...openai,
    google,
    "quota groq/llama-3 groq#1 translated kept | 1 - - 0",
  ]);
  assert.deepEqual(explain("passthrough"), [
    "fastest true",
    ...openai,
    "target anthropic/claude-opus-5 - - gateway.work_mode is passthrough | 1 - - 0",
    google,
  ]);
});

test("for a key, the targets that its model list excludes are passed over, fallbacks by their own names", () => {
  const targets = {
    ...noTargetTable,
    models: new Map([["smart", { targets: ["anthropic/claude-opus-5", "openai/gpt-5"].map((model) => ({ model, weight: 1 })) }]]),
    fallbacks: [["smart", { quota: ["llama-3"] }] as const],
  };
  const catalog = createCatalog({ providers, routes: [], aliases: new Map(), targets });
  const explain = (allowed: string): readonly [lines: readonly string[], attempts: number, problem: string | undefined] => {
    const mayUse = (name: string, { upstreamModel }: { readonly upstreamModel: string }): boolean =>
      [name, upstreamModel].includes(allowed);
    const found = explainModel(catalog, { model: "smart", dialect: "openai-chat", workMode: "auto", nowMs: 0, mayUse });
    return [found.targets.map(({ role, model, reason }) => `${role} ${model}: ${reason ?? "kept"}`), found.attempts.length, found.problem];
  };
  const excluded = "the model list of the key excludes it";
  assert.deepEqual(
    [explain("claude-opus-5"), explain("llama-3")],
    [
      [["target claude-opus-5: kept", `target gpt-5: ${excluded}`, `quota llama-3: ${excluded}`], 1, undefined],
      [
        [`target claude-opus-5: ${excluded}`, `target gpt-5: ${excluded}`, "quota llama-3: kept"],
        0,
        "The model list of the key excludes all targets of this model.",
      ],
    ],
  );
});
