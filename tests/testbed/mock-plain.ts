import { defaultUsage } from "./default-scenario.ts";
import type { JsonObject } from "./json.ts";
import { asString } from "./json.ts";
import { renderEmbeddings, renderGeminiEmbeddings, renderModel, renderModelList } from "./mock-lists.ts";
import type { ResponsesStore, StoreResult } from "./mock-responses-store.ts";
import type { Route } from "./mock-routes.ts";
import { readUrl } from "./mock-routes.ts";
import { missingParameter } from "./openai-error.ts";
import type { RecordedRequest } from "./recorded-request.ts";
import type { Scenario, ScenarioUsage } from "./scenario.ts";

/** The answer to a request that no model generates for; `usage` where the vendor bills it. */
export type PlainResult = StoreResult & { readonly usage?: ScenarioUsage };

/** Model lists and stored responses: the requests without a body. */
export function answerListed(
  route: Route,
  request: RecordedRequest,
  deps: { readonly store: ResponsesStore; readonly models: readonly string[] },
): PlainResult {
  const { store, models } = deps;
  const id = route.target ?? "";
  if (route.name === "models") return { body: renderModelList(route.vendor, models) };
  if (route.name === "model") {
    return models.includes(id)
      ? { body: renderModel(route.vendor, id) }
      : { error: { status: 404, message: `The model '${id}' does not exist` } };
  }
  if (route.name === "openai-response-input-items") {
    return store.inputItems(id, readUrl(request.url).searchParams.get("order") === "asc" ? "asc" : "desc");
  }
  if (route.name === "openai-response") return request.method === "DELETE" ? store.remove(id) : store.get(id);
  return { error: { status: 404 } };
}

/** Token counts, embeddings and cancellation: the POSTs that are answered at once. */
export function answerPosted(
  route: Route,
  request: RecordedRequest,
  body: JsonObject,
  scenario: Scenario,
  store: ResponsesStore,
): PlainResult {
  const { input } = { ...defaultUsage("openai-chat", request.body, false), ...scenario.usage };
  const usage: ScenarioUsage = { input, cached: 0, cacheWrite5m: 0, cacheWrite1h: 0, output: 0, reasoning: 0 };
  const { name } = route;
  if (name === "openai-input-tokens") return { body: { object: "response.input_tokens", input_tokens: input } };
  if (name === "anthropic-count-tokens") return { body: { input_tokens: input } };
  if (name === "gemini-count-tokens") {
    return { body: { totalTokens: input, promptTokensDetails: [{ modality: "TEXT", tokenCount: input }] } };
  }
  if (name === "openai-embeddings") {
    const model = asString(body["model"]);
    if (model === undefined) return { error: { status: 400, message: "you must provide a model parameter" } };
    if (body["input"] === undefined) return { error: missingParameter("input") };
    return { body: renderEmbeddings(body, model, input), usage };
  }
  if (name === "gemini-embed" || name === "gemini-batch-embed") {
    return { body: renderGeminiEmbeddings(body, name === "gemini-batch-embed", input), usage };
  }
  if (name === "openai-response-cancel") return store.cancel(route.target ?? "");
  return { error: { status: 404 } };
}
