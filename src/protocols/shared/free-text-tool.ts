import type { CustomTool, FunctionTool } from "../../ir/index.ts";
import { isObject, type WireObject } from "./fields.ts";
import { jsonValue, objectText } from "./json-text.ts";
import type { Losses } from "./losses.ts";

/** A tool of free text for a wire that only has functions: a function with one string, whose description contains the grammar. */
export function functionOfCustom(tool: CustomTool, losses: Losses): FunctionTool {
  losses.emulate("tools[]", "The provider has no tools of free text: they are sent as functions with one string.");
  const grammar = tool.grammar === undefined ? [] : [`Grammar of \`input\` (${tool.grammar.syntax}):\n${tool.grammar.definition}`];
  return {
    type: "function",
    name: tool.name,
    ...(tool.namespace === undefined ? {} : { namespace: tool.namespace }),
    description: [...(tool.description === undefined ? [] : [tool.description]), inputHint, ...grammar].join("\n\n"),
    parameters: { type: "object", properties: { input: { type: "string" } }, required: ["input"], additionalProperties: false },
    ...(tool.cache === undefined ? {} : { cache: tool.cache }),
  };
}

const inputHint = "Give the whole free text of this tool's input, as it is, in `input`.";

/** The arguments of a call as a JSON object: their text unchanged, or a free text as the string `input`. */
export function argumentsJson(kind: "function" | "custom", text: string): string {
  return (kind === "custom" ? undefined : objectText(text)) ?? wrapInput(text);
}

/** The arguments of such a function for a free text. */
export function wrapInput(text: string): string {
  return JSON.stringify({ input: text });
}

/**
 * The free text in the arguments of such a function: `input`, or the one string of an object that has it under a key of the model's own (`patch` for a
 * patch); if the model ignored the form, the whole text.
 */
export function unwrapInput(args: string): string {
  const value = jsonValue(args);
  const input = isObject(value) ? (value["input"] ?? onlyValue(value)) : value;
  return typeof input === "string" ? input : args;
}

function onlyValue(object: WireObject): unknown {
  const values = Object.values(object);
  return values.length === 1 ? values[0] : undefined;
}
