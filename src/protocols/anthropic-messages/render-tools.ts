import type { CacheHint, ChatRequest, JsonSchema, ServerTool, Tool, ToolChoice } from "../../ir/index.ts";
import { compact, isObject, type WireObject } from "../shared/fields.ts";
import { functionOfCustom } from "../shared/free-text-tool.ts";
import { refuse, type Losses, type UnservedError } from "../shared/losses.ts";
import { readHostedTool, reportHosted, type HostedTool } from "../shared/hosted-tools.ts";
import { mergeBranches, withRule, type MergedSchema } from "../shared/merge-branches.ts";
import { repairSchema } from "../shared/repair-schema.ts";
import type { PropertyNameRules, WireNames } from "../shared/property-names.ts";
import { allowedTools, chosenTool, namedTool, wordCharacters, type ToolNamer, type ToolNameRules } from "../shared/tool-names.ts";
import type { RenderTarget } from "../translation.ts";
import type { Turn } from "../shared/turns.ts";
import type { ModelTraits } from "./model-traits.ts";
import { lowerForOutput } from "./output-schema.ts";

/** A tool before it is printed as JSON. */
export interface OutTool {
  readonly fields: WireObject;
  readonly cache?: CacheHint | undefined;
}

/** "Property keys should match pattern …" (Anthropic API, of a tool's `input_schema`, November 2026). */
export const propertyNames: PropertyNameRules = { accepted: /^[a-zA-Z0-9_.-]{1,64}$/, forbidden: /[^a-zA-Z0-9_.-]/g };

/**
 * The names of tools: "String should match pattern '^[a-zA-Z0-9_-]{1,128}$'", "Tool names must be unique" (Anthropic API, November 2026). Other servers
 * of this protocol may accept less.
 */
export function toolNameRules(tools: readonly Tool[], { quirks }: RenderTarget): ToolNameRules {
  const reserved = tools.flatMap((tool) => (tool.type === "server" ? hostedNames(tool) : []));
  return { forbidden: wordCharacters, reserved, ...(quirks.noVendorFields === true ? {} : { maxLength: 128 }) };
}

/** The names that a tool of a vendor has on this wire. */
function hostedNames(tool: ServerTool): readonly string[] {
  const name = tool.protocol === "anthropic-messages" ? (tool.wire["name"] ?? tool.name) : hostedTool(tool)?.fields["name"];
  return typeof name === "string" ? [name] : [];
}

/** At most this number of tools of one request can be strict (Anthropic API, "Structured outputs", November 2026). */
const maxStrictTools = 20;

/** Renders `tools`. This protocol cannot limit the choice to some tools, so only the allowed tools are sent. */
export function renderTools(
  request: ChatRequest,
  traits: ModelTraits,
  { tools: namer, properties }: WireNames,
  losses: Losses,
): readonly OutTool[] {
  const tools = request.tools ?? [];
  const allowed = new Set(allowedTools(tools, request.toolChoice));
  if (allowed.size < tools.length) losses.emulate("toolChoice", "The provider cannot choose among some of the tools: only those are sent.");
  let strict = 0;
  const hosted = new Set<unknown>();
  return tools.flatMap((declared): readonly OutTool[] => {
    if (!allowed.has(declared)) return [];
    // Several tools of another vendor may be one of this vendor.
    if (declared.type === "server")
      return renderServerTool(declared, losses).filter(({ fields }) => hosted.size < hosted.add(fields["name"] ?? fields).size);
    losses.dropForeign(declared.extensions, "anthropic-messages", "tools[]");
    const own = declared.extensions?.["anthropic-messages"];
    const name = namer.wireName(namedTool(declared));
    const tool = declared.type === "custom" ? functionOfCustom(declared, losses) : declared;
    const isStrict = tool.strict === true && traits.takesFormat && ++strict <= maxStrictTools;
    if (tool.strict === true && !isStrict) losses.drop("tools[].strict", "The model accepts no strict tool, or no more of them.");
    const merged = objectSchema(tool.parameters);
    if (merged.rule !== undefined)
      losses.emulate("tools[].parameters", "The provider accepts no branches at the top of a schema: the description says them.");
    const lowered = isStrict ? { ...merged, schema: lowerForOutput(merged.schema, "tools[].parameters", losses) } : merged;
    const { schema, rule } = properties.rename(name, lowered);
    return [
      {
        fields: compact({
          name,
          description: withRule(tool.description, rule),
          input_schema: schema,
          strict: isStrict || (tool.strict === false && traits.takesFormat ? false : undefined),
          ...own,
        }),
        cache: tool.cache,
      },
    ];
  });
}

/**
 * Declarations for the tools of earlier calls, if the request has no tools: the vendor refuses a conversation with calls and without `tools`. They cannot
 * be called (`tool_choice` is `none`).
 */
