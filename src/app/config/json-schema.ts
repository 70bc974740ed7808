import * as z from "zod";
import { leafInfos, type LeafKind } from "../../settings/index.ts";
import { settingsSchema } from "./schema.ts";

/** Values that are not text, or one of a few words: `${…}` must be allowed in their place all the same. */
const closedKinds: ReadonlySet<LeafKind> = new Set(["integer", "flag", "choice", "duration", "size", "percent"]);
const reference = { type: "string", pattern: "\\$\\{" };

/** The configuration file's JSON Schema (draft 2020-12), for editors. */
export function settingsJsonSchema(): object {
  const schema = z.toJSONSchema(settingsSchema, {
    io: "input",
    override({ zodSchema, jsonSchema }) {
      const info = leafInfos.get(zodSchema);
      if (info !== undefined && closedKinds.has(info.kind)) {
        const { description, anyOf, ...rest } = jsonSchema;
        for (const key of Object.keys(jsonSchema)) delete jsonSchema[key];
        Object.assign(jsonSchema, { description, anyOf: [...(anyOf ?? [rest]), reference] });
      }
      // A section whose settings are all commented out is nothing, and that is fine.
      if (info === undefined && jsonSchema.type === "object") jsonSchema.type = ["object", "null"] as never;
      // A section without its settings is not worth a default.
      if (typeof jsonSchema.default === "object" && !Array.isArray(jsonSchema.default)) delete jsonSchema.default;
    },
  });
  return { ...schema, title: "Tokligence Gateway" };
}

/** The text of `docs/config.schema.json`. */
export function renderJsonSchema(): string {
  return `${JSON.stringify(settingsJsonSchema(), null, 2)}\n`;
}
