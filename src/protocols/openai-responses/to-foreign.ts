import type { Block, ChatRequest, Message, Tool } from "../../ir/index.ts";
import { compact, isObject, type WireObject } from "../shared/fields.ts";
import { join, readArray } from "../openai-shared/fields.ts";
import type { ForeignContext } from "../protocol.ts";
import { textOf } from "./answer-items.ts";
import { isSearchTool, searchNameIn } from "./client-tools.ts";
import { isCompaction, summaryPrompt, summaryText } from "./compaction.ts";
import { mergeTools, parseToolList } from "./parse-tools.ts";

/**
 * The request for an upstream of another protocol. The search of tools that the client runs itself becomes a function, its calls and results become those of a
 * function, and the tools that it found can be called. A trigger of a compaction becomes the request for a summary, and a summary that this gateway sealed
 * becomes a text. (`ToolSearchTool`, `ResponseToolSearchOutputItemParam`, `CompactionTrigger` of the npm package `openai` 7.57.)
 */
export function toForeign(request: ChatRequest, context: ForeignContext): ChatRequest {
  const hasSearch = request.tools?.some(isSearchTool) === true;
  const hasItems = request.messages.some(({ content }) => content.some(isSpecial));
  if (!hasSearch && !hasItems) return request;
  const fit: Fit = { openSummary: context.openSummary, searchName: searchNameIn(request.tools ?? []), found: [] };
  const messages = hasItems ? request.messages.map((message, index) => fitMessage(message, join("input", index), fit)) : request.messages;
  const tools = mergeTools(
    request.tools?.map((tool) => fitTool(tool, fit)),
    fit.found,
  );
  if (!isCompaction(request)) return compact({ ...request, messages, tools });
  // The tools stay, as the calls before refer to them.
  const { responseFormat: _format, toolChoice: _choice, ...rest } = request;
  return compact({ ...rest, messages, tools, toolChoice: tools === undefined ? undefined : ({ type: "none" } as const) });
}

interface Fit extends ForeignContext {
  /** The name of the search of tools. */
  readonly searchName: string;
  /** The tools that earlier searches found. */
  readonly found: Tool[];
}

const specialTypes: ReadonlySet<string> = new Set(["tool_search_call", "tool_search_output", "compaction", "compaction_trigger"]);

function isSpecial(block: Block): boolean {
  return (
    block.type === "opaque" &&
    block.protocol === "openai-responses" &&
    isObject(block.value) &&
    specialTypes.has(textOf(block.value["type"]))
  );
}

function fitTool(tool: Tool, { searchName }: Fit): Tool {
  if (tool.type !== "server" || !isSearchTool(tool)) return tool;
  const { description, parameters } = tool.wire;
  return compact({
    type: "function" as const,
    name: searchName,
    description: textOf(description) || undefined,
    parameters: isObject(parameters) ? parameters : undefined,
  });
}

function fitMessage(message: Message, path: string, fit: Fit): Message {
  const [block] = message.content;
  if (block === undefined || !isSpecial(block)) return message;
  const fitted = fitItem((block as Extract<Block, { type: "opaque" }>).value as WireObject, path, fit);
  return fitted ?? message;
}

/** `undefined`: it stays what only the vendor understands. */
function fitItem(item: WireObject, path: string, { found, openSummary, searchName }: Fit): Message | undefined {
  const callId = textOf(item["call_id"]);
  switch (item["type"]) {
    case "compaction_trigger":
      return { role: "user", content: [{ type: "text", text: summaryPrompt }] };
    case "compaction": {
      const summary = openSummary(textOf(item["encrypted_content"]));
      return summary === undefined ? undefined : { role: "user", content: [{ type: "text", text: summaryText(summary) }] };
    }
    case "tool_search_call": {
      // One that the vendor ran itself has no id.
      if (callId === "") return undefined;
      const { arguments: args } = item;
      const text = typeof args === "string" ? args : JSON.stringify(args ?? {});
      return { role: "assistant", content: [{ type: "tool-call", id: callId, name: searchName, kind: "function", arguments: text }] };
    }
    case "tool_search_output": {
      if (callId === "") return undefined;
      const tools = parseToolList(readArray(item["tools"] ?? [], join(path, "tools")), join(path, "tools")).map(undeferred);
      found.push(...tools);
      return {
        role: "user",
        content: [{ type: "tool-result", callId, kind: "function", content: [{ type: "text", text: listOf(tools) }] }],
      };
    }
    default:
      return undefined;
  }
}

/** A tool that was found can be called at once. */
function undeferred(tool: Tool): Tool {
  const own = tool.type === "server" ? undefined : tool.extensions?.["openai-responses"];
  if (tool.type === "server" || own === undefined) return tool;
  const { defer_loading: _deferred, ...rest } = own;
  return { ...tool, extensions: { ...tool.extensions, "openai-responses": rest } };
}

/** What the model gets of a search: the tools by name, whose parameters are declared. */
function listOf(tools: readonly Tool[]): string {
  if (tools.length === 0) return "No tools were found.";
  const lines = tools.map((tool) => {
    const name = tool.type === "server" || tool.namespace === undefined ? tool.name : `${tool.namespace}__${tool.name}`;
    const description = tool.type === "server" ? undefined : tool.description;
    return description === undefined ? `- ${name}` : `- ${name}: ${description}`;
  });
  return `These tools were found, and can be called now:\n${lines.join("\n")}`;
}
