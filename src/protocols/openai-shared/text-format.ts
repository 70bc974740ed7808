import type { ChatRequest, ResponseFormat } from "../../ir/index.ts";
import { compact, isAbsent, isObject, type WireObject } from "../shared/fields.ts";
import { invalidField, optionalBoolean, optionalSchema, optionalString, requiredString } from "./fields.ts";
import { formatName } from "./format-name.ts";
import type { Losses } from "../shared/losses.ts";
import type { RenderTarget } from "../translation.ts";
import { completeArrays, fitsStrictFormat } from "./function-schema.ts";

/** Whether the neutral form has a name for a format; other formats (a grammar, a vendor's regex) are kept in the extensions. */
export function isNeutralFormat(format: unknown): boolean {
  return !isObject(format) || format["type"] === "text" || format["type"] === "json_object" || format["type"] === "json_schema";
}

/**
 * Parses `{"type":"text"}`, `{"type":"json_object"}`, or `{"type":"json_schema"}`, whose fields are in another place in each dialect: `parseSchema`
 * finds them.
 */
export function parseFormat(
  format: WireObject | undefined,
  parseSchema: (format: WireObject) => ResponseFormat,
): ResponseFormat | undefined {
  switch (format?.["type"]) {
    case "text":
      return { type: "text" };
    case "json_object":
      return { type: "json-object" };
    case "json_schema":
      return parseSchema(format);
    default:
      return undefined;
  }
}

/** Parses `{"name","description"?,"schema"?,"strict"?}`. */
export function parseJsonSchema(wire: WireObject, path: string): ResponseFormat {
  return compact({
    type: "json-schema" as const,
    name: requiredString(wire, "name", path),
    description: optionalString(wire, "description", path),
    // Any value fits an empty schema.
    schema: optionalSchema(wire, "schema", path) ?? {},
    strict: optionalBoolean(wire, "strict", path),
  });
}

/** The reverse of `parseFormat`. `place`: where the fields of a schema are written. */
export function renderFormat(
  format: ResponseFormat | undefined,
  place: (schema: WireObject) => WireObject,
  { quirks }: RenderTarget,
  losses: Losses,
): WireObject | undefined {
  switch (format?.type) {
    case "text":
      return { type: "text" };
    case "json-object":
      return { type: "json_object" };
    case "json-schema": {
      const { name, description, schema, isEnforced } = format;
      // OpenAI enforces a schema only if it is strict, and refuses a strict schema that does not meet its terms.
      const mayBeStrict = isEnforced === true && quirks.noVendorFields !== true && fitsStrictFormat(schema);
      if (isEnforced === true && !mayBeStrict)
        losses.emulate("responseFormat.schema", "The provider follows the schema without a guarantee.");
      const strict = mayBeStrict ? true : format.strict;
      const fields = compact({ name: formatName(name), description, schema: isObject(schema) ? completeArrays(schema) : {}, strict });
      return { type: "json_schema", ...place(fields) };
    }
    case undefined:
      return undefined;
  }
}

export function parseVerbosity(verbosity: unknown, path: string): ChatRequest["verbosity"] {
  if (isAbsent(verbosity)) return undefined;
  if (verbosity === "low" || verbosity === "medium" || verbosity === "high") return verbosity;
  throw invalidField(path, "low, medium or high");
}
