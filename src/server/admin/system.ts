import { GatewayError } from "../../core/index.ts";
import { protocolIds } from "../../ir/index.ts";
import { explainModel, listModels, type Catalog } from "../../upstream/index.ts";
import type { AdminOperation } from "./api.ts";

export interface SystemDeps {
  readonly catalog: () => Catalog;
  /** Models, routes in written order and providers as they stand. */
  readonly routes: () => unknown;
  /** The configuration, secrets masked. */
  readonly config: () => unknown;
  /** Re-reads the configuration. @throws GatewayError where it is not valid; the old one stays. */
  readonly reload: () => Promise<unknown>;
  /** State, pid, port, uptime. */
  readonly status: () => unknown;
  /** Begins the shutdown and returns. */
  readonly stop: () => void;
}

/** Models, routes, configuration and the daemon itself. */
export function systemOperations(deps: SystemDeps): AdminOperation[] {
  return [
    { method: "GET", path: "/api/v1/models", access: "admin", run: () => ({ data: listModels(deps.catalog()) }) },
    { method: "GET", path: "/api/v1/routes", access: "admin", run: () => deps.routes() },
    {
      method: "GET",
      path: "/api/v1/routes/explain",
      access: "admin",
      params: ["model", "dialect"],
      run: ({ query }) => {
        const model = query.get("model");
        if (model === null || model === "")
          throw new GatewayError("invalid_request", 'Say which model: "?model=gpt-5".', { param: "model" });
        const asked = query.get("dialect") ?? "openai-chat";
        const dialect = protocolIds.find((id) => id === asked);
        if (dialect === undefined)
          throw new GatewayError("invalid_request", `"dialect" takes ${protocolIds.join(", ")}.`, { param: "dialect" });
        return explainModel(deps.catalog(), model, dialect);
      },
    },
    { method: "GET", path: "/api/v1/config", access: "admin", run: () => deps.config() },
    { method: "GET", path: "/api/v1/status", access: "admin", run: () => deps.status() },
    { method: "POST", path: "/api/v1/reload", access: "admin", run: () => deps.reload() },
    {
      method: "POST",
      path: "/api/v1/stop",
      access: "control",
      run: () => {
        deps.stop();
        return { status: "stopping" };
      },
    },
  ];
}
