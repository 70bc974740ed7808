import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, type Document, type Node, type Pair, type Scalar } from "yaml";
import {
  isTree,
  createProblem,
  createMessageProblem,
  type Tree,
  type Value,
  type Path,
  type Origin,
  type Problem,
} from "../../settings/index.ts";

/** A YAML file, read. */
export interface YamlFile {
  readonly tree: Tree;
  /** The place of each key and list item. */
  readonly origins: Origins;
  readonly problems: readonly Problem[];
  readonly document: Document.Parsed;
}

/** Origins by path. */
export class Origins {
  readonly #byPath = new Map<string, Origin>();

  set(path: Path, origin: Origin): void {
    this.#byPath.set(JSON.stringify(path), origin);
  }

  /** The origin of exactly this path. */
  get(path: Path): Origin | undefined {
    return this.#byPath.get(JSON.stringify(path));
  }
}

/** An anchor that is used more often than this is an attack or an accident. */
const mostAliases = 100;
const deepest = 32;

/** Reads YAML into a tree. Repeated keys, tags of its own and keys that are no text are problems, as is all that is not one map. */
export function readYaml(text: string, file: string): YamlFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true, merge: true });
  const reader = new TreeReader(document, (offset) => {
    const { line, col } = lines.linePos(offset);
    return { kind: "file", file, line, column: col };
  });
  const tree = reader.readDocument();
  return { tree, origins: reader.origins, problems: reader.problems, document };
}

/** One walk over a document. */
class TreeReader {
  readonly origins = new Origins();
  readonly problems: Problem[] = [];
  readonly #document: Document.Parsed;
  readonly #originAt: (offset: number) => Origin;
  #aliases = 0;

  constructor(document: Document.Parsed, originAt: (offset: number) => Origin) {
    this.#document = document;
    this.#originAt = originAt;
  }

  readDocument(): Tree {
    const { errors, warnings, contents } = this.#document;
    for (const fault of [...errors, ...warnings]) {
      const message = fault.code === "DUPLICATE_KEY" ? "a key is there twice" : `not valid YAML: ${firstLine(fault.message)}`;
      this.problems.push(createMessageProblem(this.#originAt(fault.pos[0]), [], message));
    }
    if (this.problems.length > 0) return {};
    const value = this.#read(contents, []);
    if (value !== null && !isTree(value))
      this.#refuse(contents!, [], Array.isArray(value) ? "a list" : "a single value", "a map of settings");
    return isTree(value) ? value : {};
  }

  #read(node: Node | null | undefined, path: Path): Value {
    if (node === null || node === undefined) return null;
    if (path.length > deepest) return this.#refuse(node, path, "values nested deeper than any setting", "less depth");
    if (isAlias(node)) {
      if (++this.#aliases > mostAliases) return this.#refuse(node, path, "too many aliases", `at most ${mostAliases}`);
      return this.#read(node.resolve(this.#document), path);
    }
    if (isScalar(node)) return readScalar(node.value);
    if (isSeq(node)) {
      return node.items.map((item, index) => {
        const itemNode = item as Node | null;
        const at = [...path, index];
        if (itemNode?.range) this.origins.set(at, this.#originAt(itemNode.range[0]));
        return this.#read(itemNode, at);
      });
    }
    return isMap(node) ? this.#readMap(node.items, path) : null;
  }

  #readMap(pairs: readonly Pair[], path: Path): Tree {
    // Merged first: the origins of the map's own keys then replace those of the keys that they replace.
    const merged: Tree = {};
    for (const pair of pairs) if (isMergeKey(pair.key)) this.#merge(merged, pair.value as Node | null, path);
    const tree: Tree = {};
    for (const pair of pairs) {
      const keyNode = pair.key as Node;
      if (isMergeKey(keyNode)) {
        for (const [key, value] of Object.entries(merged)) tree[key] ??= value;
        continue;
      }
      const key = isScalar(keyNode) ? keyText(keyNode) : undefined;
      if (key === undefined || key === "" || key === "__proto__") {
        this.#refuse(keyNode, path, "a key that cannot be used", "a name as the key");
        continue;
      }
      const at = [...path, key];
      this.origins.set(at, this.#originAt(keyNode.range?.[0] ?? 0));
      tree[key] = this.#read(pair.value as Node | null, at);
    }
    return tree;
  }

  /** `<<: *a` or `<<: [*a, *b]` (yaml.org/type/merge.html): of two maps that have one key, the first counts. */
  #merge(merged: Tree, node: Node | null, path: Path): void {
    if (isSeq(node)) {
      for (const item of node.items) this.#merge(merged, item as Node | null, path);
      return;
    }
    const value = this.#read(node, path);
    if (!isTree(value))
      this.#refuse(node ?? this.#document.contents!, [...path, "<<"], "a value that is no map", "a map, its alias, or a list of those");
    else for (const [key, item] of Object.entries(value)) if (!Object.hasOwn(merged, key)) merged[key] = item;
  }

  #refuse(node: Node, path: Path, found: string, allowed: string): null {
    this.problems.push(createProblem({ origin: this.#originAt(node.range?.[0] ?? 0), path, found, allowed }));
    return null;
  }
}

/** A plain `<<`; in quotes it is a name like any other. */
function isMergeKey(node: unknown): boolean {
  if (!isScalar(node) || node.type !== "PLAIN") return false;
  return node.value === "<<" || (typeof node.value === "symbol" && node.value.description === "<<");
}

function readScalar(value: unknown): Value {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? value : null;
}

function firstLine(message: string): string {
  return message.split("\n", 1)[0]!;
}

/** The name of a setting. A number is a name too: the text that the file has. */
function keyText(key: Scalar): string {
  return typeof key.value === "string" ? key.value : (key.source ?? "");
}
