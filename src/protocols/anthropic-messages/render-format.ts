import type { ChatRequest, JsonSchema } from "../../ir/index.ts";
import { isObject, type WireObject } from "../fields.ts";
import type { Losses, LostParam } from "../losses.ts";
import { lowerSchema, type SchemaSupport } from "../lower-schema.ts";
import type { ToolNamer } from "../tool-names.ts";
import type { ModelTraits } from "./model-traits.ts";
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

const stringFormats: ReadonlySet<unknown> = new Set([
  "date-time",
  "time",
  "date",
  "duration",
  "email",
  "hostname",
  "uri",
  "ipv4",
  "ipv6",
  "uuid",
]);

/** Anthropic API, "Structured outputs", limits of JSON Schema; November 2026. */
const outputSupport: SchemaSupport = {
  closedObjects: true,
  keeps(key, value) {
    if (key === "format") return stringFormats.has(value);
    if (key === "minItems") return value === 0 || value === 1;
    return ["type", "title", "enum", "const", "default", "required", "$ref", "$defs"].includes(key);
  },
};

const jsonInstruction = "Answer with one JSON object and nothing else: no text around it, no code fence.";
const answerTool = "answer_in_json";

/** A schema as the vendor's grammar takes it. */
export function lowerForOutput(schema: JsonSchema, param: LostParam, losses: Losses): WireObject {
  const lowered = lowerSchema(schema, outputSupport);
  if (lowered.described.length > 0)
    losses.emulate(param, `The provider enforces no ${lowered.described.join(", ")}: told in the description.`);
  return lowered.schema;
}

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
