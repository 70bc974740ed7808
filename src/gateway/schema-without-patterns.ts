/** Keywords whose values map names to schemas: such a name may be that of a keyword. */
const maps = new Set(["properties", "$defs", "definitions", "dependentSchemas"]);
/** Keywords whose values are data. */
const data = new Set(["const", "enum", "default", "examples", "required"]);
/** Keywords that run patterns over texts. A pattern of a client can take minutes for a text of 40 characters. */
const dropped = new Set(["pattern", "patternProperties", "format"]);

/** Copies a JSON Schema without what would run patterns, so that a comparison takes time in proportion to schema and value. */
export function schemaWithoutPatterns(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(schemaWithoutPatterns);
  if (typeof schema !== "object" || schema === null) return schema;
  return mapValues(schema, (name, value) => {
    if (dropped.has(name)) return undefined;
    if (data.has(name)) return value;
    if (maps.has(name) && typeof value === "object" && value !== null) return mapValues(value, (_, each) => schemaWithoutPatterns(each));
    return schemaWithoutPatterns(value);
  });
}

/** Drops members whose new value is `undefined`. */
function mapValues(from: object, change: (name: string, value: unknown) => unknown): object {
  const entries = Object.entries(from).map(([name, value]) => [name, change(name, value)] as const);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}
