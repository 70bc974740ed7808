import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { parse } from "yaml";
import { messageOf } from "../../../core/index.ts";
import { whyUnreadable } from "../../explain-file-error.ts";

export type Table = Readonly<Record<string, unknown>>;

export function isTable(value: unknown): value is Table {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const maxIncludes = 50;
/** Often each model merges the same values. */
const maxAliases = 10_000;

/** Reads LiteLLM's `config.yaml` with the files of its `include`, whose lists are added as LiteLLM does. @throws Error that names the file. */
export function readLitellmConfig(path: string): Table {
  const main = readOne(path);
  const { include, ...rest } = main;
  if (include === undefined) return main;
  if (!Array.isArray(include)) throw new Error(`${path}: include must be a list of files.`);
  let merged: Table = rest;
  for (const name of include.slice(0, maxIncludes)) {
    if (typeof name !== "string") throw new Error(`${path}: include must be a list of files.`);
    for (const [key, value] of Object.entries(readOne(resolve(dirname(path), name)))) {
      const before = merged[key];
      merged = {
        ...merged,
        [key]: Array.isArray(before) && Array.isArray(value) ? [...(before as unknown[]), ...(value as unknown[])] : value,
      };
    }
  }
  return merged;
}

function readOne(path: string): Table {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new Error(`${path} cannot be read: ${whyUnreadable(error)}. Give the path of LiteLLM's config.yaml.`, { cause: error });
  }
  let value: unknown;
  try {
    // PyYAML reads YAML 1.1, with `<<` and `yes`.
    value = parse(text, { version: "1.1", maxAliasCount: maxAliases });
  } catch (error) {
    throw new Error(`${path} is no valid YAML: ${messageOf(error).split("\n")[0] ?? ""}`, { cause: error });
  }
  if (value === null) return {};
  if (!isTable(value)) throw new Error(`${path} is not a configuration of LiteLLM: it must be a map with model_list.`);
  return value;
}

/** A text that has `${` in it, as our configuration writes it: there it would be a reference to the environment. */
export function escapeReference(text: string): string {
  // As a text, `$$` would be one `$`.
  return text.replaceAll("${", () => "$${");
}

/** A text of LiteLLM's in our form: `os.environ/KEY` is `${KEY}`; any other `${` is kept as it is. `undefined`: not a text. */
export function valueOf(value: unknown): string | undefined {
  if (typeof value === "number") return String(value);
  if (typeof value !== "string" || value === "") return undefined;
  const variable = /^os\.environ\/([A-Za-z_]\w*)$/.exec(value.trim());
  return variable === null ? escapeReference(value) : `\${${variable[1]}}`;
}
