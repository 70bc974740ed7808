import { GatewayError } from "../../core/index.ts";
import type { RouteCall, RouteSpec, UpstreamPath } from "../protocol.ts";

/** SDKs are configured with a base URL with or without `/anthropic`. Three dialects share `/v1/models`, so it is in the server's table. */
export const routes: readonly RouteSpec[] = [
  { method: "POST", path: "/anthropic/v1/messages", operation: "generate" },
  { method: "POST", path: "/v1/messages", operation: "generate" },
  { method: "POST", path: "/anthropic/v1/messages/count_tokens", operation: "count-tokens" },
  { method: "POST", path: "/v1/messages/count_tokens", operation: "count-tokens" },
  { method: "GET", path: "/anthropic/v1/models", operation: "list-models" },
  { method: "GET", path: "/anthropic/v1/models/{model}", operation: "get-model" },
];

/** Anthropic API reference, November 2026: all operations are under `/v1`. */
export function upstreamPath(call: RouteCall, model: string): UpstreamPath {
  switch (call.route.operation) {
    case "generate":
      return { method: "POST", path: "/v1/messages" };
    case "count-tokens":
      return { method: "POST", path: "/v1/messages/count_tokens" };
    case "list-models":
      return { method: "GET", path: "/v1/models" };
    case "get-model":
      return { method: "GET", path: `/v1/models/${encodePath(model)}` };
    default:
      throw new GatewayError("not_served", `Anthropic Messages has no operation "${call.route.operation}".`);
  }
}

function encodePath(model: string): string {
  const segments = model.split("/");
  if (segments.some((segment) => segment === "" || segment === "." || segment === "..")) {
    throw new GatewayError("invalid_path", "model: a name in a path must not contain empty or dotted segments.", { param: "model" });
  }
  return segments.map((segment) => encodeURIComponent(segment.toWellFormed())).join("/");
}
