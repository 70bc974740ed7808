import type { Block, ChatRequest, Message, Tool } from "../../ir/index.ts";
import { compact, isObject, type WireObject } from "../shared/fields.ts";
import { join, readArray } from "../openai-shared/fields.ts";
import type { ForeignContext } from "../protocol.ts";
import { textOf } from "./answer-items.ts";
import { clientToolOf, clientToolOfItem, functionNameIn, type ClientTool } from "./client-tools.ts";
import { isCompaction, summaryPrompt, summaryText } from "./compaction.ts";
import { mergeTools, parseToolList } from "./parse-tools.ts";

/**
 * The request for an upstream of another protocol. A tool with a type of its own that the client runs itself (the search of tools, shells, patches) becomes a
 * function, its calls and results become those of a function, and the tools that a search found can be called. A trigger of a compaction becomes the request for a summary, and a summary that this gateway sealed
 * becomes a text. (`ToolSearchTool`, `ResponseToolSearchOutputItemParam`, `CompactionTrigger` of the npm package `openai` 7.57.)
 */
export function toForeign(request: ChatRequest, context: ForeignContext): ChatRequest {
  const hasTools = request.tools?.some((tool) => clientToolOf(tool) !== undefined) === true;
  const hasItems = request.messages.some(({ content }) => content.some(isSpecial));
  if (!hasTools && !hasItems) return request;
  const own = request.tools ?? [];
  const fit: Fit = { openSummary: context.openSummary, nameOf: (tool) => functionNameIn(own, tool), found: [], callIds: new Map() };
  const messages = hasItems ? request.messages.map((message, index) => fitMessage(message, join("input", index), fit)) : request.messages;
  const tools = mergeTools(
    request.tools?.map((tool) => fitTool(tool, fit)),
    fit.found,
  );
  if (!isCompaction(request)) return compact({ ...request, messages, tools, toolChoice: fitChoice(request, fit) });
  // The tools stay, as the calls before refer to them.
  const { responseFormat: _format, toolChoice: _choice, ...rest } = request;
  return compact({ ...rest, messages, tools, toolChoice: tools === undefined ? undefined : ({ type: "none" } as const) });
}

interface Fit extends ForeignContext {
  /** The name of a tool as a function. */
  readonly nameOf: (tool: ClientTool) => string;
  /** The tools that earlier searches found. */
  readonly found: Tool[];
  /** The ids of calls by the ids of their items: a result may name either. */
  readonly callIds: Map<string, string>;
}

function isSpecialType(type: unknown): boolean {
  return type === "compaction" || type === "compaction_trigger" || clientToolOfItem(type) !== undefined;
}

function isSpecial(block: Block): boolean {
  return block.type === "opaque" && block.protocol === "openai-responses" && isObject(block.value) && isSpecialType(block.value["type"]);
}

function fitTool(tool: Tool, { nameOf }: Fit): Tool {
  const own = clientToolOf(tool);
  if (own === undefined || tool.type !== "server") return tool;
  return compact({ type: "function" as const, name: nameOf(own), ...own.declare(tool.wire) });
}

/** `{"type":"local_shell"}` chooses the function that stands for it. */
function fitChoice({ tools = [], toolChoice }: ChatRequest, { nameOf }: Fit): ChatRequest["toolChoice"] {
  if (toolChoice?.type !== "named" || toolChoice.isServer !== true) return toolChoice;
  const chosen = tools.map(clientToolOf).find((own) => own?.type === toolChoice.name);
  return chosen === undefined ? toolChoice : { type: "named", name: nameOf(chosen) };
}

function fitMessage(message: Message, path: string, fit: Fit): Message {
  const [block] = message.content;
  if (block === undefined || !isSpecial(block)) return message;
  const fitted = fitItem((block as Extract<Block, { type: "opaque" }>).value as WireObject, path, fit);
  return fitted ?? message;
}

/** `undefined`: it stays what only the vendor understands. */
function fitItem(item: WireObject, path: string, fit: Fit): Message | undefined {
  switch (item["type"]) {
    case "compaction_trigger":
      return { role: "user", content: [{ type: "text", text: summaryPrompt }] };
    case "compaction": {
      const summary = fit.openSummary(textOf(item["encrypted_content"]));
      return summary === undefined ? undefined : { role: "user", content: [{ type: "text", text: summaryText(summary) }] };
    }
    default:
      return fitToolItem(item, path, fit);
  }
}

function fitToolItem(item: WireObject, path: string, { found, nameOf, callIds }: Fit): Message | undefined {
  const known = clientToolOfItem(item["type"]);
  const id = textOf(item["id"]);
  // A result of `local_shell` names its call under `id`.
  const callId = textOf(item["call_id"]) || (known?.isResult === true ? (callIds.get(id) ?? id) : "");
  // A call that the vendor ran itself has no id of its own.
  if (known === undefined || callId === "") return undefined;
  const { tool, isResult } = known;
  if (!isResult) {
    callIds.set(id, callId);
    const args = tool.argumentsOf(item);
    const text = typeof args === "string" ? args : JSON.stringify(args);
    return { role: "assistant", content: [{ type: "tool-call", id: callId, name: nameOf(tool), kind: "function", arguments: text }] };
  }
  let text = tool.resultOf?.(item);
  if (text === undefined) {
    const tools = parseToolList(readArray(item["tools"] ?? [], join(path, "tools")), join(path, "tools")).map(undeferred);
    found.push(...tools);
    text = listOf(tools);
  }
  return { role: "user", content: [{ type: "tool-result", callId, kind: "function", content: [{ type: "text", text }] }] };
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