export function standInTools(turns: readonly Turn[], namer: ToolNamer, losses: Losses): readonly OutTool[] {
  const names = new Set(
    turns.flatMap(({ content }) => content.flatMap((block) => (block.type === "tool-call" ? [namer.wireName(block)] : []))),
  );
  if (names.size === 0) return [];
  losses.emulate("tools[]", "The provider requires the tools of earlier calls: they are declared, and cannot be called.");
  return [...names].map((name) => ({ fields: { name, description: standInDescription, input_schema: { type: "object" } } }));
}

const standInDescription = "A tool of earlier turns, which is not available any more.";

/** The vendor requires an object at the top of a schema, without branches. */
function objectSchema(parameters: JsonSchema | undefined): MergedSchema {
  if (!isObject(parameters)) return { schema: { type: "object", properties: {} }, rule: undefined };
  return mergeBranches(repairSchema(parameters));
}

function renderServerTool(tool: ServerTool, losses: Losses): readonly OutTool[] {
  if (tool.protocol === "anthropic-messages") return [{ fields: tool.wire }];
  if (tool.wire["type"] === "mcp") {
    throw refuse("tools[]", "it runs no MCP servers given as tools. Connect the servers on the client's side.");
  }
  const hosted = hostedTool(tool);
  if (hosted === undefined) {
    losses.drop("tools[]", "The provider does not run this tool.");
    return [];
  }
  reportHosted(hosted.tool, hosted.kept, losses);
  return [{ fields: hosted.fields }];
}

interface RenderedHosted {
  readonly tool: HostedTool;
  readonly fields: WireObject;
  readonly kept: readonly (keyof HostedTool)[];
}

/** This vendor's own tool for one of another vendor; `undefined` if there is none. */
function hostedTool(declared: ServerTool): RenderedHosted | undefined {
  const tool = readHostedTool(declared);
  if (tool === undefined) return undefined;
  const { kind, allowedDomains, blockedDomains, userLocation, maxUses } = tool;
  const domains = { allowed_domains: allowedDomains, blocked_domains: blockedDomains, max_uses: maxUses };
  switch (kind) {
    case "web-search": {
      const fields = compact({ type: "web_search_20250305", name: "web_search", ...domains, user_location: userLocation });
      return { tool, fields, kept: ["allowedDomains", "blockedDomains", "userLocation", "maxUses"] };
    }
    case "web-fetch":
      return {
        tool,
        fields: compact({ type: "web_fetch_20250910", name: "web_fetch", ...domains }),
        kept: ["allowedDomains", "blockedDomains", "maxUses"],
      };
    case "code-execution":
      return { tool, fields: { type: "code_execution_20250825", name: "code_execution" }, kept: [] };
  }
}

/** Renders `tool_choice`, if there are tools. @throws GatewayError `invalid_request` if a tool is forced that is not sent to the provider. */
export function renderToolChoice(
  request: ChatRequest,
  tools: readonly OutTool[],
  namer: ToolNamer,
  losses: Losses,
): WireObject | undefined {
  const { toolChoice: choice, parallelToolCalls: parallel } = request;
  if (tools.length === 0) {
    if (choice !== undefined && isForced(choice)) throw missingTool();
    if (choice !== undefined && choice.type !== "none" && choice.type !== "auto") losses.drop("toolChoice", "There are no tools.");
    return undefined;
  }
  if (choice === undefined) return parallel === false ? { type: "auto", disable_parallel_tool_use: true } : undefined;
  const fields = choiceFields(choice, request.tools ?? [], tools, namer);
  return fields["type"] === "none" || parallel === undefined ? fields : { ...fields, disable_parallel_tool_use: !parallel };
}

/**
 * The text that asks for a tool call if the model cannot be forced to make one. `choice` is the result of `renderToolChoice`. `undefined`: the choice
 * can be sent as it is.
 */
export function renderToolRequest(choice: WireObject | undefined, traits: ModelTraits, losses: Losses): string | undefined {
  if (traits.takesForcedTool || (choice?.["type"] !== "any" && choice?.["type"] !== "tool")) return undefined;
  losses.emulate("toolChoice", "The model can't be forced to call a tool: it is asked to in the instructions.");
  const which = choice["type"] === "tool" ? `the tool \`${String(choice["name"])}\`` : "one of the tools";
  return `Answer by calling ${which}, and with no other text.`;
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
      const tool = chosenTool(declared, choice);
      const name = tool === undefined ? choice.name : nameOf(tool, namer);
      if (!tools.some(({ fields }) => fields["name"] === name)) throw missingTool();
      return { type: "tool", name };
    }
  }
}

/** The name by which a choice calls a tool. */
function nameOf(tool: Tool, namer: ToolNamer): unknown {
  if (tool.type !== "server") return namer.wireName(namedTool(tool));
  return tool.protocol === "anthropic-messages" ? tool.name : hostedTool(tool)?.fields["name"];
}

function missingTool(): UnservedError {
  return refuse("toolChoice", "it forces a tool that the provider does not get.");
}
