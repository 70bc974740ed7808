import { GatewayError } from "../../core/index.ts";
import type { RouteCall, RouteSpec, UpstreamPath } from "../protocol.ts";
import { modelPath } from "./model-name.ts";

const verbs = [
  { verb: "generateContent", operation: "generate" },
  { verb: "streamGenerateContent", operation: "generate", stream: true },
  { verb: "countTokens", operation: "count-tokens" },
  { verb: "embedContent", operation: "embed" },
  { verb: "batchEmbedContents", operation: "batch-embed" },
] as const;

/** `@google/genai` from 3.x on calls `/v1`, all others `/v1beta`. Three dialects share GET `/v1/models`, so it is in the server's table. */
export const routes: readonly RouteSpec[] = [
  { method: "GET", path: "/v1beta/models", operation: "list-models" },
  { method: "GET", path: "/v1beta/models/{model}", operation: "get-model" },
  ...["/v1beta", "/v1"].flatMap((version) =>
    verbs.map(({ verb, ...route }): RouteSpec => ({ method: "POST", path: `${version}/models/{model}:${verb}`, ...route })),
  ),
];

/** Always `/v1beta`, whatever version the client calls: it serves everything that `/v1` does, and compatible servers often have only `/v1beta`. */
export function upstreamPath(call: RouteCall, model: string): UpstreamPath {
  const { operation, stream } = call.route;
  if (operation === "list-models") return { method: "GET", path: "/v1beta/models" };
  if (operation === "get-model") return { method: "GET", path: `/v1beta/${modelPath(model)}` };
  const found = verbs.find((verb) => verb.operation === operation && "stream" in verb === (stream ?? false));
  if (found === undefined) throw new GatewayError("not_served", `Gemini has no operation "${operation}".`);
  return { method: "POST", path: `/v1beta/${modelPath(model)}:${found.verb}` };
}
