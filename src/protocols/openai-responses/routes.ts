import { GatewayError } from "../../core/index.ts";
import type { RouteCall, RouteSpec, UpstreamPath } from "../protocol.ts";

export const routes: readonly RouteSpec[] = [
  { method: "POST", path: "/v1/responses", operation: "generate" },
  { method: "POST", path: "/v1/responses/input_tokens", operation: "count-tokens" },
  { method: "GET", path: "/v1/responses/{id}", operation: "get-response" },
  { method: "DELETE", path: "/v1/responses/{id}", operation: "delete-response" },
  { method: "POST", path: "/v1/responses/{id}/cancel", operation: "cancel-response" },
  { method: "GET", path: "/v1/responses/{id}/input_items", operation: "list-input-items" },
  { method: "POST", path: "/openai/deployments/{model}/responses", operation: "generate", modelInPath: true },
];

/** Paths under a base URL that ends with `/v1`, as OpenAI's SDKs have it. */
export function upstreamPath(call: RouteCall, model: string): UpstreamPath {
  const stored = `/responses/${encodeURIComponent(call.param.toWellFormed())}`;
  switch (call.route.operation) {
    case "generate":
      return { method: "POST", path: "/responses" };
    case "count-tokens":
      return { method: "POST", path: "/responses/input_tokens" };
    case "get-response":
      return { method: "GET", path: stored };
    case "delete-response":
      return { method: "DELETE", path: stored };
    case "cancel-response":
      return { method: "POST", path: `${stored}/cancel` };
    case "list-input-items":
      return { method: "GET", path: `${stored}/input_items` };
    case "list-models":
      return { method: "GET", path: "/models" };
    case "get-model":
      return { method: "GET", path: `/models/${encodeURIComponent(model.toWellFormed())}` };
    default:
      throw new GatewayError("not_served", `OpenAI Responses has no operation "${call.route.operation}".`);
  }
}
