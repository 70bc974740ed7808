import type { ChatRequest, FunctionTool, ServerTool, Tool } from "../../ir/index.ts";
import { functionOfCustom } from "../shared/free-text-tool.ts";
import { isObject, type WireObject } from "../shared/fields.ts";
import { lowerFunction } from "../openai-shared/function-schema.ts";
import { refuse, type Losses } from "../shared/losses.ts";
import { noteCache } from "../openai-shared/result-text.ts";
import { namedTool, type ToolNamer } from "../shared/tool-names.ts";
import type { RenderQuirks } from "../quirks.ts";
import { renderToolChoice, renderTools } from "./render-tools.ts";

/** Renders `tools`, `tool_choice` and `parallel_tool_calls`: none of them without a tool. */
export function renderToolFields(request: ChatRequest, quirks: RenderQuirks, names: ToolNamer, losses: Losses): WireObject {
  const known = (request.tools ?? []).flatMap((tool) => fitTool(tool, quirks, losses));
  const choice = request.toolChoice;
  const emulated = choice?.type === "allowed" && quirks.noAllowedTools === true;
  const offered = emulated ? namedTools(known, choice.names) : known;
  if (emulated) losses.emulate("toolChoice", "Only the allowed tools are offered.");
  if (offered.length === 0) {
    if (choice !== undefined && choice.type !== "auto" && choice.type !== "none")
      throw refuse("toolChoice", "it can call none of the tools.");
    return {};
  }
  const wire = offered.map((tool) => nameTool(tool, quirks, names));
  return {
    tools: renderTools(wire),
    ...(choice === undefined ? {} : { tool_choice: renderChoice(request, choice, { offered, wire, emulated }) }),
    ...(request.parallelToolCalls === undefined ? {} : { parallel_tool_calls: request.parallelToolCalls }),
  };
}

function namedTools(tools: readonly Tool[], names: readonly string[]): readonly Tool[] {
  const wanted = new Set(names);
  return tools.filter((tool) => wanted.has(tool.name));
}

type Choice = NonNullable<ChatRequest["toolChoice"]>;

interface OfferedTools {
  readonly offered: readonly Tool[];
  /** The same tools as they are sent. */
  readonly wire: readonly Tool[];
  /** Only the allowed tools are offered. */
  readonly emulated: boolean;
}

function renderChoice(request: ChatRequest, choice: Choice, { offered, wire, emulated }: OfferedTools): unknown {
  const own = request.extensions?.["openai-responses"]?.["tool_choice"];
  if (isObject(own)) return own;
  const wireNames = new Map<string, string>();
  // Of several tools with one name, the first one wins.
  for (let at = offered.length - 1; at >= 0; at--) wireNames.set(offered[at]!.name, wire[at]!.name);
  const wireName = (name: string): string => {
    const known = wireNames.get(name);
    if (known === undefined) throw refuse("toolChoice", "it has no such tool.");
    return known;
  };
  if (choice.type === "named") return renderToolChoice({ ...choice, name: wireName(choice.name) }, wire);
  if (choice.type !== "allowed") return choice.type;
  if (emulated) return choice.required ? "required" : "auto";
  return renderToolChoice({ ...choice, names: choice.names.map(wireName) }, wire);
}

/** The tool in a form that this wire accepts, with its own name; an empty list if the wire accepts no such tool. */
function fitTool(tool: Tool, quirks: RenderQuirks, losses: Losses): readonly Tool[] {
  if (tool.type === "server") return fitServerTool(tool, losses);
  if (tool.cache !== undefined) noteCache(losses);
  losses.dropForeign(tool.extensions, "openai-responses", "tools[]");
  if (tool.type === "function") return [fitFunction(tool, losses)];
  if (quirks.noCustomTools !== true) return [tool];
  return [fitFunction(functionOfCustom(tool, losses), losses)];
}

/** `strict` is always sent: if it is absent, the vendor reads it as true. */
function fitFunction(tool: FunctionTool, losses: Losses): FunctionTool {
  const { parameters, description, strict = false } = lowerFunction(tool, losses);
  return {
    ...tool,
    strict,
    ...(parameters === undefined ? {} : { parameters }),
    ...(description === undefined || description === "" ? {} : { description }),
  };
}

/** Of other vendors' own tools, only the web search has an equivalent here. */
function fitServerTool(tool: ServerTool, losses: Losses): readonly Tool[] {
  const { wire, protocol, name } = tool;
  if (protocol === "openai-responses") return [tool];
  const isSearch = protocol === "gemini-generate" ? name === "googleSearch" : /^web_search(?:_\d+)?$/.test(String(wire["type"]));
  if (!isSearch) {
    losses.drop("tools[]", `The provider has no tool "${name}".`);
    return [];
  }
  losses.emulate("tools[]", "The provider searches in its own way.");
  const { allowed_domains: domains, user_location: place } = wire;
  const search = {
    type: "web_search",
    ...(Array.isArray(domains) && domains.length > 0 ? { filters: { allowed_domains: domains } } : {}),
    ...(isObject(place) ? { user_location: place } : {}),
  };
  return [{ type: "server", name, protocol: "openai-responses", wire: search }];
}

function nameTool(tool: Tool, quirks: RenderQuirks, names: ToolNamer): Tool {
  // A choice names the vendor's tools by their type.
  if (tool.type === "server") return tool.wire["type"] === "web_search" ? { ...tool, name: "web_search" } : tool;
  // A custom tool that is sent as a function has the name that the namer made for the client's tool.
  const name = names.wireName(namedTool(tool));
  if (quirks.noCustomTools !== true) return { ...tool, name };
  const { namespace: _flat, ...bare } = tool;
  return { ...bare, name };
}
