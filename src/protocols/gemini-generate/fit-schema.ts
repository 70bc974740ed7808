import { isObject, mapFields, type WireObject } from "../shared/fields.ts";
import { mapSchemas } from "../shared/map-schema.ts";

/**
 * Changes a schema, without changing its meaning, where the vendor would refuse it: each of these is a 400 for the whole request ("items: missing field",
 * "items: field predicate failed: $type == Type.ARRAY", "required[0]: property is not defined", "enum: only allowed for STRING type"; public reports to
 * November 2026).
 */
export function fitSchema(schema: WireObject): WireObject {
  return loosenCycles(mapSchemas(schema, fitOne));
}

function fitOne(schema: WireObject): WireObject {
  return withRequired(withItems(withoutEmptyText(withTypedEnum(withWholeBounds(withOneType(schema))))));
}

/** "enum[0]: cannot be empty": the description says that the text may be empty. */
function withoutEmptyText(schema: WireObject): WireObject {
  const { enum: values, description, ...rest } = schema;
  if (!Array.isArray(values) || !values.includes("")) return schema;
  const others = values.filter((value) => value !== "");
  const words = [...(typeof description === "string" && description !== "" ? [description] : []), '(may be "")'].join(" ");
  return { ...rest, ...(others.length === 0 ? {} : { enum: others }), description: words };
}

/** A value of several types fits one of several schemas; `null` beside one type is known to the vendor. */
function withOneType(schema: WireObject): WireObject {
  const { type: types, items, anyOf, ...rest } = schema;
  if (!Array.isArray(types) || anyOf !== undefined || types.filter((type) => type !== "null").length < 2) return schema;
  return { ...rest, anyOf: types.map((type: unknown) => ({ type, ...(type === "array" ? { items: items ?? {} } : {}) })) };
}

/** Only a `minimum` is known; for integers, it says the same. */
function withWholeBounds(schema: WireObject): WireObject {
  const { exclusiveMinimum: low, exclusiveMaximum: high, ...rest } = schema;
  if (schema["type"] !== "integer" || (low === undefined && high === undefined)) return schema;
  const { minimum, maximum } = rest;
  return {
    ...rest,
    ...(typeof low === "number" ? { minimum: Math.max(Math.floor(low) + 1, typeof minimum === "number" ? minimum : -Infinity) } : {}),
    ...(typeof high === "number" ? { maximum: Math.min(Math.ceil(high) - 1, typeof maximum === "number" ? maximum : Infinity) } : {}),
  };
}

/** An `enum` has a type beside it, and `null` is a type, not a value. */
function withTypedEnum(schema: WireObject): WireObject {
  const constant = schema["const"];
  const isPlain = typeof constant === "string" || typeof constant === "number";
  const values: unknown = schema["enum"] ?? (isPlain ? [constant] : undefined);
  if (!Array.isArray(values)) return schema;
  const { const: _, ...rest } = schema;
  const others = values.filter((value) => value !== null);
  const types = [...new Set(others.map((value) => typeof value))];
  const known = types.length === 1 && (types[0] === "string" || types[0] === "number") ? types[0] : undefined;
  const type = schema["type"] ?? known;
  const isNullable = others.length < values.length && typeof type === "string" && type !== "null";
  if (schema["enum"] !== undefined && type === schema["type"] && others.length === values.length) return schema;
  return {
    ...rest,
    ...(type === undefined ? {} : { type: isNullable ? [type, "null"] : type }),
    enum: type === undefined ? values : others,
  };
}

function withItems(schema: WireObject): WireObject {
  const { type, items, prefixItems } = schema;
  const isArray = type === "array" || (Array.isArray(type) && type.includes("array"));
  if (isArray && items === undefined && prefixItems === undefined) return { ...schema, items: {} };
  if (isArray || type === undefined || items === undefined) return schema;
  const { items: _, ...rest } = schema;
  return rest;
}

/** Every required property is listed. */
function withRequired(schema: WireObject): WireObject {
  const { required, properties } = schema;
  if (!Array.isArray(required)) return schema;
  const known = isObject(properties) ? properties : {};
  const missing = required.filter((name) => typeof name === "string" && !Object.hasOwn(known, name));
  if (missing.length === 0) return schema;
  return { ...schema, properties: { ...known, ...Object.fromEntries(missing.map((name) => [name, {}])) } };
}

