import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseSync } from "oxc-parser";

/*
 * The published package has one file of types, `types/index.d.ts`: what `src/app/index.ts` exports, with all that it is made of and nothing else. The
 * compiler writes one file for each source, which refer to the types of packages that the bundle contains and the package does not.
 */

interface Span {
  readonly start: number;
  readonly end: number;
}

interface SyntaxNode extends Span {
  readonly type: string;
  readonly [field: string]: unknown;
}

interface Declaration {
  readonly name: string;
  readonly kind: "interface" | "type" | "class" | "function" | "const";
  /** The comment above it, or an empty text. */
  readonly comment: string;
  /** Without `export` and `declare`. */
  readonly text: string;
  /** The names that it refers to. */
  uses(): ReadonlySet<string>;
}

/** Where a name of a file comes from. */
interface Origin {
  readonly from: string;
  readonly name: string;
}

interface Module {
  readonly declarations: ReadonlyMap<string, readonly Declaration[]>;
  /** Names of other modules that this one uses. */
  readonly imports: ReadonlyMap<string, Origin>;
  /** Names that it exports from others. */
  readonly reExports: ReadonlyMap<string, Origin>;
  readonly stars: readonly string[];
}

export interface RolledUp {
  /** The exported ones in their order, then those that they use. */
  readonly exported: readonly Declaration[];
  readonly others: readonly Declaration[];
  /** The file of types. */
  readonly text: string;
}

const kinds: Readonly<Record<string, Declaration["kind"]>> = {
  TSInterfaceDeclaration: "interface",
  TSTypeAliasDeclaration: "type",
  ClassDeclaration: "class",
  FunctionDeclaration: "function",
  TSDeclareFunction: "function",
  VariableDeclaration: "const",
};

/** @param entry a `.d.ts` file of the compiler. @throws Error if a type comes from a package, which the user may not have. */
export function rollUp(entry: string): RolledUp {
  const modules = new Map<string, Module>();
  const load = (file: string): Module => {
    const known = modules.get(file);
    if (known !== undefined) return known;
    const made = readModule(file);
    modules.set(file, made);
    return made;
  };
  const chosen = new Map<string, readonly Declaration[]>();
  const fromNode = new Map<string, Set<string>>();
  const choose = (file: string, name: string): void => {
    const found = resolveName(load, file, name);
    if (found === undefined) return; // A global name, or a parameter of the type.
    if (found.from.startsWith("node:")) {
      fromNode.set(found.from, (fromNode.get(found.from) ?? new Set()).add(found.name));
      return;
    }
    if (found.name !== name) throw new Error(`${file}: "${found.name}" is imported as "${name}": types of the package keep their names.`);
    const declarations = load(found.from).declarations.get(name)!;
    const before = chosen.get(name);
    if (before === declarations) return;
    if (before !== undefined) throw new Error(`Two types of the package are called "${name}": ${found.from} has the second.`);
    chosen.set(name, declarations);
    for (const declaration of declarations) for (const used of declaration.uses()) choose(found.from, used);
  };
  const names = exportedNames(load, entry);
  for (const name of names) choose(entry, name);
  const all = [...chosen.values()].flat();
  const exported = names.flatMap((name) => chosen.get(name) ?? []);
  const others = all.filter((declaration) => !exported.includes(declaration)).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const imports = [...fromNode]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([from, used]) => `import type { ${[...used].toSorted().join(", ")} } from "${from}";\n`);
  const parts = [
    ...exported.map((declaration) => `${declaration.comment}export ${spell(declaration)}`),
    ...others.map((declaration) => `${declaration.comment}${spell(declaration)}`),
  ];
  return { exported, others, text: `${imports.join("")}\n${parts.join("\n\n")}\n\nexport {};\n` };
}

/** Of classes, functions and constants only the type is here. */
function spell({ kind, text }: Declaration): string {
  return kind === "interface" || kind === "type" ? text : `declare ${text}`;
}

