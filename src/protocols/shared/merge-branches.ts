import { define, isObject, type WireObject } from "./fields.ts";

/** A schema of a tool's arguments in one object, as vendors require it. */
export interface MergedSchema {
  /** An object without `$ref`, `allOf`, `anyOf` and `oneOf` at its top. */
  readonly schema: WireObject;
  /** What the object cannot say, as a schema that the arguments must fit too; `undefined` if it says all. */
  readonly rule: WireObject | undefined;
}

const combinations = ["allOf", "anyOf", "oneOf"] as const;
/** Keywords of a schema that a shape has in another form, or that mean nothing to the model. */
const placed: ReadonlySet<string> = new Set([...combinations, "$ref", "$schema", "$id", "type", "properties", "required"]);
/** Keywords that belong together. */
const conditionals: readonly string[] = ["if", "then", "else"];
/** Keywords that no value must fit: the outer ones hold. */
const annotations: ReadonlySet<string> = new Set(["title", "description", "$comment"]);
/** The branches inside branches, and the branches and properties of one schema, that are merged: references could multiply them without end. */
const maxDepth = 8;
const maxWork = 10_000;

/**
 * Merges the branches at the top of a schema into one object: the properties of all branches, where one that differs has the values of all (`enum` of
 * `const`s, else `anyOf`); `required` is what every branch requires. The rule says which properties belong together, and contains the `refused` keywords.
 */
export function mergeBranches(schema: WireObject, refused: readonly string[] = []): MergedSchema {
  const isPlain = schema["$ref"] === undefined && [...combinations, ...refused].every((key) => schema[key] === undefined);
  if (isPlain) return { schema: schema["type"] === "object" ? schema : { ...schema, type: "object" }, rule: undefined };
  const merger = new BranchMerger(schema);
  const shape = merger.shapeOf(schema, 0);
  const { rest, rules } = shape;
  // An object that is closed would forbid the properties of branches that are only in the rule.
  if (merger.hasUnmerged) shape.isClosed = false;
  for (const key of refused) {
    if (rest[key] !== undefined) rules.push({ [key]: rest[key] });
    delete rest[key];
  }
  return { schema: { type: "object", ...fieldsOf(shape) }, rule: rules.length === 0 ? undefined : joinRules(rules) };
}

/** A tool's description with the rule of its schema. */
export function withRule(description: string | undefined, rule: WireObject | undefined): string | undefined {
  if (rule === undefined) return description;
  const note = `The arguments must also fit this JSON Schema: ${JSON.stringify(rule)}`;
  return description === undefined || description === "" ? note : `${description}\n${note}`;
}

/** A schema of an object while branches are merged into it. */
interface Shape {
  readonly rest: Record<string, unknown>;
  readonly properties: Map<string, unknown>;
  readonly required: Set<unknown>;
  isClosed: boolean;
  /** What else holds, as schemas. */
  readonly rules: WireObject[];
}

class BranchMerger {
  readonly #root: WireObject;
  readonly #texts = new WeakMap<object, string>();
  readonly #openRefs: string[] = [];
  #work = 0;
  /** A branch is only in the rules. */
  hasUnmerged = false;

  constructor(root: WireObject) {
    this.#root = root;
  }

  shapeOf(schema: WireObject, depth: number): Shape {
    const { properties, required, additionalProperties, $ref: ref } = schema;
    const shape: Shape = {
      rest: {},
      properties: new Map(isObject(properties) ? Object.entries(properties) : []),
      required: new Set(Array.isArray(required) ? required : []),
      isClosed: additionalProperties === false,
      rules: [],
    };
    this.#work += 1 + shape.properties.size;
    for (const key of Object.keys(schema)) {
      if (!placed.has(key) && !(key === "additionalProperties" && shape.isClosed)) define(shape.rest, key, schema[key]);
    }
    if (typeof ref === "string") this.#refer(shape, ref, depth);
    for (const key of combinations) {
      const branches: unknown = schema[key];
      if (!Array.isArray(branches)) continue;
      // A branch that no object fits (`{"type":"null"}`) does not matter: arguments are an object.
      const fitting = branches.filter((branch) => key === "allOf" || mayBeObject(branch));
      if (key === "allOf" || fitting.length === 1) for (const branch of fitting) this.#and(shape, branch, depth);
      else this.#or(shape, key, fitting, depth);
    }
    return shape;
  }

