import type { ChatRequest } from "../../ir/index.ts";
import { isObject, type WireObject } from "../shared/fields.ts";
import type { Losses } from "../shared/losses.ts";
import type { WireNames } from "../shared/property-names.ts";
import type { ModelTraits } from "./model-traits.ts";
import { lowerForOutput } from "./output-schema.ts";
import type { OutTool } from "./render-tools.ts";

/** How a request asks for the form of the answer. */
export interface RenderedFormat {
  /** `output_config.format`. */
  readonly format?: WireObject;
  /** A text to append to the instructions. */
  readonly instruction?: string;
  /** A tool whose input is the answer. */
  readonly tool?: OutTool;
}

const jsonInstruction = "Answer with one JSON object and nothing else: no text around it, no code fence.";
const answerTool = "answer_in_json";

/**
 * A JSON schema is sent as `output_config.format`; if the model has no such field, the model is forced to call a tool whose input is the answer. JSON
 * without a schema is asked for in the instructions.
 */
export function renderFormat(request: ChatRequest, traits: ModelTraits, names: WireNames, losses: Losses): RenderedFormat {
  const { responseFormat } = request;
  if (responseFormat === undefined || responseFormat.type === "text") return {};
  if (responseFormat.type === "json-object") {
    losses.emulate("responseFormat", "The provider has no JSON mode without a schema: the instructions ask for JSON.");
    return { instruction: jsonInstruction };
  }
  const { description } = responseFormat;
  const schema = lowerForOutput(responseFormat.schema, "responseFormat.schema", losses);
  const schemaSent = description === undefined || schema["description"] !== undefined ? schema : { ...schema, description };
  if (traits.takesFormat) return { format: { type: "json_schema", schema: schemaSent } };
  losses.emulate("responseFormat", "The model has no structured output: it answers by calling a tool.");
  const isObjectSchema = isObject(schemaSent) && schemaSent["type"] === "object";
  const name = names.tools.reserveAnswer(answerTool);
  return {
    tool: {
      fields: {
        name,
        description: "Give the answer to the user with this tool.",
        input_schema: names.properties.rename(name, {
          schema: isObjectSchema ? schemaSent : { ...schemaSent, type: "object" },
          rule: undefined,
        }).schema,
      },
    },
  };
}
