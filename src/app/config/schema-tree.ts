import * as z from "zod";
import { leafInfos, type LeafInfo, type Path } from "../../settings/index.ts";
import { settingsSchema } from "./schema.ts";

/** The shape of the configuration, read off the zod schema: all that merging, environment names and messages need to know. */
export type SchemaNode = SchemaObject | SchemaMap | SchemaLeaf;

export interface SchemaObject {
  readonly type: "object";
  readonly keys: ReadonlyMap<string, SchemaNode>;
}

/** Keys of the user's choice: `providers`. */
export interface SchemaMap {
  readonly type: "map";
  readonly value: SchemaNode;
}

export interface SchemaLeaf extends LeafInfo {
  readonly type: "leaf";
  readonly description: string;
  /** As a file would have it; `undefined`: none. */
  readonly defaultValue: unknown;
}

function readNode(schema: z.core.$ZodType, defaultValue?: unknown): SchemaNode {
  const info = leafInfos.get(schema);
  if (info !== undefined) return { type: "leaf", ...info, description: z.globalRegistry.get(schema)?.description ?? "", defaultValue };
  if (schema instanceof z.ZodPrefault) return readNode(schema.unwrap(), schema.def.defaultValue);
  if (schema instanceof z.ZodOptional) return readNode(schema.unwrap());
  if (schema instanceof z.ZodRecord) return { type: "map", value: readNode(schema.valueType) };
  if (schema instanceof z.ZodObject) {
    return { type: "object", keys: new Map(Object.entries(schema.shape).map(([key, value]) => [key, readNode(value)])) };
  }
  throw new TypeError("A part of the configuration's schema is neither a section nor a setting.");
}

export const schemaTree = readNode(settingsSchema) as SchemaObject;

/** The node at a path, or the setting that the path leads into. `undefined`: no such key. */
export function nodeAt(path: Path): SchemaNode | undefined {
  let node: SchemaNode = schemaTree;
  for (const part of path) {
    if (node.type === "leaf") return node;
    const next: SchemaNode | undefined = node.type === "map" ? node.value : node.keys.get(String(part));
    if (next === undefined) return undefined;
    node = next;
  }
  return node;
}

/** A setting whose path holds no name of the user's choice, or one below a provider, with the path after the provider's name. */
export interface LeafAt {
  readonly path: readonly string[];
  readonly leaf: SchemaLeaf;
}

export function leavesOf(node: SchemaNode, path: readonly string[] = []): LeafAt[] {
  switch (node.type) {
    case "leaf":
      return [{ path, leaf: node }];
    case "map":
      return [];
    case "object":
      return [...node.keys].flatMap(([key, value]) => leavesOf(value, [...path, key]));
  }
}

/** All settings but those of providers. */
export const fixedLeaves: readonly LeafAt[] = leavesOf(schemaTree);

/** The settings of one provider. */
export const providerLeaves: readonly LeafAt[] = leavesOf((schemaTree.keys.get("providers") as SchemaMap).value);
