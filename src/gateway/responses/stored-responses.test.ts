import assert from "node:assert/strict";
import { test } from "node:test";
import { Secret } from "../../core/index.ts";
import { buildProviders, createCatalog, noTargetTable, planModel } from "../../upstream/index.ts";
import { FakeExchange, fakeCall, fakeWorld, routeOf } from "../testing.ts";
import { pinTo } from "./stored-responses.ts";

test("a response goes on at the provider and key that keep it, also if a fallback has made it", () => {
  const providers = ["one", "two"].map((name) => ({
    name,
    enabled: true,
    protocols: ["openai-responses" as const],
    baseUrl: "http://127.0.0.1:1/v1",
    keys: [new Secret("a"), new Secret("b")],
    models: [`model-of-${name}`],
  }));
  const catalog = createCatalog({
    providers: buildProviders(providers),
    routes: [],
    aliases: new Map(),
    targets: { ...noTargetTable, fallbacks: [["model-of-one", { any: ["model-of-two"], context: ["model-of-two"] }]] },
  });
  const plan = planModel(catalog, {
    model: "model-of-one",
    clientProtocol: "openai-responses",
    operation: "get-response",
    workMode: "auto",
  });
  const pinned = (provider: string): unknown => {
    const call = fakeCall(fakeWorld(), new FakeExchange("{}"), routeOf("openai-responses", "generate"));
    call.plan = plan;
    const owner = { id: "resp_1", userId: "u1", provider, providerKey: `${provider}#2`, model: "model-of-one" };
    const attempts = pinTo(call, plan.attempts, { ...owner, unbilled: false, isStored: false }, "id");
    return [call.pinnedKey, attempts.map((attempt) => `${attempt.provider.name}/${attempt.upstreamModel}`)];
  };
  assert.deepEqual(
    [pinned("one"), pinned("two")],
    [
      ["one#2", ["one/model-of-one"]],
      ["two#2", ["two/model-of-two"]],
    ],
  );
});
