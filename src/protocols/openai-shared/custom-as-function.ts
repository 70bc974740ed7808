import type { CustomTool, FunctionTool } from "../../ir/index.ts";
import { isObject } from "./fields.ts";

/** A custom tool for a wire that only has functions: one string, with the grammar told in the description. */
export function functionOfCustom(tool: CustomTool): FunctionTool {
  const grammar =
    tool.grammar === undefined ? "" : `\nThe value of "input" follows this grammar (${tool.grammar.syntax}):\n${tool.grammar.definition}`;
  const description = `${tool.description ?? ""}${grammar}`;
  return {
    type: "function",
    name: tool.name,
    ...(tool.namespace === undefined ? {} : { namespace: tool.namespace }),
    ...(description === "" ? {} : { description }),
    parameters: {
      type: "object",
      properties: { input: { type: "string", description: "The whole input of the tool, as free text." } },
      required: ["input"],
      additionalProperties: false,
    },
    ...(tool.cache === undefined ? {} : { cache: tool.cache }),
  };
}

/** Arguments of such a function for a free text. */
export function wrapInput(text: string): string {
  return JSON.stringify({ input: text });
}

/** The free text in the arguments of such a function; arguments of another form are the text themselves, as some models write it bare. */
export function unwrapInput(argumentsText: string): string {
  try {
    const value: unknown = JSON.parse(argumentsText);
    if (isObject(value) && typeof value["input"] === "string") return value["input"];
    return typeof value === "string" ? value : argumentsText;
  } catch {
    return argumentsText; // Free text after all.
  }
}
