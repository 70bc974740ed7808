import type { ChatRequest, CustomTool, FunctionTool, Tool } from "../../ir/index.ts";
import { functionOfCustom } from "../shared/free-text-tool.ts";
import { compact, type WireObject } from "../shared/fields.ts";
import { lowerFunction } from "../openai-shared/function-schema.ts";
import { refuse, type Losses } from "../shared/losses.ts";
import { noteCache } from "../openai-shared/result-text.ts";
import { firstByName, namedTool, type ToolNamer } from "../shared/tool-names.ts";
import type { RenderQuirks } from "../quirks.ts";

/** Renders `tools`, `tool_choice` and `parallel_tool_calls`. Without a tool none of them is sent, as the vendor would refuse them. */
export function renderToolFields(request: ChatRequest, quirks: RenderQuirks, names: ToolNamer, losses: Losses): WireObject {
  const offered = chosenTools(request, quirks, losses);
  const tools = offered.flatMap((tool) => renderTool(tool, quirks, names, losses));
  const choice = request.toolChoice;
  if (tools.length === 0) {
    if (choice !== undefined && choice.type !== "auto" && choice.type !== "none")
      throw refuse("toolChoice", "it can call none of the tools.");
    return {};
  }
  return {
    tools,
    ...(choice === undefined ? {} : { tool_choice: renderChoice(choice, offered, quirks, names) }),
    ...(request.parallelToolCalls === undefined ? {} : { parallel_tool_calls: request.parallelToolCalls }),
  };
}

/** If the wire has no `allowed_tools`, only the allowed tools are offered. */
function chosenTools(request: ChatRequest, quirks: RenderQuirks, losses: Losses): readonly Tool[] {
  const { tools = [], toolChoice } = request;
  if (toolChoice?.type !== "allowed" || quirks.noAllowedTools !== true) return tools;
  losses.emulate("toolChoice", "Only the allowed tools are offered.");
  const names = new Set(toolChoice.names);
  return tools.filter((tool) => names.has(tool.name));
}

function renderTool(tool: Tool, quirks: RenderQuirks, names: ToolNamer, losses: Losses): readonly WireObject[] {
  switch (tool.type) {
    case "function":
      noteTool(tool, losses);
      return [renderFunction(tool, names.wireName(namedTool(tool)), quirks, losses)];
    case "custom":
      noteTool(tool, losses);
      return [renderCustom(tool, names.wireName(namedTool(tool)), quirks, losses)];
    case "server":
      if (tool.protocol === "openai-chat") return [tool.wire];
      if (tool.wire["type"] === "mcp") throw refuse("tools[]", "it runs no MCP servers. Connect the servers on the client's side.");
      losses.drop("tools[]", `The provider has no tool "${tool.name}".`);
      return [];
  }
}

function noteTool(tool: FunctionTool | CustomTool, losses: Losses): void {
  if (tool.cache !== undefined && ownFields(tool)["prompt_cache_breakpoint"] === undefined) noteCache(losses);
  losses.dropForeign(tool.extensions, "openai-chat", "tools[]");
}

function ownFields(tool: FunctionTool | CustomTool): WireObject {
  return tool.extensions?.["openai-chat"] ?? {};
}

/**
 * OpenAI: "Omitting `parameters` defines a function with an empty parameter list." Other servers refuse that: Mistral requires them (mistralai/client-python, `Function`), so
 * do TabbyAPI (422 "Field required") and gateways in front of DeepSeek ("missing field `parameters`"; QwenLM/qwen-code, notes of September 2026).
 */
const noParameters = { type: "object", properties: {} };
/** Chat templates join the description to other texts, and fail without it (gpt-oss, Hermes 3, Functionary and Apertus: "… operation + on undefined values"). */
const noDescription = "";

function renderFunction(tool: FunctionTool, name: string, quirks: RenderQuirks, losses: Losses): WireObject {
  const { parameters, description, strict } = lowerFunction(tool, losses);
  const isPlain = quirks.noVendorFields !== true;
  return {
    type: "function",
    function: compact({
      name,
      description: description ?? (isPlain ? undefined : noDescription),
      parameters: parameters ?? (isPlain ? undefined : noParameters),
      strict,
    }),
    ...ownFields(tool),
  };
}

function renderCustom(tool: CustomTool, name: string, quirks: RenderQuirks, losses: Losses): WireObject {
  if (quirks.noCustomTools === true) {
    return renderFunction(functionOfCustom(tool, losses), name, quirks, losses);
  }
  return {
    type: "custom",
    custom: {
      name,
      ...(tool.description === undefined ? {} : { description: tool.description }),
      ...(tool.grammar === undefined ? {} : { format: { type: "grammar", grammar: tool.grammar } }),
    },
    ...ownFields(tool),
  };
}

type Choice = NonNullable<ChatRequest["toolChoice"]>;

function renderChoice(choice: Choice, tools: readonly Tool[], quirks: RenderQuirks, names: ToolNamer): unknown {
  switch (choice.type) {
    case "auto":
    case "none":
    case "required":
      return choice.type;
    case "named":
      return renderNamed(choice.name, byName(tools), quirks, names);
    case "allowed": {
      const mode = choice.required ? "required" : "auto";
      if (quirks.noAllowedTools === true) return mode;
      const known = byName(tools);
      const allowed = choice.names.map((name) => renderNamed(name, known, quirks, names));
      return { type: "allowed_tools", allowed_tools: { mode, tools: allowed } };
    }
  }
}

function byName(tools: readonly Tool[]): ReadonlyMap<string, Tool> {
  return firstByName(tools, (tool) => (tool.type === "server" ? [] : [tool.name]));
}

function renderNamed(name: string, tools: ReadonlyMap<string, Tool>, quirks: RenderQuirks, names: ToolNamer): WireObject {
  const tool = tools.get(name);
  if (tool === undefined || tool.type === "server") throw refuse("toolChoice", "it has no such tool.");
  const wire = names.wireName(namedTool(tool));
  return tool.type === "custom" && quirks.noCustomTools !== true
    ? { type: "custom", custom: { name: wire } }
    : { type: "function", function: { name: wire } };
}
