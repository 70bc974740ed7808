import type { ChatRequest, FunctionTool, ServerTool, Tool, ToolChoice } from "../../ir/index.ts";
import { compact, isObject, type WireObject } from "../shared/fields.ts";
import { functionOfCustom } from "../shared/free-text-tool.ts";
import { refuse, type Losses, type UnservedError } from "../shared/losses.ts";
import { readHostedTool, reportHosted, type HostedTool } from "../shared/hosted-tools.ts";
import { mergeBranches, withRule, type MergedSchema } from "../shared/merge-branches.ts";
import type { PropertyNameRules, WireNames } from "../shared/property-names.ts";
import { allowedTools, callNames, chosenTool, firstByName, namedTool, type ToolNamer } from "../shared/tool-names.ts";
import { lowerForVendor } from "./render-schema.ts";

/** "Parameter names must start with a letter or an underscore …" (`FunctionDeclaration` of `@google/genai` 3.1). */
export const propertyNames: PropertyNameRules = {
  accepted: /^[a-zA-Z_][a-zA-Z0-9_]{0,63}$/,
  forbidden: /[^a-zA-Z0-9_]/g,
  begins: /^[a-zA-Z_]/,
};

/** Renders `tools`: the functions as one tool, then the tools that the vendor runs itself. */
export function renderTools(request: ChatRequest, names: WireNames, losses: Losses): readonly WireObject[] {
  const tools = offeredTools(request, losses);
  const declarations = tools.flatMap((tool) => (tool.type === "server" ? [] : [renderDeclaration(tool, names, losses)]));
  const served = withoutTwins(
    tools.flatMap((tool) => (tool.type === "server" ? renderServerTool(tool, declarations.length > 0, losses) : [])),
  );
  return declarations.length === 0 ? served : [{ functionDeclarations: declarations }, ...served];
}

/**
 * A tool of the vendor's own cannot be forced or forbidden, nor be beside functions: a request that allows only such tools offers only these, and one that
 * allows no tool offers none of them.
 */
function offeredTools({ tools = [], toolChoice }: ChatRequest, losses: Losses): readonly Tool[] {
  if (toolChoice?.type === "none") return tools.filter((tool) => !isForeign(tool));
  const chosen = chosenTools(tools, toolChoice);
  if (chosen.length === 0 || !chosen.every((tool) => isForeign(tool) && readHostedTool(tool) !== undefined)) return tools;
  losses.drop("toolChoice", "The provider decides itself whether it runs its own tool.");
  return chosen;
}

/** The tools that a choice lists. */
function chosenTools(tools: readonly Tool[], choice: ToolChoice | undefined): readonly Tool[] {
  if (choice?.type === "allowed") return allowedTools(tools, choice);
  const named = choice?.type === "named" ? chosenTool(tools, choice) : undefined;
  return named === undefined ? [] : [named];
}

function isForeign(tool: Tool): tool is ServerTool {
  return tool.type === "server" && tool.protocol !== "gemini-generate";
}

/** Several tools of another vendor may be one of this vendor. */
function withoutTwins(served: readonly WireObject[]): readonly WireObject[] {
  const names = new Set<string>();
  return served.filter((tool) => names.size < names.add(Object.keys(tool).join()).size);
}

function renderDeclaration(declared: Exclude<Tool, ServerTool>, names: WireNames, losses: Losses): WireObject {
  losses.dropForeign(declared.extensions, "gemini-generate", "tools[]");
  const own = declared.extensions?.["gemini-generate"];
  const name = names.tools.wireName(namedTool(declared));
  if (declared.cache !== undefined) losses.drop("cache", "The provider caches automatically.");
  const tool = declared.type === "custom" ? functionOfCustom(declared, losses) : declared;
  if (tool.strict === true) losses.drop("tools[].strict", "The provider has no strict tools.");
  const merged = renderParameters(tool, losses);
  const { schema, rule } = merged === undefined ? { schema: undefined, rule: undefined } : names.properties.rename(name, merged);
  return compact({ name, description: withRule(tool.description, rule), parametersJsonSchema: schema, ...own });
}

/** If the tool keeps the vendor's own spelling of its schema, that is sent; a tool without parameters has no schema. */
function renderParameters({ parameters, extensions }: FunctionTool, losses: Losses): MergedSchema | undefined {
  if (extensions?.["gemini-generate"]?.["parameters"] !== undefined) return undefined;
  if (!isObject(parameters) || isEmptyObject(parameters)) return undefined;
  const { schema, rule } = mergeBranches(parameters);
  if (rule !== undefined)
    losses.emulate("tools[].parameters", "The provider requires one object at the top of a schema: the description says the rest.");
  return { schema: lowerForVendor(schema, "tools[].parameters", losses), rule };
}

