import type { JsonSchema } from "../../ir/index.ts";
import { isObject, type WireObject } from "../shared/fields.ts";
import { repairSchema } from "../shared/repair-schema.ts";
import { fitSchema } from "./fit-schema.ts";
import type { Losses, LostParam } from "../shared/losses.ts";
import { lowerSchema, type SchemaSupport } from "../shared/lower-schema.ts";

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

/** The part of JSON Schema that `responseJsonSchema` and `parametersJsonSchema` support (Gemini API, "GenerationConfig", November 2026). */
const support: SchemaSupport = {
  narrow: true,
  keeps: (key, value) =>
    key === "enum" ? Array.isArray(value) && value.every((each) => typeof each === "string" || typeof each === "number") : kept.has(key),
};

/** Lowers a schema to what the vendor supports; the rest is written into descriptions and reported as emulated. */
export function lowerForVendor(schema: JsonSchema, param: LostParam, losses: Losses): WireObject {
  const lowered = lowerSchema(isObject(schema) ? fitSchema(repairSchema(schema)) : schema, support);
  if (lowered.described.length > 0)
    losses.emulate(param, `The provider does not support ${lowered.described.join(", ")}: the description says it.`);
  return lowered.schema;
}
