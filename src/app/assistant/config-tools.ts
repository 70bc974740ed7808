import { readFileSync, rmSync } from "node:fs";
import * as z from "zod";
import { GatewayError } from "../../core/index.ts";
import { readAllSources, type ConfigPlace } from "./config-place.ts";
import { Config } from "../config/index.ts";
import { nodeAt } from "../config/schema-tree.ts";
import { parsePath } from "../config/tree.ts";
import { replaceFile } from "../config/write-file.ts";
import type { AdminClient } from "../../server/index.ts";
import { diffLines } from "./diff-lines.ts";
import type { Masker } from "./masker.ts";
import type { ChangeTool, PlannedChange, ReadTool, Tool, ToolResult } from "./tool.ts";

export interface ConfigToolDeps {
  readonly place: ConfigPlace;
  readonly call: AdminClient;
  readonly masker: Masker;
}

const value = z
  .union([z.string(), z.number(), z.boolean(), z.array(z.string()), z.record(z.string(), z.unknown()), z.null()])
  .describe("as the file has it; `null` removes the setting from the file");

const changeParameters = z.strictObject({
  changes: z
    .array(
      z.strictObject({
        setting: z
          .string()
          .min(1)
          .describe("`gateway.port`, `providers.openai.api_key`, `model_provider_routes.gemini-*`, `model_aliases.fast`"),
        value,
      }),
    )
    .min(1),
});

export function configTools(deps: ConfigToolDeps): Tool[] {
  return [readConfigTool(deps), setConfigTool(deps)];
}

function readConfigTool({ place, call }: ConfigToolDeps): ReadTool {
  return {
    kind: "read",
    name: "config_read",
    description:
      "Shows the configuration in use, secrets masked, and where each value comes from: a line of the file, or a variable of the environment.",
    parameters: z.strictObject({ section: z.string().optional().describe("`gateway`, `providers.openai`; all sections if omitted") }),
    isForeign: false,
    async read({ section }) {
      const at = typeof section === "string" ? section : "";
      const shown = pick(await call("config.get"), at);
      if (shown === undefined) throw new Error(`There is no section "${at}". Sections are found with docs_search, page configuration.md.`);
      return { value: { settings: shown, sources: readAllSources(place, at) } };
    },
  };
}

/** The configuration of a gateway on another machine: where its values come from is known there alone. */
export function remoteConfigTool(call: AdminClient): ReadTool {
  return {
    kind: "read",
    name: "config_read",
    description: "Shows the configuration in use, secrets masked. It is changed on the gateway's own machine.",
    parameters: z.strictObject({ section: z.string().optional().describe("`gateway`, `providers.openai`; all sections if omitted") }),
    isForeign: false,
    async read({ section }) {
      const shown = pick(await call("config.get"), typeof section === "string" ? section : "");
      if (shown === undefined)
        throw new Error(`There is no section "${String(section)}". Sections are found with docs_search, page configuration.md.`);
      return { value: { settings: shown } };
    },
  };
}

function pick(tree: unknown, section: string): unknown {
  let found = tree;
  for (const part of section === "" ? [] : parsePath(section)) {
    if (typeof found !== "object" || found === null || !Object.hasOwn(found, part)) return undefined;
    found = (found as Readonly<Record<string, unknown>>)[part];
  }
  return found;
}

function setConfigTool(deps: ConfigToolDeps): ChangeTool {
  return {
    kind: "change",
    name: "config_set",
    description:
      "Changes settings in the configuration file. The change is checked first, shown to the user as a diff, and applied if the user agrees. " +
      "A placeholder such as {{secret_1}} stands for a key that the user typed, and may be the value of a key's setting.",
    parameters: changeParameters,
    askedBy:
      /\b(?:set|change|configure|route|use|add|enable|disable|turn|switch|put|move|rotate|alias|remove|delete|raise|lower|increase|decrease|make|send|listen)\b/i,
    plan: (input) => Promise.resolve(planChange(deps, changeParameters.parse(input).changes)),
  };
}

type SettingChange = z.output<typeof changeParameters>["changes"][number];

function planChange({ place, call, masker }: ConfigToolDeps, changes: readonly SettingChange[]): PlannedChange {
  const config = new Config(place);
  for (const { setting, value: given } of changes) config.set(setting, given === null ? undefined : filled(setting, given, masker));
  const { before, after } = config.preview();
  if (after === before) throw new Error("The file has these values already. Where a value comes from is shown by config_read.");
  const lines = [`config_set: change ${config.path}`, ...diffLines(before ?? "", after), ...overriddenBy(place, changes)];
  return {
    summary: masker.mask(lines.join("\n")),
    async apply() {
      if (textOf(config.path) !== before)
        throw new Error("The configuration file has been changed meanwhile. Nothing was changed; plan it again.");
      config.save();
      return {
        value: { changed: changes.map(({ setting }) => setting), effect: await reload(call) },
        undo: undoOf({ path: config.path, before, after, call }),
      };
    },
  };
}

/** A variable of the environment holds over the file, so that a change of the file has no effect where it is set. */
function overriddenBy(place: ConfigPlace, changes: readonly SettingChange[]): string[] {
  return changes.flatMap(({ setting }) =>
    Object.entries(readAllSources(place, setting)).flatMap(([path, source]) =>
      source.startsWith("variable ") ? [`! ${path}: the ${source} of this environment holds over the file`] : [],
    ),
  );
}

/** Secrets that the user typed are filled in where keys belong, and nowhere else. */
function filled(setting: string, given: unknown, masker: Masker): unknown {
  const path = parsePath(setting);
  const fill = (item: unknown, at: readonly string[]): unknown => {
    if (typeof item === "string") {
      if (!/\{\{secret_\d+\}\}/.test(item)) return item;
      const node = nodeAt(at);
      if (node?.type !== "leaf" || !node.sensitive)
        throw new Error(`${at.join(".")} is no setting for a secret; {{secret_…}} cannot be its value.`);
      return masker.fill(item);
    }
    if (Array.isArray(item)) return item.map((part) => fill(part, at));
    if (typeof item !== "object" || item === null) return item;
    return Object.fromEntries(Object.entries(item).map(([key, part]) => [key, fill(part, [...at, key])]));
  };
  return fill(given, path);
}

interface FileChange {
  readonly path: string;
  readonly before: string | undefined;
  readonly after: string;
  readonly call: AdminClient;
}

function undoOf({ path, before, after, call }: FileChange): NonNullable<ToolResult["undo"]> {
  return async () => {
    if (textOf(path) !== after) throw new Error(`${path} has been changed since. Nothing was undone.`);
    if (before === undefined) rmSync(path);
    else replaceFile(path, before);
    return `${path} is as before. ${await reload(call)}`;
  };
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Has the running gateway read the file. @returns what came of it, in a sentence. */
export async function reload(call: AdminClient): Promise<string> {
  try {
    await call("config.reload");
    return "The running gateway has read it.";
  } catch (error) {
    if (error instanceof GatewayError && error.code === "conflict") return "No gateway is running; it holds from the next start.";
    throw error;
  }
}
