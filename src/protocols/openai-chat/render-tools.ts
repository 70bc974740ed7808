import type { ChatRequest, CustomTool, FunctionTool, Tool } from "../../ir/index.ts";
import { functionOfCustom } from "../openai-shared/custom-as-function.ts";
import type { WireObject } from "../openai-shared/fields.ts";
import { fitsStrict, lowerParameters } from "../openai-shared/function-schema.ts";
import { refuse, type LossList } from "../openai-shared/loss-list.ts";
import { noteCache } from "../openai-shared/result-text.ts";
import type { ToolNamer } from "../openai-shared/tool-names.ts";
import type { RenderQuirks } from "../translation.ts";

/** `tools`, `tool_choice` and `parallel_tool_calls`: none of them without a tool, which the vendor refuses. */
export function renderToolFields(request: ChatRequest, quirks: RenderQuirks, names: ToolNamer, losses: LossList): WireObject {
  const offered = chosenTools(request, quirks, losses);
  const tools = offered.flatMap((tool, index) => renderTool(tool, `tools[${index}]`, quirks, names, losses));
  const choice = request.toolChoice;
  if (tools.length === 0) {
    if (choice !== undefined && choice.type !== "auto" && choice.type !== "none")
      throw refuse("tool_choice", "it can call none of the tools.");
    return {};
  }
  return {
    tools,
    ...(choice === undefined ? {} : { tool_choice: renderChoice(choice, offered, quirks, names) }),
    ...(request.parallelToolCalls === undefined ? {} : { parallel_tool_calls: request.parallelToolCalls }),
  };
}

/** Where the wire has no `allowed_tools`, the others are not offered. */
function chosenTools(request: ChatRequest, quirks: RenderQuirks, losses: LossList): readonly Tool[] {
  const { tools = [], toolChoice } = request;
  if (toolChoice?.type !== "allowed" || quirks.noAllowedTools !== true) return tools;
  losses.add("tool_choice", "emulated", "Only the allowed tools are offered.");
  return tools.filter((tool) => toolChoice.names.includes(tool.name));
}

function renderTool(tool: Tool, path: string, quirks: RenderQuirks, names: ToolNamer, losses: LossList): readonly WireObject[] {
  switch (tool.type) {
    case "function":
      noteTool(tool, losses);
      return [renderFunction(tool, names.nameOf(tool.name, tool.namespace, "function"), path, losses)];
    case "custom":
      noteTool(tool, losses);
      return [renderCustom(tool, names.nameOf(tool.name, tool.namespace, "custom"), path, quirks, losses)];
    case "server":
      if (tool.protocol === "openai-chat") return [tool.wire];
      if (tool.wire["type"] === "mcp") throw refuse(path, "it calls no MCP servers of its own accord.");
      losses.drop(path, `The provider has no tool "${tool.name}".`);
      return [];
  }
}

function noteTool(tool: FunctionTool | CustomTool, losses: LossList): void {
  if (tool.cache !== undefined && ownFields(tool)["prompt_cache_breakpoint"] === undefined) noteCache(losses);
  losses.dropExtensions("tools.", tool.extensions, "openai-chat", unsaid);
}

/** What the wire tells in another way, or what tells the model nothing. */
const unsaid: ReadonlySet<string> = new Set(["namespace", "additional_tools", "parameters"]);

function ownFields(tool: FunctionTool | CustomTool): WireObject {
  return tool.extensions?.["openai-chat"] ?? {};
}

function renderFunction(tool: FunctionTool, name: string, path: string, losses: LossList): WireObject {
  const { schema, note } = tool.parameters === undefined ? { schema: undefined, note: "" } : lowerParameters(tool.parameters);
  if (note !== "")
    losses.add(`${path}.parameters`, "emulated", "What the provider refuses at the top of a schema is told in the description.");
  const description = [tool.description ?? "", note].filter((text) => text !== "").join("\n");
  const isStrict = tool.strict === true && note === "" && fitsStrict(schema);
  if (tool.strict === true && !isStrict) losses.drop(`${path}.strict`, "The schema does not meet the provider's terms for it.");
  return {
    type: "function",
    function: {
      name,
      ...(description === "" && tool.description === undefined ? {} : { description }),
      ...(schema === undefined ? {} : { parameters: schema }),
      ...(tool.strict === undefined ? {} : { strict: isStrict }),
    },
    ...ownFields(tool),
  };
}

function renderCustom(tool: CustomTool, name: string, path: string, quirks: RenderQuirks, losses: LossList): WireObject {
  if (quirks.noCustomTools === true) {
    losses.add(path, "emulated", "A tool of free text goes as a function with one string.");
    return renderFunction(functionOfCustom(tool), name, path, losses);
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
      return renderNamed(choice.name, tools, quirks, names);
    case "allowed": {
      const mode = choice.required ? "required" : "auto";
      if (quirks.noAllowedTools === true) return mode;
      const allowed = choice.names.map((name) => renderNamed(name, tools, quirks, names));
      return { type: "allowed_tools", allowed_tools: { mode, tools: allowed } };
    }
  }
}

function renderNamed(name: string, tools: readonly Tool[], quirks: RenderQuirks, names: ToolNamer): WireObject {
  const tool = tools.find((candidate) => candidate.name === name && candidate.type !== "server");
  if (tool === undefined || tool.type === "server") throw refuse("tool_choice", "it has no such tool.");
  const wire = names.nameOf(tool.name, tool.namespace, tool.type);
  return tool.type === "custom" && quirks.noCustomTools !== true
    ? { type: "custom", custom: { name: wire } }
    : { type: "function", function: { name: wire } };
}
