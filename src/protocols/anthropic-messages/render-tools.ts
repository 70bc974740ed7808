import { GatewayError } from "../../core/index.ts";
import type { CacheHint, ChatRequest, FunctionTool, JsonSchema, ServerTool, Tool, ToolChoice } from "../../ir/index.ts";
import type { Losses } from "../losses.ts";
import { allowedTools, freeTextDescription, freeTextSchema, isCalled, type ToolNamer } from "../tool-names.ts";
import { compact, isObject, type WireObject } from "./fields.ts";
import type { ModelTraits } from "./model-traits.ts";
import { lowerForOutput } from "./render-format.ts";

/** A tool on its way to the wire. */
export interface OutTool {
  readonly fields: WireObject;
  readonly cache?: CacheHint | undefined;
}

/** How many tools of one request may be strict (Anthropic API, "Structured outputs", November 2026). */
const maxStrictTools = 20;
const webSearch: WireObject = { type: "web_search_20250305", name: "web_search" };

/** `tools`; a choice among some of them leaves the others out, as this protocol has no such choice. */
export function renderTools(request: ChatRequest, traits: ModelTraits, namer: ToolNamer, losses: Losses): readonly OutTool[] {
  const tools = request.tools ?? [];
  const allowed = new Set(allowedTools(tools, request.toolChoice));
  if (allowed.size < tools.length) losses.emulate("tool_choice", "The provider has no choice among some tools: the others are left out.");
  let strict = 0;
  return tools.flatMap((tool, index): readonly OutTool[] => {
    if (!allowed.has(tool)) return [];
    const path = `tools[${index}]`;
    if (tool.type === "server") return renderServerTool(tool, path, losses);
    losses.dropForeign(tool.extensions, "anthropic-messages", `${path}.`);
    const own = tool.extensions?.["anthropic-messages"];
    const name = namer.wireName({
      name: tool.name,
      kind: tool.type,
      ...(tool.namespace === undefined ? {} : { namespace: tool.namespace }),
    });
    if (tool.type === "custom") {
      const description = freeTextDescription(tool, path, losses);
      return [{ fields: { name, description, input_schema: freeTextSchema, ...own }, cache: tool.cache }];
    }
    const isStrict = tool.strict === true && traits.takesFormat && ++strict <= maxStrictTools;
    if (tool.strict === true && !isStrict) losses.drop(`${path}.strict`, "The model takes no such tool, or no more of them.");
    return [
      {
        fields: compact({ name, description: tool.description, ...schemaFields(tool, isStrict, traits, path, losses), ...own }),
        cache: tool.cache,
      },
    ];
  });
}

function schemaFields(tool: FunctionTool, isStrict: boolean, traits: ModelTraits, path: string, losses: Losses): WireObject {
  const strict = isStrict ? true : tool.strict === false && traits.takesFormat ? false : undefined;
  const schema = objectSchema(tool.parameters, `${path}.parameters`, losses);
  return { input_schema: isStrict ? lowerForOutput(schema, `${path}.parameters`, losses) : schema, strict };
}

/** The vendor wants an object at the top, without alternatives: those come together as one object, none of whose fields must be there. */
function objectSchema(parameters: JsonSchema | undefined, path: string, losses: Losses): WireObject {
  if (parameters === undefined || typeof parameters === "boolean") return { type: "object", properties: {} };
  const { anyOf, oneOf, allOf, ...rest } = parameters;
  const branches = [anyOf, oneOf, allOf].flatMap((list) => (Array.isArray(list) ? list.filter(isObject) : []));
  if (branches.length === 0 && anyOf === undefined && oneOf === undefined && allOf === undefined) {
    return parameters["type"] === "object" ? parameters : { ...parameters, type: "object" };
  }
  losses.emulate(path, "The provider takes no alternatives at the top of a schema: their fields are in one object.");
  const properties = Object.assign(
    {},
    ...branches.map((branch) => branch["properties"]).filter(isObject),
    rest["properties"],
  ) as WireObject;
  return { ...rest, type: "object", properties };
}

function renderServerTool(tool: ServerTool, path: string, losses: Losses): readonly OutTool[] {
  if (tool.protocol === "anthropic-messages") return [{ fields: tool.wire }];
  if (tool.wire["type"] === "mcp") {
    throw new GatewayError(
      "invalid_request",
      `${path}: the provider of this model runs no MCP servers given as tools. Connect the server on the client's side.`,
      {
        param: path,
      },
    );
  }
  if (/^web_search|^googleSearch$/.test(tool.name)) {
    losses.emulate(path, "The provider's own web search stands in.");
    return [{ fields: webSearch }];
  }
  losses.drop(path, "The provider does not run this tool.");
  return [];
}

/** `tool_choice`, where there are tools. @throws GatewayError `invalid_request` where a tool is forced that the provider does not get. */
export function renderToolChoice(
  request: ChatRequest,
  tools: readonly OutTool[],
  namer: ToolNamer,
  losses: Losses,
): WireObject | undefined {
  const { toolChoice: choice, parallelToolCalls: parallel } = request;
  if (tools.length === 0) {
    if (choice !== undefined && isForced(choice)) throw missingTool();
    if (choice !== undefined && choice.type !== "none" && choice.type !== "auto") losses.drop("tool_choice", "There are no tools.");
    return undefined;
  }
  if (choice === undefined) return parallel === false ? { type: "auto", disable_parallel_tool_use: true } : undefined;
  const fields = choiceFields(choice, request.tools ?? [], tools, namer);
  return fields["type"] === "none" || parallel === undefined ? fields : { ...fields, disable_parallel_tool_use: !parallel };
}

/** Whether the model must call a tool. */
export function isForced(choice: ToolChoice | undefined): boolean {
  return choice?.type === "required" || choice?.type === "named" || (choice?.type === "allowed" && choice.required);
}

function choiceFields(choice: ToolChoice, declared: readonly Tool[], tools: readonly OutTool[], namer: ToolNamer): WireObject {
  switch (choice.type) {
    case "auto":
    case "none":
      return { type: choice.type };
    case "required":
      return { type: "any" };
    case "allowed":
      return { type: choice.required ? "any" : "auto" };
    case "named": {
      const tool = declared.find((each) => isCalled(each, choice.name));
      const name =
        tool === undefined || tool.type === "server"
          ? choice.name
          : namer.wireName({ name: tool.name, kind: tool.type, ...(tool.namespace === undefined ? {} : { namespace: tool.namespace }) });
      if (!tools.some(({ fields }) => fields["name"] === name)) throw missingTool();
      return { type: "tool", name };
    }
  }
}

function missingTool(): GatewayError {
  return new GatewayError(
    "invalid_request",
    "tool_choice: forces a tool that the provider of this model does not get. Name a tool of `tools`.",
    {
      param: "tool_choice",
    },
  );
}