/** "Cyclic references … may only be used within non-required properties" (`responseJsonSchema` of `@google/genai` 3.1). */
function loosenCycles(schema: WireObject): WireObject {
  const key = isObject(schema["$defs"]) ? "$defs" : "definitions";
  const definitions = schema[key];
  if (!isObject(definitions) || Object.keys(definitions).length > maxDefinitions) return schema;
  const cycles = findCycles(new Map(Object.entries(definitions).map(([name, each]) => [`#/${key}/${name}`, referencesIn(each)])));
  if (cycles.size === 0) return schema;
  const loosened = mapFields(definitions, (each, name) => {
    const own = cycles.get(`#/${key}/${name}`);
    if (own === undefined || !isObject(each)) return each;
    return mapSchemas(each, (inner) => loosen(inner, (property) => [...referencesIn(property)].some((ref) => cycles.get(ref) === own)));
  });
  return loosened === definitions ? schema : { ...schema, [key]: loosened };
}

/** Of more definitions no cycle is looked for: one request can have 80,000, and must not keep others waiting. */
const maxDefinitions = 1000;

/** Requires a property only if it does not lead back to the schema. */
function loosen(schema: WireObject, isCyclic: (property: unknown) => boolean): WireObject {
  const { required, properties } = schema;
  if (!Array.isArray(required) || !isObject(properties)) return schema;
  const kept = required.filter((name) => !isCyclic(properties[String(name)]));
  return kept.length === required.length ? schema : { ...schema, required: kept };
}

interface Visit {
  readonly name: string;
  /** The order in which the definitions were first seen. */
  readonly index: number;
  /** The earliest open definition that this one leads back to. */
  lowest: number;
  readonly left: Iterator<string>;
}

/**
 * The definitions that lead back to themselves, each with a number that all definitions of the same cycle have. Tarjan's algorithm, in time that grows
 * with the references, and without recursion, as a chain of definitions may be long.
 */
function findCycles(references: ReadonlyMap<string, ReadonlySet<string>>): ReadonlyMap<string, number> {
  const cycles = new Map<string, number>();
  const indexes = new Map<string, number>();
  /** Seen, and maybe part of a cycle that is not complete yet. */
  const open: string[] = [];
  const closed = new Set<string>();
  const visits: Visit[] = [];
  const enter = (name: string): void => {
    const index = indexes.size;
    indexes.set(name, index);
    open.push(name);
    visits.push({ name, index, lowest: index, left: references.get(name)!.values() });
  };
  const leave = ({ name, index, lowest }: Visit): void => {
    const parent = visits.at(-1);
    if (parent !== undefined) parent.lowest = Math.min(parent.lowest, lowest);
    if (lowest < index) return;
    const members = open.splice(open.lastIndexOf(name));
    const isCycle = members.length > 1 || references.get(name)!.has(name);
    for (const member of members) {
      closed.add(member);
      if (isCycle) cycles.set(member, index);
    }
  };
  for (const first of references.keys()) {
    if (indexes.has(first)) continue;
    enter(first);
    for (let visit = visits.at(-1); visit !== undefined; visit = visits.at(-1)) {
      const next = visit.left.next();
      if (next.done === true) {
        visits.pop();
        leave(visit);
      } else if (!indexes.has(next.value)) {
        if (references.has(next.value)) enter(next.value);
      } else if (!closed.has(next.value)) {
        visit.lowest = Math.min(visit.lowest, indexes.get(next.value)!);
      }
    }
  }
  return cycles;
}

function referencesIn(value: unknown, found = new Set<string>()): ReadonlySet<string> {
  if (Array.isArray(value)) for (const each of value) referencesIn(each, found);
  else if (isObject(value)) {
    for (const key in value) {
      const inner = value[key];
      if (key === "$ref" && typeof inner === "string") found.add(inner);
      else if (typeof inner === "object") referencesIn(inner, found);
    }
  }
  return found;
}
