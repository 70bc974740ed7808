import { hash } from "node:crypto";
import { define, isObject, mapFields, type WireObject } from "./fields.ts";
import { renameKeys } from "./json-keys.ts";
import type { MergedSchema } from "./merge-branches.ts";
import type { ToolNamer } from "./tool-names.ts";
import type { ToolNames } from "../translation.ts";

/** The longest name of a property that every vendor with such a limit accepts. */
const maxLength = 64;
const hashLength = 8;

/** The names that the tools of a request and their properties have on a wire. */
export interface WireNames {
  readonly tools: ToolNamer;
  readonly properties: PropertyNamer;
}

/** The names of properties that a wire accepts in a tool's schema. */
export interface PropertyNameRules {
  readonly accepted: RegExp;
  /** A global pattern of the characters that a name must not have. */
  readonly forbidden: RegExp;
  /** A pattern for the beginning of a name, if fewer characters are allowed there. */
  readonly begins?: RegExp;
}

/** Keywords whose value is an object of schemas under names of properties. */
const propertyKeywords: ReadonlySet<string> = new Set(["properties", "dependentSchemas"]);
/** Keywords whose value is an object of schemas under other names. */
const namedKeywords: ReadonlySet<string> = new Set(["patternProperties", "$defs", "definitions"]);
/** Keywords whose value is a list of names of properties. */
const listKeywords: ReadonlySet<string> = new Set(["required", "propertyOrdering"]);
/** Keywords whose value is a value that arguments may have. */
const dataKeywords: ReadonlySet<string> = new Set(["default", "const", "enum", "examples", "example"]);

/** The properties of one tool that have another name on the wire. */
interface Renamed {
  readonly wireNames: ReadonlyMap<string, string>;
  readonly clientNames: ReadonlyMap<string, string>;
}

/**
 * Gives the properties of tools names that a wire accepts, at all depths of a schema. Arguments in the conversation get the same names, and those of
 * an answer get the client's names back (`ToolIdentity.properties`).
 */
export class PropertyNamer {
  readonly #rules: PropertyNameRules;
  /** By the tool's name on the wire. */
  readonly #renamed = new Map<string, Renamed>();

  constructor(rules: PropertyNameRules) {
    this.#rules = rules;
  }

  /** The schema of a tool with names that the wire accepts; the schema itself if it has no others. */
  rename(tool: string, merged: MergedSchema): MergedSchema {
    const { schema, rule } = merged;
    const survey: Survey = { names: new Set(), allowsFreeKeys: false };
    surveySchema(schema, survey);
    const wireNames = this.#wireNames(survey);
    if (wireNames.size === 0) return merged;
    const clientNames = new Map([...wireNames].map(([name, wire]) => [wire, name]));
    this.#renamed.set(tool, { wireNames, clientNames });
    return { schema: renameSchema(schema, wireNames), rule: rule === undefined ? undefined : renameSchema(rule, wireNames) };
  }

