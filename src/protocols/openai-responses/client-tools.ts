import type { ChatRequest, Tool } from "../../ir/index.ts";
import { jsonValue } from "../shared/json-text.ts";
import type { CallItemFields, ItemStatus } from "./output-items.ts";
import type { WireItem } from "./wire.ts";

/** The type of the search of tools. */
const searchToolName = "tool_search";

/** `{"type":"tool_search","execution":"client"}`: a search that the client runs itself. The vendor's own search is another tool. */
export function isSearchTool(tool: Tool): boolean {
  return tool.type === "server" && tool.wire["type"] === searchToolName && tool.wire["execution"] === "client";
}

/** The name of the search as a function: `tool_search`, unless the client has a tool of that name. */
export function searchNameIn(tools: readonly Tool[]): string {
  const isTaken = (name: string): boolean =>
    tools.some((tool) => tool.type !== "server" && tool.namespace === undefined && tool.name === name);
  let name = searchToolName;
  for (let n = 2; isTaken(name); n++) name = `${searchToolName}_${n}`;
  return name;
}

/** Whether a call is one of the client's search of tools. */
export function isSearchCall({ tools = [] }: ChatRequest, call: Pick<CallItemFields, "name" | "namespace" | "kind">): boolean {
  if (!call.name.startsWith(searchToolName) || call.namespace !== undefined || call.kind !== "function") return false;
  return tools.some(isSearchTool) && call.name === searchNameIn(tools);
}

/** A call of the search (`ResponseToolSearchCall` of the npm package `openai` 7.57): its arguments are JSON, not text. */
export function searchCallItem(
  { id, callId, arguments: text }: Pick<CallItemFields, "id" | "callId" | "arguments">,
  status: ItemStatus,
): WireItem {
  return {
    id,
    type: "tool_search_call",
    status,
    execution: "client",
    call_id: callId,
    arguments: text === "" ? {} : (jsonValue(text) ?? text),
  };
}