  #mayMerge(depth: number): boolean {
    return depth < maxDepth && this.#work < maxWork;
  }

  #leave(shape: Shape, rule: WireObject): void {
    this.hasUnmerged = true;
    shape.rules.push(rule);
  }

  #refer(shape: Shape, ref: string, depth: number): void {
    const target = this.#openRefs.includes(ref) ? undefined : schemaAt(this.#root, ref);
    if (target === undefined) {
      this.#leave(shape, { $ref: ref });
      return;
    }
    this.#openRefs.push(ref);
    this.#and(shape, target, depth);
    this.#openRefs.pop();
  }

  #and(shape: Shape, branch: unknown, depth: number): void {
    if (!isObject(branch) || !this.#mayMerge(depth)) {
      if (branch !== true) this.#leave(shape, { allOf: [branch] });
      return;
    }
    const inner = this.shapeOf(branch, depth + 1);
    for (const [name, value] of inner.properties) this.#addProperty(shape, name, value);
    for (const name of inner.required) shape.required.add(name);
    shape.isClosed ||= inner.isClosed;
    shape.rules.push(...inner.rules);
    const conflicts: Record<string, unknown> = {};
    const hasCondition = conditionals.some((key) => shape.rest[key] !== undefined);
    for (const [key, value] of Object.entries(inner.rest)) {
      const known = shape.rest[key];
      if (hasCondition && conditionals.includes(key)) define(conflicts, key, value);
      else if (known === undefined) define(shape.rest, key, value);
      else if (!annotations.has(key) && this.#textOf(known) !== this.#textOf(value)) define(conflicts, key, value);
    }
    if (Object.keys(conflicts).length > 0) shape.rules.push(conflicts);
  }

  /** Adds a property that must fit both schemas. */
  #addProperty(shape: Shape, name: string, value: unknown): void {
    const known = shape.properties.get(name);
    shape.properties.set(name, known === undefined ? value : this.#both(known, value));
  }

  #both(one: unknown, other: unknown): unknown {
    if (this.#textOf(one) === this.#textOf(other) || other === true) return one;
    if (!isObject(one) || !isObject(other)) return one === true ? other : { allOf: [one, other] };
    const isApart = Object.entries(other).every(([key, value]) => one[key] === undefined || this.#textOf(one[key]) === this.#textOf(value));
    return isApart ? { ...one, ...other } : { allOf: [one, other] };
  }

  #or(shape: Shape, key: "anyOf" | "oneOf", branches: readonly unknown[], depth: number): void {
    const known = branches.filter(isObject);
    if (known.length === 0 || known.length < branches.length || !this.#mayMerge(depth)) {
      if (branches.length > 0) this.#leave(shape, { [key]: branches });
      return;
    }
    const shapes = known.map((branch) => this.shapeOf(branch, depth + 1));
    const union = this.#union(shapes);
    for (const [name, value] of union) this.#addProperty(shape, name, value);
    for (const name of shapes[0]!.required) if (shapes.every(({ required }) => required.has(name))) shape.required.add(name);
    shape.isClosed ||= shapes.every(({ isClosed }) => isClosed);
    shape.rules.push({ [key]: shapes.map((branch) => this.#difference(branch, union)) });
  }

  /** The properties of all branches. */
  #union(shapes: readonly Shape[]): ReadonlyMap<string, unknown> {
    const values = new Map<string, Map<string, unknown>>();
    for (const { properties } of shapes) {
      for (const [name, value] of properties) {
        const forms = values.get(name) ?? new Map<string, unknown>();
        forms.set(this.#textOf(value), value);
        values.set(name, forms);
      }
    }
    return new Map([...values].map(([name, forms]) => [name, eitherOf([...forms.values()])]));
  }

  /** What a branch says that the union of all does not. */
  #difference(branch: Shape, union: ReadonlyMap<string, unknown>): WireObject {
    const own = [...branch.properties].filter(([name, value]) => this.#textOf(union.get(name)) !== this.#textOf(value));
    return { ...fieldsOf({ ...branch, properties: new Map(own) }), ...(branch.rules.length === 0 ? {} : joinRules(branch.rules)) };
  }

  /** The JSON of a value; each object is printed once, however often references name it. */
  #textOf(value: unknown): string {
    if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "";
    const known = this.#texts.get(value);
    if (known !== undefined) return known;
    const text = JSON.stringify(value);
    this.#texts.set(value, text);
    return text;
  }
}

function mayBeObject(branch: unknown): boolean {
  if (!isObject(branch)) return branch !== false;
  const { type } = branch;
  return type === undefined || type === "object" || (Array.isArray(type) && type.includes("object"));
}

function fieldsOf({ rest, properties, required, isClosed }: Shape): WireObject {
  return {
    ...rest,
    ...(properties.size === 0 ? {} : { properties: Object.fromEntries(properties) }),
    ...(required.size === 0 ? {} : { required: [...required] }),
    ...(isClosed ? { additionalProperties: false } : {}),
  };
}

function joinRules(rules: readonly WireObject[]): WireObject {
  const keys = rules.flatMap((rule) => Object.keys(rule));
  return new Set(keys).size === keys.length ? Object.assign({}, ...rules) : { allOf: rules };
}

/** A schema that a value fits if it fits one of several. */
function eitherOf(schemas: readonly unknown[]): unknown {
  if (schemas.length === 1) return schemas[0];
  return unionOfValues(schemas) ?? { anyOf: schemas };
}

const valueKeywords: ReadonlySet<string> = new Set(["const", "enum", "type", "title", "description"]);

/** One `enum` for schemas that only list values; `undefined` if one of them is another schema. */
function unionOfValues(schemas: readonly unknown[]): WireObject | undefined {
  const values = new Set<unknown>();
  const types = new Set<unknown>();
  const descriptions = new Set<string>();
  for (const schema of schemas) {
    if (!isObject(schema) || !Object.keys(schema).every((key) => valueKeywords.has(key))) return undefined;
    const listed: unknown = schema["const"] === undefined ? schema["enum"] : [schema["const"]];
    if (!Array.isArray(listed) || listed.some((value) => typeof value === "object" && value !== null)) return undefined;
    for (const value of listed) {
      values.add(value);
      types.add(schema["type"] ?? typeOf(value));
    }
    if (typeof schema["description"] === "string") descriptions.add(schema["description"]);
  }
  const [type] = types;
  return {
    ...(types.size === 1 && typeof type === "string" ? { type } : {}),
    enum: [...values],
    ...(descriptions.size === 0 ? {} : { description: [...descriptions].join(" ") }),
  };
}

function typeOf(value: unknown): string {
  return value === null ? "null" : typeof value;
}

/** The schema under a reference of the document itself (`#/$defs/Name`); `undefined` for any other. */
function schemaAt(root: WireObject, ref: string): unknown {
  if (ref === "#" || !ref.startsWith("#/")) return undefined;
  let found: unknown = root;
  for (const part of ref.slice(2).split("/")) {
    const key = part.replaceAll("~1", "/").replaceAll("~0", "~");
    found = isObject(found) && Object.hasOwn(found, key) ? found[key] : undefined;
  }
  return found;
}