function isEmptyObject(schema: WireObject): boolean {
  const { properties } = schema as { properties?: unknown };
  const isBare = properties === undefined || (isObject(properties) && Object.keys(properties).length === 0);
  return (
    isBare &&
    Object.keys(schema).every((key) =>
      ["type", "properties", "additionalProperties", "required", "$schema", "title", "description"].includes(key),
    ) &&
    !isObject(schema["additionalProperties"]) &&
    schema["additionalProperties"] !== true
  );
}

function renderServerTool(tool: ServerTool, hasFunctions: boolean, losses: Losses): readonly WireObject[] {
  if (tool.protocol === "gemini-generate") return [tool.wire];
  if (tool.wire["type"] === "mcp") throw refuse("tools[]", "it runs no MCP servers. Connect the servers on the client's side.");
  const hosted = readHostedTool(tool);
  if (hosted === undefined || hasFunctions) {
    losses.drop("tools[]", "The provider does not run this tool, or not beside functions.");
    return [];
  }
  reportHosted(hosted, [], losses);
  return [{ [hostedNames[hosted.kind]]: {} }];
}

const hostedNames: Readonly<Record<HostedTool["kind"], string>> = {
  "web-search": "googleSearch",
  "web-fetch": "urlContext",
  "code-execution": "codeExecution",
};

/** Renders `toolConfig`, if there are functions. @throws GatewayError `invalid_request` if a tool is forced that is not a function here. */
export function renderToolConfig(
  request: ChatRequest,
  tools: readonly WireObject[],
  namer: ToolNamer,
  losses: Losses,
): WireObject | undefined {
  const hasFunctions = hasDeclarations(tools);
  const hasTools = tools.length > 0;
  const ownConfig = request.extensions?.["gemini-generate"]?.["toolConfig"];
  const own: WireObject = isObject(ownConfig) ? ownConfig : {};
  const ownCalling = own["functionCallingConfig"];
  // A client of Chat's retired `functions` has not asked for it: it gets the first call.
  const isAsked = request.parallelToolCalls === false && request.extensions?.["openai-chat"]?.["functions"] !== true;
  if (isAsked && hasFunctions) losses.drop("parallelToolCalls", "The provider has no such switch.");
  const calling = hasFunctions ? renderChoice(request, namer) : undefined;
  if (!hasFunctions) reportLostChoice(request, hasTools, losses);
  const merged = isObject(ownCalling) ? { ...calling, ...ownCalling } : calling;
  const config = { ...own, ...(merged === undefined ? {} : { functionCallingConfig: merged }) };
  return Object.keys(config).length === 0 ? undefined : config;
}

/** Whether functions are among the rendered tools. */
function hasDeclarations(tools: readonly WireObject[]): boolean {
  return tools.some((tool) => tool["functionDeclarations"] !== undefined);
}

function choiceNames(choice: ToolChoice): readonly string[] | undefined {
  return choice.type === "allowed" ? choice.names : undefined;
}

/** Without functions, a choice is of the vendor's own tools, which run as the model decides. */
function reportLostChoice({ toolChoice: choice, tools = [] }: ChatRequest, hasTools: boolean, losses: Losses): void {
  if (choice === undefined || choice.type === "auto" || choice.type === "none") return;
  const isCalledHere = (name: string): boolean => tools.some((tool) => tool.type === "server" && tool.name === name);
  const names = choice.type === "named" ? [choice.name] : choiceNames(choice);
  const isServed = hasTools && (names === undefined || names.some(isCalledHere));
  if (!isServed && (choice.type !== "allowed" || choice.required)) throw missingTool();
  losses.drop("toolChoice", "The provider decides itself whether it runs its own tools.");
}

function renderChoice({ toolChoice: choice, tools }: ChatRequest, namer: ToolNamer): WireObject | undefined {
  switch (choice?.type) {
    case undefined:
      return undefined;
    case "auto":
      return { mode: "AUTO" };
    case "none":
      return { mode: "NONE" };
    case "required":
      return { mode: "ANY" };
    case "named":
      return { mode: "ANY", allowedFunctionNames: namesOf([choice.name], tools ?? [], namer) };
    case "allowed":
      // Only these two modes accept names; with the second one the model may answer without a call.
      return { mode: choice.required ? "ANY" : "VALIDATED", allowedFunctionNames: namesOf(choice.names, tools ?? [], namer) };
  }
}

function namesOf(names: readonly string[], tools: readonly Tool[], namer: ToolNamer): readonly string[] {
  const known = firstByName(tools, (tool) => (tool.type === "server" ? [] : callNames(tool)));
  const found = names.flatMap((name) => {
    const tool = known.get(name);
    return tool === undefined || tool.type === "server" ? [] : [namer.wireName(namedTool(tool))];
  });
  if (found.length === 0) throw missingTool();
  return found;
}

function missingTool(): UnservedError {
  return refuse("toolChoice", "it forces a tool that the provider does not get.");
}
