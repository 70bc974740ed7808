import assert from "node:assert/strict";
import { test } from "node:test";
import { mergeTrees, parsePath } from "./tree.ts";
import { formatPath } from "../../settings/index.ts";

test("paths are split at dots, but below a map of values the rest is one key", () => {
  assert.deepEqual(parsePath("gateway.timeouts.connect"), ["gateway", "timeouts", "connect"]);
  assert.deepEqual(parsePath("model_aliases.gpt-4.1"), ["model_aliases", "gpt-4.1"]);
  assert.deepEqual(parsePath("providers.mine.headers.x.y"), ["providers", "mine", "headers", "x.y"]);
  assert.deepEqual(parsePath("nothing.like.it"), ["nothing", "like", "it"]);
});

test("paths are shown with quotes where a name needs them", () => {
  assert.equal(formatPath(["providers", "llama.cpp", "api_keys", 0]), 'providers."llama.cpp".api_keys[0]');
  assert.equal(formatPath([]), "");
});

test("sections merge key by key; lists and routes replace", () => {
  const lower = {
    gateway: { port: 1, host: "a", cors: ["x"] },
    providers: { p: { models: ["a"], headers: { one: "1" }, base_url: { "openai-chat": "u" } } },
    model_provider_routes: { a: "p", b: "p" },
    model_aliases: { a: "b" },
  };
  const upper = {
    gateway: { port: 2, cors: ["y"] },
    providers: { p: { models: ["b"], headers: { two: "2" }, base_url: { "anthropic-messages": "v" } }, q: null },
    model_provider_routes: { c: "q" },
    model_aliases: { c: "d" },
  };
  assert.deepEqual(mergeTrees(lower, upper), {
    gateway: { port: 2, host: "a", cors: ["y"] },
    providers: { p: { models: ["b"], headers: { one: "1", two: "2" }, base_url: { "anthropic-messages": "v" } }, q: {} },
    model_provider_routes: { c: "q" },
    model_aliases: { a: "b", c: "d" },
  });
});

test("merging changes neither layer", () => {
  const lower = { gateway: { port: 1, auth: { enabled: true } } };
  const upper = { gateway: { host: "a", auth: { type: "api_key" } } };
  const before = structuredClone([lower, upper]);
  mergeTrees(lower, upper);
  assert.deepEqual([lower, upper], before);
});

test("a key with nothing under it sets nothing, and an unknown one stays to be reported", () => {
  assert.deepEqual(mergeTrees({ gateway: { port: 1 } }, { gateway: null, database: { path: null }, gatway: null }), {
    gateway: { port: 1 },
    database: {},
    gatway: null,
  });
});
