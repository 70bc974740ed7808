import type { JsonSchema } from "../../ir/index.ts";
import { isObject, type WireObject } from "../shared/fields.ts";
import { repairSchema } from "../shared/repair-schema.ts";
import type { Losses, LostParam } from "../shared/losses.ts";
import { lowerSchema, type SchemaSupport } from "../shared/lower-schema.ts";

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

/** What the vendor's grammar supports (Anthropic API, "Structured outputs", limits of JSON Schema; November 2026). */
const outputSupport: SchemaSupport = {
  closedObjects: true,
  keeps(key, value) {
    if (key === "format") return stringFormats.has(value);
    if (key === "minItems") return value === 0 || value === 1;
    return ["type", "title", "enum", "const", "default", "required", "$ref", "$defs"].includes(key);
  },
};

/** Lowers a schema to what the vendor's grammar accepts. */
export function lowerForOutput(schema: JsonSchema, param: LostParam, losses: Losses): WireObject {
  const lowered = lowerSchema(isObject(schema) ? repairSchema(schema) : schema, outputSupport);
  if (lowered.described.length > 0)
    losses.emulate(param, `The provider does not enforce ${lowered.described.join(", ")}: the description says it.`);
  return lowered.schema;
}
