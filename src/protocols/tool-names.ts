import { createHash } from "node:crypto";
import type { Tool, ToolCallBlock, ToolChoice } from "../ir/index.ts";
import type { Losses } from "./losses.ts";
import type { ToolIdentity, ToolNames } from "./translation.ts";

/** The longest name of a tool that every vendor takes. */
const maxLength = 64;
const hashLength = 8;

type Named = Pick<ToolCallBlock, "name" | "namespace" | "kind">;

/**
 * Gives tools the names that they have on a wire that knows neither namespaces nor every character. A name depends on nothing but the tool's own, so it
 * is the same in every request of a conversation; two tools that would share one keep apart by a hash.
 */
export class ToolNamer {
  readonly #identities = new Map<string, ToolIdentity>();
  readonly #forbidden: RegExp;

  /** `forbidden`: matches each character that a name must not have (a global pattern). */
  constructor(forbidden: RegExp) {
    this.#forbidden = forbidden;
  }

  wireName(tool: Named): string {
    const flat = flatName(tool);
    let name = shorten(flat.replace(this.#forbidden, "_"), flat);
    if (/^[^a-zA-Z_]/.test(name)) name = shorten(`_${name}`, flat);
    const taken = this.#identities.get(name);
    if (taken !== undefined && (taken.name !== tool.name || taken.namespace !== tool.namespace)) name = withHash(name, flat);
    this.#identities.set(name, this.#identities.get(name) ?? identityOf(tool));
    return name;
  }

  /** A name that stands for the text of the answer. */
  reserveAnswer(name: string): string {
    this.#identities.set(name, { name, kind: "answer" });
    return name;
  }

  /** The names to turn back; `undefined` where every tool goes by its own. */
  get toolNames(): ToolNames | undefined {
    const changed = [...this.#identities].filter(
      ([wire, { name, namespace, kind }]) => wire !== name || namespace !== undefined || kind !== "function",
    );
    return changed.length === 0 ? undefined : new Map(changed);
  }
}

/** A tool of a namespace goes under one flat name; `functions` is the namespace of plain ones. */
export function flatName({ name, namespace }: Pick<Named, "name" | "namespace">): string {
  return namespace === undefined || namespace === "functions" ? name : `${namespace}__${name}`;
}

function identityOf({ name, namespace, kind }: Named): ToolIdentity {
  return { name, ...(namespace === undefined ? {} : { namespace }), kind };
}

function shorten(name: string, original: string): string {
  return name.length <= maxLength && name !== "" ? name : withHash(name, original);
}

function withHash(name: string, original: string): string {
  const hash = createHash("sha256").update(original).digest("hex").slice(0, hashLength);
  return `${name.slice(0, maxLength - hashLength - 1)}_${hash}`;
}

/** The tools that a choice leaves: all of them, or the allowed ones. */
export function allowedTools(tools: readonly Tool[], choice: ToolChoice | undefined): readonly Tool[] {
  return choice?.type === "allowed" ? tools.filter((tool) => choice.names.some((name) => isCalled(tool, name))) : tools;
}

/** Whether a choice that names `name` means the tool. */
export function isCalled(tool: Tool, name: string): boolean {
  return tool.name === name || (tool.type !== "server" && flatName(tool) === name);
}

/** The schema of the function that a free-text tool becomes. */
export const freeTextSchema = {
  type: "object",
  properties: { input: { type: "string" } },
  required: ["input"],
  additionalProperties: false,
} as const;

/** The description of the function that a free-text tool becomes: its text goes into `input`, and a grammar can only be told. */
export function freeTextDescription(tool: Extract<Tool, { type: "custom" }>, path: string, losses: Losses): string {
  losses.emulate(path, "The provider has no free-text tools: it is a function with one string.");
  const grammar = tool.grammar === undefined ? [] : [`Grammar of \`input\` (${tool.grammar.syntax}):\n${tool.grammar.definition}`];
  const intro = "Give the whole free text of this tool's input, as it is, in `input`.";
  return [...(tool.description === undefined ? [] : [tool.description]), intro, ...grammar].join("\n\n");
}
