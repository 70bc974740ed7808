import { parse } from "yaml";
import { editYaml } from "../config/edit-yaml.ts";
import type { Change } from "../config/layers.ts";

/** Sets members of a JSON text, by path; the others stay, in their order. @throws Error if it is no plain JSON, as with comments. */
export function editJson(text: string, changes: readonly Change[], file: string): string {
  let root: unknown;
  try {
    root = text.trim() === "" ? {} : JSON.parse(text);
  } catch {
    throw new Error(
      `${file} is not plain JSON (it may have comments), so it was not changed. Add by hand what this command shows without --write.`,
    );
  }
  if (!isObject(root)) throw new Error(`${file} is not a JSON object, so it was not changed. Correct it, and try again.`);
  for (const { path, value } of changes) {
    let at = root;
    for (const name of path.slice(0, -1)) {
      const next = at[name];
      at = isObject(next) ? next : (at[name] = {});
    }
    at[path.at(-1)!] = value;
  }
  return `${JSON.stringify(root, null, 2)}\n`;
}

/** Sets variables of a `.env` file; other lines stay. */
export function editEnvFile(text: string, variables: Readonly<Record<string, string>>): string {
  const written = new Set<string>();
  const lines = text === "" ? [] : text.replace(/\n$/, "").split("\n");
  const changed = lines.map((line) => {
    const name = /^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=/.exec(line)?.[1];
    const value = name === undefined ? undefined : variables[name];
    if (name === undefined || value === undefined) return line;
    written.add(name);
    return `${name}=${value}`;
  });
  return `${[...changed, ...Object.entries(variables).flatMap(([name, value]) => (written.has(name) ? [] : [`${name}=${value}`]))].join("\n")}\n`;
}

/** Sets members of a YAML text; comments and order stay. */
export function editYamlFile(text: string, changes: readonly Change[], file: string): string {
  return editYaml(text, changes, file);
}

/** Puts a model into the list `models` of Continue's `config.yaml`, in place of the one with the same name. */
export function editContinueFile(text: string, model: Readonly<Record<string, string>>, file: string): string {
  const read: unknown = parse(text);
  const root = isObject(read) ? read : {};
  const models = (Array.isArray(root["models"]) ? root["models"] : []) as readonly Record<string, string>[];
  const at = models.findIndex((known) => known["name"] === model["name"]);
  const head = ["name", "version", "schema"].filter((name) => root[name] === undefined);
  const standard: Readonly<Record<string, string>> = { name: "My configuration", version: "0.0.1", schema: "v1" };
  return editYaml(
    text,
    [
      ...head.map((name): Change => ({ path: [name], value: standard[name] })),
      { path: ["models"], value: at < 0 ? [...models, model] : models.with(at, { ...model }) },
    ],
    file,
  );
}

/** Sets keys of the top of a TOML text and replaces, or adds, one table. Everything else stays as it is. */
export function editToml(
  text: string,
  top: Readonly<Record<string, string>>,
  table: { readonly name: string; readonly values: Readonly<Record<string, string>> },
): string {
  const lines = text === "" ? [] : text.replace(/\n$/, "").split("\n");
  const kinds = lineKinds(lines);
  const firstTable = kinds.indexOf("table");
  const topEnd = firstTable < 0 ? lines.length : firstTable;
  const written = new Set<string>();
  const head: string[] = [];
  for (let i = 0; i < topEnd; i++) {
    const name = kinds[i] === "line" ? topKey(lines[i]!) : undefined;
    const value = name !== undefined && Object.hasOwn(top, name) ? top[name] : undefined;
    if (name === undefined || value === undefined) {
      head.push(lines[i]!);
      continue;
    }
    written.add(name);
    head.push(`${name} = ${JSON.stringify(value)}`);
    while (kinds[i + 1] === "inside") i++;
  }
  const added = Object.entries(top).flatMap(([name, value]) => (written.has(name) ? [] : [`${name} = ${JSON.stringify(value)}`]));
  const start = lines.findIndex((line, i) => kinds[i] === "table" && tableName(line) === table.name);
  const after = start < 0 ? -1 : kinds.indexOf("table", start + 1);
  const tables = start < 0 ? lines.slice(topEnd) : [...lines.slice(topEnd, start), ...(after < 0 ? [] : lines.slice(after))];
  const own = [`[${table.name}]`, ...Object.entries(table.values).map(([name, value]) => `${name} = ${JSON.stringify(value)}`)];
  const parts = [[...added, ...head], tables, own].map((part) => part.join("\n").trim()).filter((part) => part !== "");
  return `${parts.join("\n\n")}\n`;
}

const keyPart = /\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([A-Za-z0-9_-]+))\s*/y;

/** The parts of a dotted key, which may be quoted: `a."b".'c'`. `undefined`: it is none. */
function keyParts(text: string): readonly string[] | undefined {
  const parts: string[] = [];
  for (let at = 0; ; at++) {
    keyPart.lastIndex = at;
    const found = keyPart.exec(text);
    if (found === null) return undefined;
    parts.push(found[1] === undefined ? (found[2] ?? found[3] ?? "") : found[1].replaceAll(/\\(["\\])/g, "$1"));
    at = keyPart.lastIndex;
    if (at === text.length) return parts;
    if (text[at] !== ".") return undefined;
  }
}

/** `model` of `model = …` and of `"model" = …`. */
function topKey(line: string): string | undefined {
  const key = /^((?:"(?:[^"\\]|\\.)*"|'[^']*'|[^"'=])*)=/.exec(line)?.[1];
  const parts = key === undefined ? undefined : keyParts(key);
  return parts?.length === 1 ? parts[0] : undefined;
}

/** `a.b` of `[a."b"]`, with a comment or without. */
function tableName(line: string): string | undefined {
  const inner = /^\s*\[((?:"(?:[^"\\]|\\.)*"|'[^']*'|[^"'\]])*)\]\s*(?:#.*)?$/.exec(line)?.[1];
  return inner === undefined ? undefined : keyParts(inner)?.join(".");
}

type LineKind = "table" | "line" | "inside";

/** What each line of a TOML text is: the head of a table, the first line of something else, or inside a value that began before. */
function lineKinds(lines: readonly string[]): LineKind[] {
  let quotes: string | undefined;
  let depth = 0;
  return lines.map((line) => {
    const isInside = quotes !== undefined || depth > 0;
    const isTable = !isInside && /^\s*\[/.test(line);
    if (isTable) return "table";
    for (let i = 0; i < line.length; i++) {
      if (quotes !== undefined) {
        if (quotes.startsWith('"') && line[i] === "\\") i++;
        else if (line.startsWith(quotes, i)) {
          i += quotes.length - 1;
          quotes = undefined;
        }
        continue;
      }
      const opened = ['"""', "'''", '"', "'"].find((mark) => line.startsWith(mark, i));
      if (opened !== undefined) {
        quotes = opened;
        i += opened.length - 1;
      } else if (line[i] === "#") break;
      else if ("[{".includes(line[i]!)) depth++;
      else if ("]}".includes(line[i]!)) depth--;
    }
    // Strings of one line end with it, also if they are not closed.
    if (quotes?.length === 1) quotes = undefined;
    return isInside ? "inside" : "line";
  });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
