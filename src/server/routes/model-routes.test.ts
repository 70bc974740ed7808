import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { Secret } from "../../core/index.ts";
import type { GatewayDeps } from "../../gateway/index.ts";
import { protocols } from "../../protocols/index.ts";
import { buildProviders, createCatalog } from "../../upstream/index.ts";
import { healthRoutes } from "./health-routes.ts";
import { homeRoutes } from "./home-routes.ts";
import { metricsRoute } from "./metrics-route.ts";
import { modelRoutes } from "./model-routes.ts";
import { createRouteTable, type Route } from "../route-table.ts";
import { startEdge, type TestEdge } from "../testing.ts";

const catalog = createCatalog({
  providers: buildProviders([
    { name: "openai", enabled: true, keys: [new Secret("sk-1")], models: ["gpt-5"] },
    {
      name: "local",
      enabled: true,
      protocols: ["openai-chat"],
      baseUrl: "http://localhost:1/v1",
      keys: [],
      models: ["meta-llama/Llama-3:8b"],
    },
  ]),
  routes: [],
  aliases: new Map([["fast", "gpt-5"]]),
  createdAt: 1_767_225_600,
});

/** What listing needs of the gateway; the calls of models are not made here. */
const deps = { protocols, current: () => ({ catalog, modelFacts: () => undefined }) } as unknown as GatewayDeps;

function start(t: TestContext): Promise<TestEdge> {
  return startEdge(t, modelRoutes(deps), { protocols });
}

async function get(edge: TestEdge, path: string, headers: Record<string, string> = {}): Promise<[number, Record<string, unknown>]> {
  const answer = await fetch(`${edge.origin}${path}`, { headers: { authorization: "Bearer tok_user", ...headers } });
  return [answer.status, (await answer.json()) as Record<string, unknown>];
}

const idsOf = (list: unknown, name: string): unknown[] => (list as Record<string, unknown>[]).map((model) => model[name]);

test("the models are listed in the dialect that the request's headers or path ask for", async (t) => {
  const edge = await start(t);
  const ids = catalog.models().map((model) => model.id);
  assert.ok(
    ["gpt-5", "fast", "meta-llama/Llama-3:8b", "loopback"].every((id) => ids.includes(id)),
    ids.join(),
  );
  for (const path of ["/v1/models", "/v1beta/openai/models"]) {
    const [status, body] = await get(edge, path);
    assert.deepEqual([status, body["object"], idsOf(body["data"], "id")], [200, "list", ids]);
  }
  for (const [path, headers] of [
    ["/v1/models", { "anthropic-version": "2023-06-01" }],
    ["/anthropic/v1/models", {}],
  ] as const) {
    const [status, body] = await get(edge, path, headers);
    assert.deepEqual([status, idsOf(body["data"], "id"), body["has_more"]], [200, ids, false]);
    assert.deepEqual(new Set(idsOf(body["data"], "type")), new Set(["model"]));
  }
  for (const [path, headers] of [
    ["/v1/models", { "x-goog-api-key": "tok_user" }],
    ["/v1beta/models", {}],
  ] as const) {
    const [status, body] = await get(edge, path, headers);
    assert.deepEqual([status, idsOf(body["models"], "name")], [200, ids.map((id) => (id.startsWith("models/") ? id : `models/${id}`))]);
  }
});

test("a model is shown under its exact name, with slashes and colons in it, and an unknown one is a 404 in the dialect", async (t) => {
  const edge = await start(t);
  for (const [asked, id] of [
    ["gpt-5", "gpt-5"],
    ["fast", "fast"],
    ["meta-llama/Llama-3:8b", "meta-llama/Llama-3:8b"],
    ["meta-llama%2FLlama-3%3A8b", "meta-llama/Llama-3:8b"],
    ["models/gpt-5", "gpt-5"],
  ] as const) {
    const [status, body] = await get(edge, `/v1/models/${asked}`);
    assert.deepEqual([status, body["id"], body["object"]], [200, id, "model"]);
    const [, anthropic] = await get(edge, `/anthropic/v1/models/${asked}`);
    assert.deepEqual([anthropic["id"], anthropic["type"]], [id, "model"]);
    const [, gemini] = await get(edge, `/v1beta/models/${asked}`);
    assert.equal(gemini["name"], `models/${id}`);
  }
  const [status, openai] = await get(edge, "/v1/models/no/such");
  const error = openai["error"] as Record<string, unknown>;
  assert.deepEqual([status, error["code"], error["param"]], [404, "model_not_found", "model"]);
  const [anthropicStatus, anthropic] = await get(edge, "/v1/models/no-such", { "anthropic-version": "2023-06-01" });
  assert.deepEqual([anthropicStatus, anthropic["type"]], [404, "error"]);
  const [geminiStatus, gemini] = await get(edge, "/v1beta/models/no-such");
  assert.deepEqual([geminiStatus, (gemini["error"] as Record<string, unknown>)["code"]], [404, 404]);
});