function resolveName(load: (file: string) => Module, file: string, name: string): Origin | undefined {
  if (file.startsWith("node:")) return { from: file, name };
  const module = load(file);
  if (module.declarations.has(name)) return { from: file, name };
  const direct = module.imports.get(name) ?? module.reExports.get(name);
  if (direct !== undefined) {
    if (!direct.from.startsWith("node:") && !direct.from.startsWith("/"))
      throw new Error(`${file}: "${name}" comes from the package ${direct.from}.`);
    const found = resolveName(load, direct.from, direct.name);
    if (found === undefined) throw new Error(`${file}: "${name}" is not found in ${direct.from}.`);
    return found;
  }
  for (const star of module.stars) {
    const found = star.startsWith("/") ? resolveName(load, star, name) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

function exportedNames(load: (file: string) => Module, entry: string): string[] {
  const { declarations, reExports, stars } = load(entry);
  if (stars.length > 0) throw new Error(`${entry} must name what it exports.`);
  return [...declarations.keys(), ...reExports.keys()];
}

function readModule(file: string): Module {
  const source = readFileSync(file, "utf8");
  const { program, comments, errors } = parseSync(file, source);
  if (errors.length > 0) throw new Error(`${file}: ${errors[0]!.message}`);
  const declarations = new Map<string, Declaration[]>();
  const imports = new Map<string, Origin>();
  const reExports = new Map<string, Origin>();
  const stars: string[] = [];
  for (const statement of program.body as unknown as SyntaxNode[]) {
    if (statement.type === "ImportDeclaration") {
      for (const { imported, local } of statement["specifiers"] as { imported?: NameNode; local: NameNode }[])
        if (imported !== undefined) imports.set(local.name, { from: locate(file, statement), name: imported.name });
    } else if (statement.type === "ExportAllDeclaration") {
      stars.push(locate(file, statement));
    } else if (statement.type === "ExportNamedDeclaration" && statement["source"] !== null && statement["source"] !== undefined) {
      for (const { exported, local } of statement["specifiers"] as { exported: NameNode; local: NameNode }[])
        reExports.set(exported.name, { from: locate(file, statement), name: local.name });
    } else {
      const node = (statement["declaration"] as SyntaxNode | null | undefined) ?? statement;
      const kind = kinds[node.type];
      if (kind === undefined) continue;
      const above = comments.findLast(({ end }) => end <= statement.start && source.slice(end, statement.start).trim() === "");
      const comment = above?.type === "Block" && above.value.startsWith("*") ? `${source.slice(above.start, above.end)}\n` : "";
      const declaration = {
        name: nameOf(node),
        kind,
        comment,
        text: source.slice(node.start, node.end).replace(/^declare /, ""),
        uses: () => namesIn(node),
      };
      declarations.set(declaration.name, [...(declarations.get(declaration.name) ?? []), declaration]);
    }
  }
  return { declarations, imports, reExports, stars };
}

interface NameNode {
  readonly name: string;
}

function nameOf(node: SyntaxNode): string {
  const named = node.type === "VariableDeclaration" ? (node["declarations"] as { id: NameNode }[])[0]!.id : (node["id"] as NameNode);
  return named.name;
}

/** An absolute path, or the name of a package as it is. */
function locate(file: string, { source }: SyntaxNode): string {
  const specifier = (source as { value: string }).value;
  return specifier.startsWith(".") ? join(dirname(file), specifier.replace(/(?:\.d)?\.[jt]s$/, ".d.ts")) : specifier;
}

/** The names that a declaration refers to; names of properties are not among them. */
function namesIn(node: SyntaxNode): Set<string> {
  const names = new Set<string>();
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) for (const item of value as unknown[]) visit(item);
    else if (typeof value === "object" && value !== null) look(value as SyntaxNode);
  };
  const look = (at: SyntaxNode): void => {
    if (at.type === "TSImportType")
      throw new Error(`A type is written as import("…"): give it a name. ${JSON.stringify(at["source"] ?? at["argument"])}`);
    if (at.type === "Identifier") names.add(at["name"] as string);
    for (const [field, value] of Object.entries(at)) {
      const isName = (field === "key" && at["computed"] !== true) || (field === "right" && at.type === "TSQualifiedName");
      if (!isName) visit(value);
    }
  };
  look(node);
  names.delete(nameOf(node));
  return names;
}