  /** The arguments of an earlier call, with the names of the tool's schema. */
  renameArguments(tool: string, text: string): string {
    return renameKeys(text, this.#renamed.get(tool)?.wireNames);
  }

  /** The names to restore in an answer, with those of the properties. */
  addTo(toolNames: ToolNames | undefined): ToolNames | undefined {
    if (this.#renamed.size === 0) return toolNames;
    const names = new Map(toolNames);
    for (const [tool, { clientNames }] of this.#renamed)
      names.set(tool, { ...(names.get(tool) ?? { name: tool, kind: "function" }), properties: clientNames });
    return names;
  }

  #wireNames({ names, allowsFreeKeys }: Survey): ReadonlyMap<string, string> {
    const wireNames = new Map<string, string>();
    const taken = new Set<string>(names);
    for (const name of names) {
      if (this.#rules.accepted.test(name)) continue;
      const wire = this.#fit(name, allowsFreeKeys, taken);
      wireNames.set(name, wire);
      taken.add(wire);
    }
    return wireNames;
  }

  /** If an object has keys of the model's own, a name has a hash, so that no such key is taken for it. */
  #fit(name: string, hasHash: boolean, taken: ReadonlySet<string>): string {
    const { forbidden, begins } = this.#rules;
    const bare = name.slice(0, maxLength + 1).replace(forbidden, "_");
    const clean = begins === undefined || bare === "" || begins.test(bare) ? bare : `_${bare}`;
    if (!hasHash && clean !== "" && clean.length <= maxLength && !taken.has(clean)) return clean;
    return `${clean.slice(0, maxLength - hashLength - 1)}_${hash("sha256", name).slice(0, hashLength)}`;
  }
}

interface Survey {
  readonly names: Set<string>;
  /** An object of the schema has keys that no schema names. */
  allowsFreeKeys: boolean;
}

function surveySchema(schema: unknown, survey: Survey): void {
  if (Array.isArray(schema)) {
    for (const each of schema) surveySchema(each, survey);
    return;
  }
  if (!isObject(schema)) return;
  if (isFree(schema)) survey.allowsFreeKeys = true;
  for (const key in schema) {
    const value = schema[key];
    if (typeof value !== "object" || value === null || dataKeywords.has(key)) continue;
    if (listKeywords.has(key)) addNames(value, survey);
    else if (key === "dependentRequired") {
      addNames(Object.keys(value), survey);
      for (const names of Object.values(value)) addNames(names, survey);
    } else if (propertyKeywords.has(key) || namedKeywords.has(key)) {
      if (propertyKeywords.has(key)) addNames(Object.keys(value), survey);
      surveySchema(Object.values(value), survey);
    } else surveySchema(value, survey);
  }
}

function addNames(names: unknown, survey: Survey): void {
  if (Array.isArray(names)) for (const name of names) if (typeof name === "string") survey.names.add(name);
}

function isFree({ type, properties, additionalProperties, patternProperties }: WireObject): boolean {
  if (additionalProperties === true || isObject(additionalProperties) || patternProperties !== undefined) return true;
  return type === "object" && properties === undefined && additionalProperties !== false;
}

function renameSchema(schema: WireObject, names: ReadonlyMap<string, string>): WireObject {
  return mapFields(schema, (value, key) => {
    if (key === "$ref") return typeof value === "string" ? renamePointer(value, names) : value;
    if (typeof value !== "object" || value === null) return value;
    if (listKeywords.has(key)) return renameList(value, names);
    if (dataKeywords.has(key)) return renameData(value, names);
    if (key === "dependentRequired") return renameMap(value as WireObject, names, (list) => renameList(list, names));
    if (key === "properties") return renameMap(value as WireObject, names, (inner, name) => renameProperty(inner, name, names));
    if (key === "dependentSchemas") return renameMap(value as WireObject, names, (inner) => renameInner(inner, names));
    if (namedKeywords.has(key)) return mapFields(value as WireObject, (inner) => renameInner(inner, names));
    return renameInner(value, names);
  });
}

function renameInner(value: unknown, names: ReadonlyMap<string, string>): unknown {
  if (Array.isArray(value)) return value.map((each) => renameInner(each, names));
  return isObject(value) ? renameSchema(value, names) : value;
}

/** A property's description begins with its own name, which the model would not know otherwise. */
function renameProperty(inner: unknown, name: string, names: ReadonlyMap<string, string>): unknown {
  const renamed = renameInner(inner, names);
  if (!isObject(renamed) || !names.has(name)) return renamed;
  const { description } = renamed;
  const own = JSON.stringify(name);
  return { ...renamed, description: typeof description === "string" && description !== "" ? `${own}: ${description}` : own };
}

function renameMap(map: WireObject, names: ReadonlyMap<string, string>, rename: (value: unknown, name: string) => unknown): WireObject {
  const out: Record<string, unknown> = {};
  for (const name of Object.keys(map)) define(out, names.get(name) ?? name, rename(map[name], name));
  return out;
}

function renameList(list: unknown, names: ReadonlyMap<string, string>): unknown {
  return Array.isArray(list) ? list.map((name: unknown) => (typeof name === "string" ? (names.get(name) ?? name) : name)) : list;
}

function renameData(value: unknown, names: ReadonlyMap<string, string>): unknown {
  if (Array.isArray(value)) return value.map((each) => renameData(each, names));
  return isObject(value) ? renameMap(value, names, (inner) => renameData(inner, names)) : value;
}

/** `#/properties/$top/items`: the part after `properties` is a name (RFC 6901, as a fragment of a URI). */
function renamePointer(ref: string, names: ReadonlyMap<string, string>): string {
  if (!ref.startsWith("#/")) return ref;
  const parts = ref.slice(2).split("/");
  const renamed = parts.map((part, at) => {
    if (!propertyKeywords.has(parts[at - 1] ?? "")) return part;
    const wire = names.get(nameOfPart(part));
    return wire ?? part;
  });
  return `#/${renamed.join("/")}`;
}

function nameOfPart(part: string): string {
  const plain = part.replaceAll("~1", "/").replaceAll("~0", "~");
  try {
    return decodeURIComponent(plain);
  } catch {
    return plain; // It has a percent sign of its own.
  }
}