test("what the vendors have and this gateway does not says so, to those with a key", async (t) => {
  const edge = await start(t);
  const paths: [string, string][] = [
    ["/v1/completions", "openai-chat"],
    ["/v1/audio/speech", "openai-chat"],
    ["/v1/audio/transcriptions", "openai-chat"],
    ["/v1/images/generations", "openai-chat"],
    ["/v1/moderations", "openai-chat"],
    ["/v1/files", "openai-chat"],
    ["/v1/files/file_1/content", "openai-chat"],
    ["/v1/batches", "openai-chat"],
    ["/v1/batches/b_1/cancel", "openai-chat"],
    ["/v1/rerank", "openai-chat"],
    ["/v1/responses/compact", "openai-responses"],
    ["/v1/messages/batches", "anthropic-messages"],
    ["/v1/messages/batches/b_1/results", "anthropic-messages"],
    ["/anthropic/v1/messages/batches", "anthropic-messages"],
  ];
  for (const [path, dialect] of paths) {
    const call = (headers: Record<string, string>): Promise<Response> =>
      fetch(`${edge.origin}${path}`, { method: "POST", headers, body: "x" });
    assert.equal((await call({})).status, 401, path);
    const answer = await call({ "x-api-key": "tok_user" });
    const text = await answer.text();
    assert.match(text, /is not served by this gateway yet/, path);
    const body = JSON.parse(text) as Record<string, unknown>;
    assert.deepEqual([answer.status, body["type"] === "error"], [404, dialect === "anthropic-messages"], path);
  }
});

test("the routes are those of the contract, each with its access and the dialect of its errors", () => {
  const notAsked = (): never => assert.fail("no request is answered here");
  const table = createRouteTable([
    ...modelRoutes(deps),
    ...healthRoutes(notAsked),
    ...homeRoutes({ readHealth: notAsked, authEnabled: () => true, hasSingleSignOn: () => false, suggestModel: () => "" }),
    metricsRoute(() => ({ series: [], refused: {}, losses: {}, failures: {}, gauges: {} })),
  ]);
  const dialectOf = ({ dialect }: Route): string => (typeof dialect === "string" ? dialect : "by its headers");
  const found = (method: string, path: string): string => {
    const match = table.match(method, path);
    return match === undefined ? "nothing" : `${match.route.access} ${dialectOf(match.route)} ${match.param}`.trimEnd();
  };
  const expected: Record<string, string> = {
    "POST /v1/chat/completions": "user openai-chat",
    "POST /v1/responses": "user openai-responses",
    "GET /v1/responses/resp_1": "user openai-responses resp_1",
    "DELETE /v1/responses/resp_1": "user openai-responses resp_1",
    "POST /v1/responses/resp_1/cancel": "user openai-responses resp_1",
    "GET /v1/responses/resp_1/input_items": "user openai-responses resp_1",
    "POST /v1/responses/input_tokens": "user openai-responses",
    "POST /v1/embeddings": "user openai-chat",
    "GET /v1/models": "user by its headers",
    "GET /v1/models/a/b": "user by its headers a/b",
    "POST /anthropic/v1/messages": "user anthropic-messages",
    "POST /v1/messages": "user anthropic-messages",
    "POST /anthropic/v1/messages/count_tokens": "user anthropic-messages",
    "POST /v1/messages/count_tokens": "user anthropic-messages",
    "GET /anthropic/v1/models": "user anthropic-messages",
    "GET /anthropic/v1/models/m": "user anthropic-messages m",
    "GET /v1beta/models": "user gemini-generate",
    "GET /v1beta/models/m": "user gemini-generate m",
    "POST /v1beta/openai/chat/completions": "user openai-chat",
    "POST /v1beta/openai/embeddings": "user openai-chat",
    "GET /v1beta/openai/models": "user openai-chat",
    "GET /health": "public openai-chat",
    "GET /health/live": "public openai-chat",
    "GET /health/ready": "public openai-chat",
    "GET /": "public openai-chat",
    "HEAD /": "public openai-chat",
    "GET /metrics": "loopback-or-admin openai-chat",
  };
  for (const verb of ["generateContent", "streamGenerateContent", "countTokens", "embedContent", "batchEmbedContents"])
    for (const version of ["v1beta", "v1"]) expected[`POST /${version}/models/a/b:8b:${verb}`] = "user gemini-generate a/b:8b";
  for (const [call, answer] of Object.entries(expected)) {
    const [method = "", path = ""] = call.split(" ");
    assert.equal(found(method, path), answer, call);
  }
});
