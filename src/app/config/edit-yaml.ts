import { isAlias, isMap, isScalar, parse, parseDocument, YAMLMap, type Document, type Node } from "yaml";
import type { Change } from "./layers.ts";
import { ConfigError, createMessageProblem } from "../../settings/index.ts";

/**
 * Changes a YAML text. If values are only replaced, every other byte stays; if keys are added or removed, comments and order stay.
 * @throws ConfigError if the text is no YAML, or a place is an alias.
 */
export function editYaml(text: string, changes: readonly Change[], file: string): string {
  if (changes.length === 0) return text;
  const document: Document = parseDocument(text, { prettyErrors: false });
  if (document.errors.length > 0) {
    throw new ConfigError(document.errors.map((error) => createMessageProblem(undefined, [], `${file}: not valid YAML: ${error.message}`)));
  }
  const spliced = spliceScalars(text, document, changes);
  if (spliced !== undefined) return spliced;
  for (const { path, value } of changes) {
    if (value === undefined) {
      if (document.hasIn(path)) document.deleteIn(path);
      continue;
    }
    makeMaps(document, path, file);
    document.setIn(path, value);
  }
  return document.toString({ lineWidth: 0 });
}

/** The text with single values replaced; `undefined` if a change is more than that. */
function spliceScalars(text: string, document: Document, changes: readonly Change[]): string | undefined {
  const edits = new Map<number, { readonly end: number; readonly source: string }>();
  for (const { path, value } of changes) {
    const node: unknown = document.getIn(path, true);
    const isInline =
      isScalar(node) && node.value !== null && (node.type === "PLAIN" || node.type === "QUOTE_DOUBLE" || node.type === "QUOTE_SINGLE");
    if (!isInline || !node.range || node.anchor !== undefined || node.tag !== undefined) return undefined;
    if (value === undefined || value === null || typeof value === "object") return undefined;
    edits.set(node.range[0], { end: node.range[1], source: formatScalar(value) });
  }
  let result = text;
  for (const [start, { end, source }] of [...edits].toSorted(([a], [b]) => b - a))
    result = result.slice(0, start) + source + result.slice(end);
  return result;
}

/** Fits between brackets too. */
function formatScalar(value: string | number | boolean): string {
  if (typeof value !== "string") return String(value);
  const isPlain = /^[\w./][\w./:@*-]*(?<!:)$/.test(value) && parse(value) === value;
  return isPlain ? value : JSON.stringify(value);
}

/** A section with nothing under it, or comments alone, is `null` in YAML: it becomes a map and keeps its comments. */
function makeMaps(document: Document, path: readonly string[], file: string): void {
  for (let length = 0; length < path.length; length++) {
    const at = path.slice(0, length);
    const node = (length === 0 ? document.contents : document.getIn(at, true)) as Node | null | undefined;
    if (node === undefined || isMap(node)) continue;
    if (node === null || (isScalar(node) && node.value === null)) {
      const map = new YAMLMap(document.schema);
      if (node !== null) {
        const comments = [node.commentBefore, node.comment].filter((comment) => typeof comment === "string");
        if (comments.length > 0) map.commentBefore = comments.join("\n");
      }
      if (length === 0) document.contents = map;
      else document.setIn(at, map);
      continue;
    }
    const found = isAlias(node) ? "an alias" : "no map";
    throw new ConfigError([createMessageProblem(undefined, at, `${found} is in its place in ${file}; change it by hand`)]);
  }
}
