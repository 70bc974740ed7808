/** Schemas of more nodes than this, with each `$ref` counted as what it names, are not compared. */
const mostNodes = 5000;

/**
 * The nodes that a comparison with a JSON Schema visits for each part of a value. A definition counts each time it is referred to: ten definitions of which
 * each names the next one twice are a thousand nodes. `undefined`: more than 5000, or without an end, as a definition refers to itself.
 */
export function schemaCost(schema: unknown): number | undefined {
  const costs = new Map<string, number>();
  const under = new Set<string>();
  const costOf = (node: unknown, isRoot = false): number => {
    if (typeof node !== "object" || node === null) return 0;
    let cost = 1;
    for (const [name, value] of Object.entries(node)) {
      if (isRoot && (name === "$defs" || name === "definitions")) continue;
      cost += name === "$ref" && typeof value === "string" ? refCost(value) : costOf(value);
      if (cost > mostNodes) return Infinity;
    }
    return cost;
  };
  const refCost = (ref: string): number => {
    const known = costs.get(ref);
    if (known !== undefined) return known;
    if (under.has(ref)) return Infinity;
    under.add(ref);
    const cost = costOf(resolve(schema, ref));
    under.delete(ref);
    costs.set(ref, cost);
    return cost;
  };
  const cost = costOf(schema, true);
  return cost > mostNodes ? undefined : cost;
}

/** What `#/$defs/name` names. */
function resolve(root: unknown, ref: string): unknown {
  let at = root;
  for (const part of ref.split("/").slice(1)) {
    if (typeof at !== "object" || at === null) return undefined;
    at = (at as Record<string, unknown>)[part.replaceAll("~1", "/").replaceAll("~0", "~")];
  }
  return at;
}
