import { hash } from "node:crypto";
import type { Tool, ToolCallBlock, ToolChoice } from "../../ir/index.ts";
import type { ToolIdentity, ToolNames } from "../translation.ts";

/** The longest name of a tool, and the longest id of a call, that every vendor accepts. */
const maxLength = 64;
const hashLength = 8;

/** Tools of this namespace have their bare name: models are trained on it as the namespace of all functions. */
const bareNamespace = "functions";

const noNamespace = Symbol("no namespace");

type Named = Pick<ToolCallBlock, "name" | "namespace" | "kind">;

/** The names and tools that a wire accepts. */
export interface ToolNameRules {
  /** A global pattern of the characters that a name must not have. */
  readonly forbidden: RegExp;
  /** A pattern for the beginning of a name, if fewer characters are allowed there. */
  readonly begins?: RegExp;
  /** The wire has namespaces of its own. */
  readonly namespaces?: boolean;
  /** The wire has tools of free text. */
  readonly freeText?: boolean;
  /** The longest name, if it is longer than what every vendor accepts. */
  readonly maxLength?: number;
  /** Names of the tools that the vendor runs itself: a function must not have one of them. */
  readonly reserved?: readonly string[];
}

/** Letters, digits, `_` and `-`: OpenAI's and Anthropic's names. */
export const wordCharacters = /[^a-zA-Z0-9_-]/g;

/**
 * Gives tools their names on a wire that may have no namespaces and fewer characters. A name that was cut, or that another tool has, ends in a hash
 * of the whole name, so that no two tools have the same.
 */
export class ToolNamer {
  readonly #rules: ToolNameRules;
  /** By namespace and name: a name may be long, so it is not copied into a joined key. */
  readonly #wireByName = new Map<string | typeof noNamespace, Map<string, string>>();
  readonly #taken = new Set<string>();
  readonly #changed = new Map<string, ToolIdentity>();
  readonly #maxLength: number;

  constructor(tools: readonly Tool[], rules: ToolNameRules) {
    this.#rules = rules;
    this.#maxLength = rules.maxLength ?? maxLength;
    for (const name of rules.reserved ?? []) this.#taken.add(this.#scoped(name, undefined));
    if (tools.length === 0) return;
    const named = tools.filter((tool) => tool.type !== "server").map(identityOf);
    // A name that fits keeps its spelling; another name that would become the same is changed.
    const ranks: [Named[], Named[], Named[]] = [[], [], []];
    for (const tool of named) ranks[this.#rankOf(tool)].push(tool);
    for (const rank of ranks) for (const tool of rank) this.wireName(tool);
  }

  #rankOf({ namespace, name }: Named): 0 | 1 | 2 {
    if (namespace !== undefined) return 2;
    return this.#clean(name) === name ? 0 : 1;
  }

  /** The name on the wire of a tool, or of a call of one. */
  wireName(tool: Named): string {
    const { namespace = noNamespace } = tool;
    let known = this.#wireByName.get(namespace);
    if (known === undefined) this.#wireByName.set(namespace, (known = new Map()));
    const given = known.get(tool.name);
    if (given !== undefined) return given;
    const wire = this.#fit(tool);
    known.set(tool.name, wire);
    this.#taken.add(this.#scoped(wire, tool.namespace));
    const isNamespaceGone = tool.namespace !== undefined && this.#rules.namespaces !== true;
    const isFormOther = tool.kind === "custom" && this.#rules.freeText !== true;
    if (wire !== tool.name || isNamespaceGone || isFormOther) this.#changed.set(wire, identityOf(tool));
    return wire;
  }

