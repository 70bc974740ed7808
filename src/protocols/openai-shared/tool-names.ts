import { createHash } from "node:crypto";
import type { Tool } from "../../ir/index.ts";
import type { ToolIdentity, ToolNames } from "../translation.ts";

/** OpenAI's bound on names of functions and on ids of calls, in characters (reference of Chat Completions, November 2026). */
const maxLength = 64;
const hashLength = 8;

/** Tools of this namespace are known by their bare name: models are trained on it as the namespace of all functions. */
const bareNamespace = "functions";

export interface ToolNameOptions {
  /** The wire has namespaces of its own. */
  readonly namespaces: boolean;
  /** Custom tools go as functions. */
  readonly customAsFunction: boolean;
}

/**
 * Gives each tool a name that the wire takes: letters, digits, `_` and `-`, at most 64. A namespace is put before it with `__`; a name that had to be
 * cut or changed ends in a hash of the whole, so it is the same in every turn and no two tools share one.
 */
export class ToolNamer {
  readonly #options: ToolNameOptions;
  readonly #wireByKey = new Map<string, string>();
  readonly #taken = new Set<string>();
  readonly #map = new Map<string, ToolIdentity>();

  constructor(tools: readonly Tool[], options: ToolNameOptions) {
    this.#options = options;
    // Bare names first: they keep their spelling where a namespaced one would come out the same.
    const named = tools.filter((tool) => tool.type !== "server");
    for (const tool of named) if (tool.namespace === undefined) this.nameOf(tool.name, undefined, tool.type);
    for (const tool of named) if (tool.namespace !== undefined) this.nameOf(tool.name, tool.namespace, tool.type);
  }

  /** The name on the wire. */
  nameOf(name: string, namespace: string | undefined, kind: "function" | "custom"): string {
    const key = JSON.stringify([namespace ?? null, name]);
    const known = this.#wireByKey.get(key);
    if (known !== undefined) return known;
    const flat = this.#options.namespaces || namespace === undefined || namespace === bareNamespace ? name : `${namespace}__${name}`;
    const wire = this.#fit(flat, key);
    this.#wireByKey.set(key, wire);
    this.#taken.add(this.#scope(wire, namespace));
    const isSame = wire === name && (namespace === undefined || this.#options.namespaces);
    if (!isSame || (kind === "custom" && this.#options.customAsFunction)) {
      this.#map.set(wire, { name, ...(namespace === undefined ? {} : { namespace }), kind });
    }
    return wire;
  }

  #fit(flat: string, key: string): string {
    const clean = flat.replaceAll(/[^a-zA-Z0-9_-]/g, "_");
    const namespace = (JSON.parse(key) as [string | null, string])[0] ?? undefined;
    if (clean === flat && clean !== "" && clean.length <= maxLength && !this.#taken.has(this.#scope(clean, namespace))) return clean;
    const hash = createHash("sha256").update(key).digest("hex").slice(0, hashLength);
    return `${clean.slice(0, maxLength - hashLength - 1)}_${hash}`;
  }

  #scope(wire: string, namespace: string | undefined): string {
    return this.#options.namespaces ? JSON.stringify([namespace ?? null, wire]) : wire;
  }

  /** What the names stand for; `undefined` where all are the client's own. */
  get map(): ToolNames | undefined {
    return this.#map.size === 0 ? undefined : this.#map;
  }
}

/** An id of a call that the wire takes: one that is longer than 64 characters is replaced by its hash, the same in every turn. */
export function wireCallId(id: string): string {
  if (id.length <= maxLength && id !== "") return id;
  return madeCallId(id);
}

/** An id for a call, made of what is the same whenever it is made again. */
export function madeCallId(seed: string): string {
  return `call_${createHash("sha256").update(seed).digest("hex").slice(0, 24)}`;
}
