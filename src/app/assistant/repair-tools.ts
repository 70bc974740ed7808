import { readFileSync } from "node:fs";
import * as z from "zod";
import type { ConfigError } from "../../settings/index.ts";
import { loadSettings } from "../config/index.ts";
import { replaceFile } from "../config/write-file.ts";
import type { AdminClient } from "../../server/index.ts";
import type { ConfigPlace } from "./config-place.ts";
import { reload } from "./config-tools.ts";
import { diffLines } from "./diff-lines.ts";
import type { Masker } from "./masker.ts";
import type { PlannedChange, Tool } from "./tool.ts";

export interface RepairDeps {
  readonly place: ConfigPlace;
  /** The configuration file. */
  readonly path: string;
  readonly call: AdminClient;
  readonly masker: Masker;
}

const mendParameters = z.strictObject({
  lines: z
    .array(
      z.strictObject({
        line: z.int().min(1).describe("from 1, as config_problems numbers them"),
        text: z.string().nullable().describe("the whole new line, with its indentation; `null` removes it"),
      }),
    )
    .min(1)
    .max(50),
});

/** A configuration file that cannot be used: what is wrong with it, and lines that mend it. */
export function repairTools(deps: RepairDeps): Tool[] {
  return [
    {
      kind: "read",
      name: "config_problems",
      description: "Shows what is wrong with the configuration file, and its lines with their numbers, secrets masked.",
      parameters: z.strictObject({}),
      isForeign: false,
      read: () => Promise.resolve({ value: { file: deps.path, problems: problemsOf(deps.place), lines: numbered(readText(deps.path)) } }),
    },
    {
      kind: "change",
      name: "config_mend",
      description:
        "Replaces or removes lines of the configuration file that cannot be used. The change is checked first, and shown to the user as a diff. Lines that contain [secret] must be left as they are.",
      parameters: mendParameters,
      askedBy: /\b(?:mend|fix|repair|correct|change|set|remove|delete)\b/i,
      plan: (input) => Promise.resolve(planMend(deps, mendParameters.parse(input).lines)),
    },
  ];
}

/** The errors of the file as it is, or as it would be; none: it can be used. */
export function problemsOf(place: ConfigPlace, text?: string): readonly string[] {
  try {
    loadSettings({ ...place, ...(text === undefined ? {} : { text }) });
    return [];
  } catch (error) {
    if ((error as Error).name !== "ConfigError") throw error;
    return (error as ConfigError).problems.map(({ message }) => message);
  }
}

function planMend({ place, path, call, masker }: RepairDeps, edits: z.output<typeof mendParameters>["lines"]): PlannedChange {
  const before = readText(path);
  const lines: (string | null)[] = before.split("\n");
  for (const { line, text } of edits) {
    if (line > lines.length) throw new Error(`The file has ${lines.length} lines; there is no line ${line}.`);
    if (text?.includes("[secret]") === true || text?.includes("[key]") === true)
      throw new Error(
        `Line ${line} would contain a mask in place of a secret. Leave such lines as they are, or ask the user for the value.`,
      );
    lines[line - 1] = text === null ? null : masker.fill(text);
  }
  const after = lines.filter((line) => line !== null).join("\n");
  if (after === before) throw new Error("The file has these lines already.");
  const [now, then] = [problemsOf(place), problemsOf(place, after)];
  if (then.length > 0 && then.length >= now.length)
    throw new Error(`With these lines the file could not be used either: ${masker.mask(then.join("; "))}`);
  const left = then.length === 0 ? "The file can be used then." : `Still wrong then: ${then.join("; ")}`;
  return {
    summary: masker.mask([`config_mend: change ${path}`, ...diffLines(before, after), left].join("\n")),
    async apply() {
      if (readText(path) !== before)
        throw new Error("The configuration file has been changed meanwhile. Nothing was changed; plan it again.");
      replaceFile(path, after);
      const undo = async (): Promise<string> => {
        if (readText(path) !== after) throw new Error(`${path} has been changed since. Nothing was undone.`);
        replaceFile(path, before);
        return Promise.resolve(`${path} is as before.`);
      };
      const effect =
        then.length > 0 ? `Still wrong: ${then.join("; ")}` : `${await reload(call)} In a new conversation all tools are there.`;
      return { value: { changed: edits.map(({ line }) => line), effect }, undo };
    },
  };
}

function numbered(text: string): readonly string[] {
  const mostLines = 1000;
  return text
    .split("\n")
    .slice(0, mostLines)
    .map((line, index) => `${index + 1}: ${line}`);
}

function readText(path: string): string {
  return readFileSync(path, "utf8");
}

const secretName = /(?:key|secret|token|password|authorization|headers|query|url|webhook)/i;
const shortestSecret = 6;

/**
 * What may be a secret in a file that cannot be read as settings: the values of lines whose name says so, and every long text of letters and digits. More is
 * masked than is secret.
 */
export function secretsInText(text: string): string[] {
  return text.split("\n").flatMap((line) => {
    const colon = line.indexOf(":");
    const value = colon >= 0 && secretName.test(line.slice(0, colon)) ? line.slice(colon + 1) : "";
    const named = value.split(/[\s"'{}[\],]+/).filter((part) => part.length >= shortestSecret && !part.startsWith("${"));
    const long = line.match(/[A-Za-z0-9_+/=-]{20,}/g)?.filter((part) => /\d/.test(part) && /[A-Za-z]/.test(part)) ?? [];
    return [...named, ...long];
  });
}
