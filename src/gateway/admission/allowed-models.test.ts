import assert from "node:assert/strict";
import { test } from "node:test";
import { GlobList, Secret } from "../../core/index.ts";
import { buildProviders, createCatalog, noTargetTable, planModel } from "../../upstream/index.ts";
import { principal } from "../testing.ts";
import { mayCall, withinLists } from "./allowed-models.ts";

const providers = buildProviders(["openai", "anthropic"].map((name) => ({ name, enabled: true, keys: [new Secret("k")] })));
const catalog = createCatalog({
  providers,
  routes: [],
  aliases: new Map(),
  targets: {
    ...noTargetTable,
    models: new Map([
      ["smart", { targets: ["anthropic/claude-opus-5", "openai/gpt-5", "openai/gpt-5-pro"].map((model) => ({ model, weight: 1 })) }],
    ]),
    fallbacks: [["smart", { any: ["gpt-5-mini", "anthropic/claude-haiku-5"] }]],
  },
});

/** The targets and the fallbacks that a key with these lists may use; "" if it may not call the model. */
function allowed(...lists: readonly (readonly string[])[]): string {
  const caller = { ...principal, modelLists: lists.map((list) => new GlobList(list)) };
  const plan = withinLists(
    caller,
    "smart",
    planModel(catalog, { model: "smart", clientProtocol: "openai-chat", operation: "generate", workMode: "auto" }),
  );
  assert.equal(mayCall(caller, catalog, "smart"), plan.attempts.length > 0);
  const targets = plan.attempts.map(({ upstreamModel }) => upstreamModel);
  return [...targets, "|", ...(plan.fallbacks?.any ?? []).map(({ model }) => model)].join(" ");
}

test("a list that takes a model takes its targets but those that it excludes, and its fallbacks only by themselves", () => {
  const lists: readonly (readonly string[])[][] = [
    [["smart"]],
    [["smart", "!*-pro"]],
    [["smart", "!anthropic/*", "gpt-5-mini"]],
    [["gpt-*"]],
    [["*"], ["!openai/*", "*"]],
    [["smart"], ["gpt-*"]],
    [["*", "!smart"]],
    [["claude-sonnet-5"]],
  ];
  assert.deepEqual(
    lists.map((each) => allowed(...each)),
    [
      "claude-opus-5 gpt-5 gpt-5-pro |",
      "claude-opus-5 gpt-5 |",
      "gpt-5 gpt-5-pro | gpt-5-mini",
      "gpt-5 gpt-5-pro | gpt-5-mini",
      "claude-opus-5 | anthropic/claude-haiku-5",
      "gpt-5 gpt-5-pro |",
      // The request is refused.
      "| gpt-5-mini anthropic/claude-haiku-5",
      "|",
    ],
  );
});
