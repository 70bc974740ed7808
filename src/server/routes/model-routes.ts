import type { Principal } from "../../accounts/index.ts";
import { GatewayError } from "../../core/index.ts";
import { handleModelCall, mayCall, type Caller, type GatewayDeps } from "../../gateway/index.ts";
import type { ProtocolId } from "../../ir/index.ts";
import type { ModelInfo, Protocol, ProtocolTable } from "../../protocols/index.ts";
import { listModels } from "../../upstream/index.ts";
import type { HttpExchange } from "../http/exchange.ts";
import type { Route } from "../route-table.ts";
import { defaultDialect } from "../../protocols/index.ts";
import { dialectOfPath } from "../http/dialect-of-path.ts";

/** The routes of all protocols, the shared `/v1/models`, and the paths of the vendors' APIs that are known but not served. */
export function modelRoutes(deps: GatewayDeps): Route[] {
  const routes: Route[] = [];
  const listDialect = (rawHeaders: readonly string[]): ProtocolId => modelsDialect(rawHeaders, deps.protocols);
  for (const protocol of deps.protocols.values()) {
    for (const spec of protocol.routes) {
      const common = { method: spec.method, path: spec.path, access: "user", anyBase: true, dialect: protocol.id } as const;
      if (spec.operation === "list-models") {
        routes.push({ ...common, handle: (exchange, { principal }) => answerModelList(deps, exchange, principal, protocol) });
      } else if (spec.operation === "get-model") {
        routes.push({
          ...common,
          handle: (exchange, { principal, param }) => answerModel(exchange, protocol, models(deps, principal), param),
        });
      } else {
        routes.push({
          ...common,
          handle: (exchange, { principal, param, query }) =>
            serve(deps, exchange, { principal, protocol, route: { route: spec, param, query } }),
        });
      }
    }
  }
  routes.push(
    {
      method: "GET",
      path: "/v1/models",
      access: "user",
      anyBase: true,
      dialect: listDialect,
      handle: (exchange, { principal }) =>
        answerModelList(deps, exchange, principal, deps.protocols.get(listDialect(exchange.rawHeaders))!),
    },
    {
      method: "GET",
      path: "/v1/models/{model}",
      access: "user",
      anyBase: true,
      dialect: listDialect,
      handle: (exchange, { principal, param }) =>
        answerModel(exchange, deps.protocols.get(listDialect(exchange.rawHeaders))!, models(deps, principal), param),
    },
  );
  for (const path of notServed) {
    for (const method of ["GET", "POST"] as const) {
      routes.push({
        method,
        path,
        access: "user",
        anyBase: true,
        dialect: dialectOfPath(path, deps.protocols),
        handle() {
          throw new GatewayError("not_served", `${path.replace("/{model}", "")} is not served by this gateway yet.`);
        },
      });
    }
  }
  return routes;
}

/** Model requests alone are limited: lists of models, health, metrics and the admin API are answered in any load. @throws GatewayError `overloaded`. */
function serve(deps: GatewayDeps, exchange: HttpExchange, caller: Caller): Promise<void> {
  const turn = exchange.enter();
  return turn === undefined ? handleModelCall(deps, exchange, caller) : turn.then(() => handleModelCall(deps, exchange, caller));
}

/** Known parts of the vendors' APIs that answer with a 404 that says so. */
const notServed = [
  "/v1/completions",
  "/v1/moderations",
  "/v1/rerank",
  "/v1/files",
  "/v1/files/{model}",
  "/v1/batches",
  "/v1/batches/{model}",
  "/v1/audio/{model}",
  "/v1/images/{model}",
  "/v1/responses/compact",
  "/v1/messages/batches",
  "/v1/messages/batches/{model}",
  "/anthropic/v1/messages/batches",
  "/anthropic/v1/messages/batches/{model}",
];

/** `/v1/models` speaks Anthropic's dialect to requests with `anthropic-version`, Gemini's to those with `x-goog-api-key`, else OpenAI's. */
export function modelsDialect(rawHeaders: readonly string[], protocols: ProtocolTable): ProtocolId {
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase();
    for (const [id, { wireRules }] of protocols) if (wireRules.listHeader === name) return id;
  }
  return defaultDialect;
}

/** The models that the key may call. */
function models(deps: GatewayDeps, principal: Principal): readonly ModelInfo[] {
  const { catalog, modelFacts } = deps.current();
  const all = listModels(catalog);
  const offered = principal.modelLists === undefined ? all : all.filter(({ id }) => mayCall(principal, catalog, id));
  return offered.map((model) => ({ ...model, facts: modelFacts(model) }));
}

function answerModelList(deps: GatewayDeps, exchange: HttpExchange, principal: Principal, protocol: Protocol): void {
  exchange.json(200, ["content-type", "application/json"], protocol.renderModelList(models(deps, principal)));
}

function answerModel(exchange: HttpExchange, protocol: Protocol, offered: readonly ModelInfo[], id: string): void {
  const name = id.replace(/^models\//, "");
  const model = offered.find((candidate) => candidate.id === id || candidate.id === name);
  if (model === undefined)
    throw new GatewayError("model_not_found", `The model "${id.slice(0, 200)}" is not known by name here.`, { param: "model" });
  exchange.json(200, ["content-type", "application/json"], protocol.renderModel(model));
}
