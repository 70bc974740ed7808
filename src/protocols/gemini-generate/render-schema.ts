import type { JsonSchema } from "../../ir/index.ts";
import type { WireObject } from "../fields.ts";
import type { Losses, LostParam } from "../losses.ts";
import { lowerSchema, type SchemaSupport } from "../lower-schema.ts";

const kept: ReadonlySet<string> = new Set([
  "type",
  "title",
  "format",
  "enum",
  "minItems",
  "maxItems",
  "minimum",
  "maximum",
  "required",
  "propertyOrdering",
  "$anchor",
  "$ref",
]);

/** The part of JSON Schema in `responseJsonSchema` and `parametersJsonSchema` (Gemini API, "GenerationConfig", November 2026). */
const support: SchemaSupport = {
  narrow: true,
  keeps: (key, value) =>
    key === "enum" ? Array.isArray(value) && value.every((each) => typeof each === "string" || typeof each === "number") : kept.has(key),
};

/** The schema in the vendor's terms; what it can't say stands in descriptions, and is told as emulated. */
export function lowerForVendor(schema: JsonSchema, param: LostParam, losses: Losses): WireObject {
  const lowered = lowerSchema(schema, support);
  if (lowered.described.length > 0)
    losses.emulate(param, `The provider knows no ${lowered.described.join(", ")}: told in the description.`);
  return lowered.schema;
}