  /** Reserves a name for the tool whose call is the text of the answer: `name`, unless another tool has it. */
  reserveAnswer(name: string): string {
    let free = name;
    for (let n = 2; this.#taken.has(this.#scoped(free, undefined)); n++) free = `${name}_${n}`;
    this.#taken.add(this.#scoped(free, undefined));
    this.#changed.set(free, { name: free, kind: "answer" });
    return free;
  }

  /** The names to restore; `undefined` if every tool keeps its own. */
  get toolNames(): ToolNames | undefined {
    return this.#changed.size === 0 ? undefined : this.#changed;
  }

  #fit(tool: Named): string {
    const clean = this.#clean(this.#rules.namespaces === true ? tool.name : flatName(tool));
    const isFree = clean !== "" && clean.length <= this.#maxLength && !this.#taken.has(this.#scoped(clean, tool.namespace));
    if (isFree) return clean;
    const whole = JSON.stringify([tool.namespace ?? null, tool.name]);
    return `${clean.slice(0, this.#maxLength - hashLength - 1)}_${hashOf(whole).slice(0, hashLength)}`;
  }

  #clean(name: string): string {
    const { forbidden, begins } = this.#rules;
    // Of a name that is too long, only the first characters are used.
    const clean = name.slice(0, this.#maxLength + 1).replace(forbidden, "_");
    return begins === undefined || clean === "" || begins.test(clean) ? clean : `_${clean}`;
  }

  #scoped(wire: string, namespace: string | undefined): string {
    return this.#rules.namespaces === true ? JSON.stringify([namespace ?? null, wire]) : wire;
  }
}

function identityOf(tool: Named | Exclude<Tool, { type: "server" }>): ToolIdentity & Named {
  const { name, namespace } = tool;
  return { name, ...(namespace === undefined ? {} : { namespace }), kind: "kind" in tool ? tool.kind : tool.type };
}

/** A tool of a namespace has one flat name. */
function flatName({ name, namespace }: Pick<Named, "name" | "namespace">): string {
  return namespace === undefined || namespace === bareNamespace ? name : `${namespace}__${name}`;
}

function hashOf(text: string): string {
  return hash("sha256", text);
}

/** The tools that a choice allows: all of them, or the listed ones. */
export function allowedTools(tools: readonly Tool[], choice: ToolChoice | undefined): readonly Tool[] {
  if (choice?.type !== "allowed") return tools;
  const names = new Set(choice.names);
  return tools.filter((tool) => callNames(tool).some((name) => names.has(name)));
}

/** The tool that a choice names: of a function and a tool that the vendor runs with one name, the one that the choice means. */
export function chosenTool(tools: readonly Tool[], { name, isServer }: Extract<ToolChoice, { type: "named" }>): Tool | undefined {
  const named = tools.filter((tool) => isCalled(tool, name));
  return named.find((tool) => (tool.type === "server") === (isServer === true)) ?? named[0];
}

/** Whether a choice that names `name` means the tool. */
export function isCalled(tool: Tool, name: string): boolean {
  return callNames(tool).includes(name);
}

/** The names by which a choice may call the tool. */
export function callNames(tool: Tool): readonly string[] {
  return tool.type === "server" || tool.namespace === undefined ? [tool.name] : [tool.name, flatName(tool)];
}

/** For each name, the first tool that has it. One pass, as a choice may name all the tools. */
export function firstByName(tools: readonly Tool[], namesOf: (tool: Tool) => readonly string[]): ReadonlyMap<string, Tool> {
  const first = new Map<string, Tool>();
  for (const tool of tools) for (const name of namesOf(tool)) if (!first.has(name)) first.set(name, tool);
  return first;
}

/** The tool as its calls name it. */
export function namedTool(tool: Exclude<Tool, { type: "server" }>): Named {
  return identityOf(tool);
}

/** An id of a call that the wire accepts: an id of more than 64 characters is replaced by its hash, the same in every turn. */
export function wireCallId(id: string): string {
  return id.length <= maxLength && id !== "" ? id : madeCallId(id);
}

/** The id of an answer's call: as given, or one made of `seed` if there is none or another call of the answer has it. */
export function takeCallId(taken: Set<string>, given: string | undefined, seed: string): string {
  const id = given === undefined || given === "" || taken.has(given) ? madeCallId(seed) : given;
  taken.add(id);
  return id;
}

/** Makes an id for a call from a seed that is the same at every reading. */
export function madeCallId(seed: string): string {
  return `call_${hashOf(seed).slice(0, 24)}`;
}
