import type { ChatRequest } from "../../ir/index.ts";
import { isObject, type WireObject } from "../fields.ts";
import type { Losses } from "../losses.ts";
import type { ToolNamer } from "../tool-names.ts";
import type { ModelTraits } from "./model-traits.ts";
import { lowerForOutput } from "./output-schema.ts";
import type { OutTool } from "./render-tools.ts";

/** How the form of the answer is asked for. */
export interface RenderedFormat {
  /** `output_config.format`. */
  readonly format?: WireObject;
  /** A text for the end of the instructions. */
  readonly instruction?: string;
  /** A tool whose input is the answer. */
  readonly tool?: OutTool;
}

const jsonInstruction = "Answer with one JSON object and nothing else: no text around it, no code fence.";
const answerTool = "answer_in_json";

/**
 * JSON of a schema goes by `output_config.format`; on a model without it, as the forced call of a tool whose input is the answer. Any JSON goes by an
 * instruction.
 */
export function renderFormat(request: ChatRequest, traits: ModelTraits, namer: ToolNamer, losses: Losses): RenderedFormat {
  const { responseFormat } = request;
  if (responseFormat === undefined || responseFormat.type === "text") return {};
  if (responseFormat.type === "json-object") {
    losses.emulate("responseFormat", "The provider has no plain JSON mode: asked for in the instructions.");
    return { instruction: jsonInstruction };
  }
  const { description } = responseFormat;
  const schema = lowerForOutput(responseFormat.schema, "responseFormat.schema", losses);
  const told = description === undefined || schema["description"] !== undefined ? schema : { ...schema, description };
  if (traits.takesFormat) return { format: { type: "json_schema", schema: told } };
  losses.emulate("responseFormat", "The model has no structured output: it answers by a tool.");
  const isObjectSchema = isObject(told) && told["type"] === "object";
  const name = namer.reserveAnswer(answerTool);
  return {
    tool: {
      fields: {
        name,
        description: "Give the answer to the user with this tool.",
        input_schema: isObjectSchema ? told : { ...told, type: "object" },
      },
    },
  };
}
