import type { FunctionTool, CustomTool, Tool, ToolChoice } from "../../ir/index.ts";
import { isObject, type WireObject } from "../shared/fields.ts";
import { chosenTool, firstByName } from "../shared/tool-names.ts";
import type { WireResponse, WireTool } from "./wire.ts";

/** Renders `tools`: consecutive tools of one namespace are in it together. The reverse of `parseToolList`. */
export function renderTools(tools: readonly Tool[]): readonly WireTool[] {
  const out: WireObject[] = [];
  let group: { name: string; tools: WireObject[] } | undefined;
  for (const tool of tools) {
    const name = tool.type === "server" ? undefined : tool.namespace;
    if (name === undefined) {
      group = undefined;
      out.push(renderTool(tool));
    } else if (group?.name === name) {
      group.tools.push(renderTool(tool));
    } else {
      group = { name, tools: [renderTool(tool)] };
      out.push({ type: "namespace", name, ...namespaceFields(tool), tools: group.tools });
    }
  }
  return out as unknown as readonly WireTool[];
}

function renderTool(tool: Tool): WireObject {
  switch (tool.type) {
    case "function":
      return {
        type: "function",
        name: tool.name,
        ...(tool.description === undefined ? {} : { description: tool.description }),
        // The wire requires both fields.
        strict: tool.strict ?? null,
        parameters: tool.parameters ?? null,
        ...restOfTool(tool),
      };
    case "custom":
      return {
        type: "custom",
        name: tool.name,
        ...(tool.description === undefined ? {} : { description: tool.description }),
        ...(tool.grammar === undefined ? {} : { format: { type: "grammar", ...tool.grammar } }),
        ...restOfTool(tool),
      };
    case "server":
      return tool.wire;
  }
}

function restOfTool(tool: FunctionTool | CustomTool): WireObject {
  const { namespace: _namespace, additional_tools: _added, ...rest } = tool.extensions?.["openai-responses"] ?? {};
  return rest;
}

function namespaceFields(tool: Tool): WireObject {
  const fields = tool.type === "server" ? undefined : tool.extensions?.["openai-responses"]?.["namespace"];
  return isObject(fields) ? fields : {};
}

/** Renders `tool_choice`. The reverse of `parseToolChoice`; the kind of a name follows from the tools. */
export function renderToolChoice(choice: ToolChoice, tools: readonly Tool[]): WireResponse["tool_choice"] {
  switch (choice.type) {
    case "auto":
    case "none":
    case "required":
      return choice.type;
    case "named":
      return namedChoice(choice.name, chosenTool(tools, choice)) as unknown as WireResponse["tool_choice"];
    case "allowed": {
      const known = firstByName(tools, bareName);
      const mode = choice.required ? "required" : "auto";
      return { type: "allowed_tools", mode, tools: choice.names.map((name) => namedChoice(name, known.get(name))) };
    }
  }
}

function bareName(tool: Tool): readonly string[] {
  return [tool.name];
}

function namedChoice(name: string, tool: Tool | undefined): Record<string, unknown> {
  if (tool?.type === "server") return tool.wire["type"] === "mcp" ? { type: "mcp", server_label: name } : { type: name };
  return { type: tool?.type ?? "function", name };
}
