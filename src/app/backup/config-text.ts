import { existsSync } from "node:fs";
import { parse } from "yaml";
import { isTree, resolvePath, type Tree, type Value } from "../../settings/index.ts";
import { editYaml } from "../config/edit-yaml.ts";
import { envNameOf } from "../config/environment.ts";
import type { LoadedSettings } from "../config/index.ts";
import type { Change } from "../config/layers.ts";
import { nodeAt, type SchemaLeaf } from "../config/schema-tree.ts";
import { valuesOf } from "../config/tree.ts";
import { findHomeFolder } from "../config/config-path.ts";
import { dirname } from "node:path";

/** A configuration file as it goes into a backup. */
export interface BackupConfig {
  readonly text: string;
  /** Variables of the environment that it reads, also those in place of secrets. */
  readonly variables: readonly string[];
  /** Files that it names and that exist. */
  readonly otherFiles: readonly string[];
}

/** What the gateway makes itself. */
const ownFiles: ReadonlySet<string> = new Set(["database.path", "gateway.logging.file", "audit.key", "audit.head", "audit.events"]);

/**
 * The configuration file; without secrets, each secret that is written in it is replaced by `${VARIABLE}`, with the name under which the setting can be in the environment.
 * @throws Error if a secret cannot be taken out.
 */
export function backupConfig({ text = "", path }: Pick<LoadedSettings, "text" | "path">, withSecrets: boolean): BackupConfig {
  const tree: unknown = parse(text, { merge: true });
  const leaves = isTree(tree) ? [...leavesOf(tree)] : [];
  const kept = withSecrets ? text : withoutSecrets(text, path, leaves);
  const values = isTree(tree)
    ? [...valuesOf(parse(kept, { merge: true }) as Tree)].flatMap(([, value]) => (typeof value === "string" ? [value] : []))
    : [];
  const base = { homeDir: findHomeFolder(), folder: dirname(path) };
  const files = leaves.filter(({ leaf, path: at }) => leaf.kind === "path" && !ownFiles.has(at.join(".")));
  return {
    text: kept,
    variables: [...new Set(values.flatMap(referencesIn))].toSorted(),
    otherFiles: files
      .flatMap(({ value }) => (typeof value === "string" ? [resolvePath(value, base)] : []))
      .filter((file) => existsSync(file))
      .toSorted(),
  };
}

function referencesIn(value: string): string[] {
  return [...value.matchAll(/(?<!\$)\$\{([A-Za-z_]\w*)/g)].map(([, name]) => name!);
}

interface WrittenLeaf {
  readonly path: readonly string[];
  readonly leaf: SchemaLeaf;
  readonly value: Value;
}

/** The settings that a file has, each with its whole value. */
function* leavesOf(tree: Tree, path: readonly string[] = []): Generator<WrittenLeaf> {
  for (const [key, value] of Object.entries(tree)) {
    const at = [...path, key];
    const node = nodeAt(at);
    if (value === undefined || value === null || node === undefined) continue;
    if (node.type === "leaf") yield { path: at, leaf: node, value };
    else if (isTree(value)) yield* leavesOf(value, at);
  }
}

function withoutSecrets(text: string, path: string, leaves: readonly WrittenLeaf[]): string {
  const changes: Change[] = [];
  const secrets: string[] = [];
  for (const { path: at, leaf, value } of leaves) {
    if (leaf.kind === "path" || !(leaf.sensitive || leaf.kind === "urls" || leaf.isUrl)) continue;
    const written = [...valuesOf(value)].filter(([, part]) => typeof part === "string" && isSecret(leaf, part));
    if (written.length === 0) continue;
    secrets.push(...written.flatMap(([, part]) => (typeof part === "string" ? [part] : [])));
    changes.push({ path: at, value: written.length === 1 && typeof value === "string" ? reference(at) : replaced(value, at, leaf) });
  }
  const edited = editYaml(text, changes, path);
  if (!secrets.some((secret) => secret.length >= 6 && edited.includes(secret))) return edited;
  throw new Error(
    `A secret in ${path} is written at a place from which it cannot be taken out. Put it into the environment, as in \${VARIABLE}, or use --include-secrets.`,
  );
}

/** A text that refers to the environment alone is no secret, nor is a URL without a password or a query. */
function isSecret(leaf: SchemaLeaf, text: string): boolean {
  const literal = text.replaceAll(/(?<!\$)\$\{[^}]*\}/g, "");
  if (literal === "") return false;
  if (leaf.kind === "urls" || leaf.isUrl) {
    if (!URL.canParse(literal)) return true;
    const { password, search, username } = new URL(literal);
    return password !== "" || search !== "" || username !== "";
  }
  // A setting of several values (alerts.webhooks) has words of its own beside its secrets.
  return leaf.sensitive && !(leaf.kind === "json" && /^[a-z_]+$/.test(literal));
}

function reference(path: readonly string[]): string {
  return `\${${envNameOf(path)}}`;
}

/** A list or map, with a variable of its own for each part that is a secret. */
function replaced(value: Value, path: readonly string[], leaf: SchemaLeaf): Value {
  if (Array.isArray(value)) return value.map((part, index) => replaced(part, [...path, String(index + 1)], leaf));
  if (isTree(value)) return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, replaced(part, [...path, key], leaf)]));
  return typeof value === "string" && isSecret(leaf, value) ? reference(path) : value;
}
