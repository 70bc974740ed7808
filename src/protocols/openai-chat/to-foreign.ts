import type { ChatRequest, ServerTool } from "../../ir/index.ts";
import { isObject } from "../shared/fields.ts";
import { chatSearchType } from "../shared/hosted-tools.ts";

/** The request for an upstream of another protocol: `web_search_options`, which lets a model search, is a tool there. */
export function toForeign(request: ChatRequest): ChatRequest {
  const { web_search_options: options, ...own } = request.extensions?.["openai-chat"] ?? {};
  if (!isObject(options)) return request;
  const tool: ServerTool = { type: "server", name: "web_search", protocol: "openai-chat", wire: { type: chatSearchType, ...options } };
  return { ...request, tools: [...(request.tools ?? []), tool], extensions: { ...request.extensions, "openai-chat": own } };
}
