import { isObject, type WireObject } from "../shared/fields.ts";
import type { Losses } from "../shared/losses.ts";
import type { RenderQuirks } from "../quirks.ts";

/** What the client wants of reasoning: `asked` for it, `off`, or `open` (the model decides). */
export type ThinkingWish = "asked" | "off" | "open";

export interface FittedTools {
  readonly tools: unknown;
  readonly choice: unknown;
  /** An instruction in place of a choice that the server does not have. */
  readonly instruction: string | undefined;
  /** Thinking must be off, as the server forces no tool while the model thinks. */
  readonly rests: boolean;
}

/** Changes `tools` and `tool_choice` in OpenAI's form to what the server accepts. */
export function fitTools(body: WireObject, quirks: RenderQuirks, wish: ThinkingWish, losses: Losses): FittedTools {
  const { tools, tool_choice: choice } = body;
  const unchanged = { tools, choice, instruction: undefined, rests: false };
  const name = nameOf(choice);
  if (name === undefined && choice !== "required" && choice !== "any") return fitPlain(unchanged, quirks, losses);
  if (quirks.toolChoice === "auto" || quirks.toolChoice === "none") return asInstruction(unchanged, name, quirks, losses);
  if (quirks.noForcedToolWhileThinking === true && wish === "asked") {
    losses.drop("toolChoice", "The provider forces no tool while the model reasons, and the client asks for reasoning.");
    return { ...unchanged, choice: "auto" };
  }
  const rests = quirks.noForcedToolWhileThinking === true && wish === "open";
  if (rests) losses.emulate("reasoning", "The model does not reason, as the provider forces no tool while it does.");
  if (name === undefined || quirks.toolChoice !== "words") return { ...unchanged, rests };
  losses.emulate("toolChoice", "The provider cannot force a named tool: only this tool is offered, and a call is required.");
  return { ...unchanged, tools: onlyTool(tools, name), choice: "required", rests };
}

/** A choice that forces no tool. */
function fitPlain(unchanged: FittedTools, quirks: RenderQuirks, losses: Losses): FittedTools {
  const { choice } = unchanged;
  if (choice === undefined || choice === null || (quirks.toolChoice !== "auto" && quirks.toolChoice !== "none")) return unchanged;
  if (choice === "none") {
    losses.emulate("toolChoice", "The provider has no such choice: no tool is offered.");
    return { ...unchanged, tools: undefined, choice: undefined };
  }
  return quirks.toolChoice === "none" ? { ...unchanged, choice: undefined } : unchanged;
}

/** A forced tool for a server that cannot force one: only this tool is offered, and the instructions ask for the call. */
function asInstruction(unchanged: FittedTools, name: string | undefined, quirks: RenderQuirks, losses: Losses): FittedTools {
  losses.emulate("toolChoice", "The provider forces no tool: the instructions ask for the call.");
  return {
    tools: name === undefined ? unchanged.tools : onlyTool(unchanged.tools, name),
    choice: quirks.toolChoice === "none" ? undefined : "auto",
    instruction: name === undefined ? "Call one of the tools now." : `Call the tool "${name}" now.`,
    rests: false,
  };
}

/** The name of `{"type":"function","function":{"name":…}}`. */
function nameOf(choice: unknown): string | undefined {
  const named = isObject(choice) ? (choice["function"] ?? choice["custom"]) : undefined;
  const name = isObject(named) ? named["name"] : undefined;
  return typeof name === "string" ? name : undefined;
}

function onlyTool(tools: unknown, name: string): unknown {
  if (!Array.isArray(tools)) return tools;
  return tools.filter((tool: unknown) => {
    const inner = isObject(tool) ? (tool["function"] ?? tool["custom"]) : undefined;
    return isObject(inner) && inner["name"] === name;
  });
}

export interface FittedFormat {
  readonly format: unknown;
  /** An instruction in place of a format that the server does not have. */
  readonly instruction: string | undefined;
}

/** Changes `response_format` in OpenAI's form to what the server accepts: a schema that it does not know is written into the instructions. */
export function fitFormat(body: WireObject, quirks: RenderQuirks, losses: Losses): FittedFormat {
  const format = body["response_format"];
  const type = isObject(format) ? format["type"] : undefined;
  if (!isObject(format) || (type !== "json_object" && type !== "json_schema")) return { format, instruction: undefined };
  const isBesideTools = quirks.noFormatWithTools === true && Array.isArray(body["tools"]) && body["tools"].length > 0;
  const taken = isBesideTools ? [] : (quirks.responseFormats ?? ["json_object", "json_schema"]);
  if (taken.includes(type)) return { format, instruction: undefined };
  if (type === "json_object" && taken.includes("json_schema")) {
    losses.emulate("responseFormat", "The provider accepts only schemas: it gets one that any object fits.");
    return { format: { type: "json_schema", json_schema: { name: "answer", schema: { type: "object" } } }, instruction: undefined };
  }
  const inner = isObject(format["json_schema"]) ? format["json_schema"]["schema"] : undefined;
  if (type === "json_schema") losses.emulate("responseFormat.schema", "The schema is written into the instructions.");
  else losses.emulate("responseFormat", "The format is written into the instructions.");
  return {
    format: taken.includes("json_object") ? { type: "json_object" } : undefined,
    instruction:
      inner === undefined
        ? "Answer with one JSON object and nothing else."
        : `Answer with JSON that fits this JSON Schema, and nothing else:\n${JSON.stringify(inner)}`,
  };
}
