import { isAlias, isMap, isScalar, parseDocument, YAMLMap, type Document, type Node } from "yaml";
import type { Change } from "./layers.ts";
import { ConfigError, createToldProblem } from "./problems.ts";

/** Puts changes into a YAML text; comments, order and what is not changed stay. @throws ConfigError where the text is no YAML, or a place is an alias. */
export function editYaml(text: string, changes: readonly Change[], file: string): string {
  if (changes.length === 0) return text;
  const document: Document = parseDocument(text, { prettyErrors: false });
  if (document.errors.length > 0) {
    throw new ConfigError(document.errors.map((error) => createToldProblem(undefined, [], `${file}: not valid YAML: ${error.message}`)));
  }
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
    throw new ConfigError([createToldProblem(undefined, at, `${found} stands there in ${file}; change it by hand`)]);
  }
}
