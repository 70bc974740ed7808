import { formatPath, isTree, type Path } from "./value.ts";

/** Where a value was written. Lines and columns count from 1. */
export type Origin =
  | { readonly kind: "file"; readonly file: string; readonly line: number; readonly column: number }
  | { readonly kind: "environment"; readonly name: string }
  /** `name`: as on the command line, `--port`. */
  | { readonly kind: "argument"; readonly name: string }
  /** Set by a program through `Config`. */
  | { readonly kind: "program" };

/** One thing that is wrong with the configuration. Holds no secret. */
export interface Problem {
  readonly origin: Origin | undefined;
  /** The setting, `gateway.port`; empty where the file as a whole is at fault. */
  readonly key: string;
  /** What was found there, as in `"abc"` or `an unknown key`. */
  readonly found: string;
  readonly allowed: string;
  /** The whole of it in one line: `config.yaml:3: gateway.port: found "abc", allowed a whole number from 0 to 65535`. */
  readonly message: string;
}

/** Configuration that cannot be used. The message has one line for each of `problems`, which are all that is wrong. */
export class ConfigError extends Error {
  readonly code = "config_invalid";
  readonly problems: readonly Problem[];
  /** What may be the reason for a problem, as a variable whose name is no setting's. */
  readonly warnings: readonly string[];

  constructor(problems: readonly Problem[], warnings: readonly string[] = []) {
    super(problems.map((problem) => problem.message).join("\n"));
    this.name = "ConfigError";
    this.problems = problems;
    this.warnings = warnings;
  }
}

interface ProblemText {
  readonly origin: Origin | undefined;
  readonly path: Path;
  readonly found: string;
  readonly allowed: string;
}

export function createProblem({ origin, path, found, allowed }: ProblemText): Problem {
  const key = formatPath(path);
  return { origin, key, found, allowed, message: withPlace(origin, key, `found ${found}, allowed ${allowed}`) };
}

/** A problem that another part of the program has put into words; `message` is one sentence. */
export function createMessageProblem(origin: Origin | undefined, path: Path, message: string): Problem {
  const key = formatPath(path);
  const sentence = message.replace(/\.$/, "");
  return { origin, key, found: "", allowed: "", message: withPlace(origin, key, sentence) };
}

function withPlace(origin: Origin | undefined, key: string, sentence: string): string {
  const parts = [formatOrigin(origin), origin?.kind === "environment" || origin?.kind === "argument" ? "" : key, sentence];
  return parts.filter((part) => part !== "").join(": ");
}

function formatOrigin(origin: Origin | undefined): string {
  switch (origin?.kind) {
    case "file":
      return `${origin.file}:${origin.line}`;
    case "environment":
    case "argument":
      return origin.name;
    case "program":
    case undefined:
      return "";
  }
}

const longestShown = 60;

/** A value for a message; `sensitive`: only its type. */
export function describeValue(value: unknown, sensitive: boolean): string {
  if (value === undefined || value === null) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (isTree(value)) return "a map";
  if (value === "") return "an empty text";
  if (sensitive && typeof value === "string") return "[secret]";
  if (sensitive) return `a ${typeof value}`;
  if (typeof value !== "string") return `the ${typeof value} ${JSON.stringify(value)}`;
  return JSON.stringify(value.length > longestShown ? `${value.slice(0, longestShown)}…` : value);
}
