import { GatewayError } from "../../core/index.ts";
import type { RouteCall, RouteSpec, UpstreamPath } from "../protocol.ts";

/**
 * The second base path is Google's for OpenAI's SDKs, the third is Azure's (learn.microsoft.com, Azure OpenAI REST API, November 2026). Three
 * dialects share `/v1/models`, so it is in the server's table.
 */
export const routes: readonly RouteSpec[] = [
  { method: "POST", path: "/v1/chat/completions", operation: "generate" },
  { method: "POST", path: "/v1beta/openai/chat/completions", operation: "generate" },
  { method: "POST", path: "/v1/embeddings", operation: "embed" },
  { method: "POST", path: "/v1beta/openai/embeddings", operation: "embed" },
  { method: "GET", path: "/v1beta/openai/models", operation: "list-models" },
  { method: "POST", path: "/openai/deployments/{model}/chat/completions", operation: "generate", modelInPath: true },
  { method: "POST", path: "/openai/deployments/{model}/embeddings", operation: "embed", modelInPath: true },
];

/** Paths under a base URL that ends with `/v1`, as OpenAI's SDKs have it. */
export function upstreamPath(call: RouteCall, model: string): UpstreamPath {
  switch (call.route.operation) {
    case "generate":
      return { method: "POST", path: "/chat/completions" };
    case "embed":
      return { method: "POST", path: "/embeddings" };
    case "list-models":
      return { method: "GET", path: "/models" };
    case "get-model":
      return { method: "GET", path: `/models/${encodeURIComponent(model.toWellFormed())}` };
    default:
      throw new GatewayError("not_served", `OpenAI Chat has no operation "${call.route.operation}".`);
  }
}
