import type { ChatRequest, Tool } from "../../ir/index.ts";
import { refuse } from "./losses.ts";

/**
 * The request without tools that are declared twice. Vendors refuse two tools of one name, and a call could not say which one it means.
 * @throws UnservedError if two different tools have one name.
 */
export function withDistinctTools(request: ChatRequest): ChatRequest {
  const { tools } = request;
  if (tools === undefined || tools.length < 2) return request;
  const known = new Map<string, Tool>();
  const kept = tools.filter((tool) => {
    const key = keyOf(tool);
    const first = known.get(key);
    if (first === undefined) {
      known.set(key, tool);
      return true;
    }
    if (tool.type !== "server" && JSON.stringify(first) !== JSON.stringify(tool))
      throw refuse("tools[]", `two tools have the name "${tool.name}".`);
    return false;
  });
  return kept.length === tools.length ? request : { ...request, tools: kept };
}

/** Functions and tools of free text share their names; the vendor's own tools are apart, and one of them may be there in several forms. */
function keyOf(tool: Tool): string {
  if (tool.type === "server") return `server ${JSON.stringify(tool.wire)}`;
  return tool.namespace === undefined ? `tool ${tool.name}` : `tool ${JSON.stringify([tool.namespace, tool.name])}`;
}
