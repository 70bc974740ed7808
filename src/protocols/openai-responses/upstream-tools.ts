import type { ChatRequest, FunctionTool, ServerTool, Tool } from "../../ir/index.ts";
import { functionOfCustom } from "../shared/free-text-tool.ts";
import { compact, isObject, type WireObject } from "../shared/fields.ts";
import { readHostedTool, reportHosted, type HostedTool } from "../shared/hosted-tools.ts";
import { lowerFunction } from "../openai-shared/function-schema.ts";
import { refuse, type Losses } from "../shared/losses.ts";
import { noteCache } from "../openai-shared/result-text.ts";
import { chosenTool, namedTool, type ToolNamer } from "../shared/tool-names.ts";
import type { RenderQuirks } from "../quirks.ts";
import { renderToolChoice, renderTools } from "./render-tools.ts";

/** Renders `tools`, `tool_choice` and `parallel_tool_calls`: none of them without a tool. */
export function renderToolFields(request: ChatRequest, quirks: RenderQuirks, names: ToolNamer, losses: Losses): WireObject {
  const known = withoutTwins((request.tools ?? []).flatMap((tool) => fitTool(tool, quirks, losses)));
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

/** Several tools of another vendor may be one of this vendor. */
function withoutTwins(tools: readonly Tool[]): readonly Tool[] {
  const types = new Set<unknown>();
  return tools.filter((tool) => tool.type !== "server" || tool.wire["type"] === "mcp" || types.size < types.add(tool.wire["type"]).size);
}

function namedTools(tools: readonly Tool[], names: readonly string[]): readonly Tool[] {
  const wanted = new Set(names);
  return tools.filter((tool) => wanted.has(tool.name));
}

/** The types of the vendor's own tools, by which a choice names them: no function has such a name. */
export function hostedNames(tools: readonly Tool[]): readonly string[] {
  return tools.flatMap((tool) => {
    if (tool.type !== "server") return [];
    const { type } = tool.wire as { type?: unknown };
    if (tool.protocol === "openai-responses") return typeof type === "string" ? [type] : [];
    return readHostedTool(tool)?.kind === "web-search" ? ["web_search"] : [];
  });
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
  // Of several tools with one name, the first function wins, then the first tool of the vendor.
  const isServer = (at: number): boolean => offered[at]!.type === "server";
  const order = [...offered.keys()].toSorted((a, b) => Number(isServer(b)) - Number(isServer(a)) || b - a);
  for (const at of order) wireNames.set(offered[at]!.name, wire[at]!.name);
  const wireName = (name: string): string => {
    const known = wireNames.get(name);
    if (known === undefined) throw refuse("toolChoice", "it has no such tool.");
    return known;
  };
  // A search that is the only tool is called if one must be: the vendor lists no choice of its newest one (`ToolChoiceTypes` of `openai` 7.57).
  if (choice.type === "named" && wire.length === 1 && wire[0]!.type === "server" && offered[0]!.name === choice.name) return "required";
  if (choice.type === "named") {
    const chosen = chosenTool(offered, choice);
    const name = chosen === undefined ? wireName(choice.name) : wire[offered.indexOf(chosen)]!.name;
    return renderToolChoice({ type: "named", name }, wire);
  }
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

/** The vendor's own tool for one of another vendor; the tool keeps the name by which a choice calls it. */
function fitServerTool(tool: ServerTool, losses: Losses): readonly Tool[] {
  const { protocol, name } = tool;
  if (protocol === "openai-responses") return [tool];
  const hosted = readHostedTool(tool);
  const wire = hosted === undefined ? undefined : hostedFields(hosted);
  if (hosted === undefined || wire === undefined) {
    losses.drop("tools[]", `The provider has no tool "${name}".`);
    return [];
  }
  reportHosted(hosted, hosted.kind === "web-search" ? ["allowedDomains", "userLocation", "contextSize"] : [], losses);
  return [{ type: "server", name, protocol: "openai-responses", wire }];
}

function hostedFields({ kind, allowedDomains, userLocation, contextSize }: HostedTool): WireObject | undefined {
  switch (kind) {
    case "web-search":
      return compact({
        type: "web_search",
        filters: allowedDomains === undefined ? undefined : { allowed_domains: allowedDomains },
        user_location: userLocation,
        search_context_size: contextSize,
      });
    case "code-execution":
      return { type: "code_interpreter", container: { type: "auto" } };
    case "web-fetch":
      return undefined;
  }
}

function nameTool(tool: Tool, quirks: RenderQuirks, names: ToolNamer): Tool {
  // A choice names the vendor's tools by their type.
  if (tool.type === "server") return tool.wire["type"] === "mcp" ? tool : { ...tool, name: String(tool.wire["type"]) };
  // A custom tool that is sent as a function has the name that the namer made for the client's tool.
  const name = names.wireName(namedTool(tool));
  if (quirks.noCustomTools !== true) return { ...tool, name };
  const { namespace: _flat, ...bare } = tool;
  return { ...bare, name };
}
