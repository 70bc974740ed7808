import { compileGlob, type Glob } from "./glob.ts";
import type { Subject } from "./subject.ts";

/** Who sends a request, as far as subjects are concerned. */
export interface SubjectCaller {
  readonly userId: string;
  /** Empty if authentication is off. */
  readonly keyId: string;
  /** The key's parent, the parent's parent, and so on. */
  readonly ancestorIds?: readonly string[] | undefined;
  /** The tags that an admin bound to the user, the key or its ancestors. Tags that a client sends do not count. */
  readonly boundTags?: readonly string[] | undefined;
}

/** Where a request goes. */
export interface SubjectTarget {
  readonly provider: string;
  /** The provider's name of the model, whatever name the client used. */
  readonly upstreamModel: string;
  /** The client's name of the model, if it is one of the configuration's own: of `models` or `model_aliases`. */
  readonly alias?: string | undefined;
}

/** Finds what is set for a request: budgets, limits. Users and keys are compared by id. */
export interface SubjectIndex<T> {
  readonly isEmpty: boolean;
  /** Whether anything is set for models or providers. */
  readonly hasTargets: boolean;
  /** Of the user, the key, its ancestors and their tags; each item once. `undefined` if there is none. */
  ofCaller(caller: SubjectCaller): readonly T[] | undefined;
  /** Of the provider and the model. A pattern is compared with `gpt-5`, with `openai/gpt-5` and with the alias. `undefined` if there is none. */
  ofTarget(target: SubjectTarget): readonly T[] | undefined;
}

/** @param subjectOf gives users and keys by their ids, not by their names. */
export function createSubjectIndex<T>(items: Iterable<T>, subjectOf: (item: T) => Subject): SubjectIndex<T> {
  const index = new IndexOfSubjects<T>();
  for (const item of items) index.add(subjectOf(item), item);
  return index;
}

/** A target's models are compared once; the names are the provider's own, but a client may send any. */
const maxTargets = 1000;

class IndexOfSubjects<T> implements SubjectIndex<T> {
  readonly #byId = new Map<string, T[]>();
  readonly #byTag = new Map<string, T[]>();
  readonly #byProvider = new Map<string, T[]>();
  readonly #byModel: { readonly glob: Glob; readonly item: T }[] = [];
  readonly #targets = new Map<string, Map<string, readonly T[] | undefined>>();
  #targetCount = 0;

  get isEmpty(): boolean {
    return this.#byId.size === 0 && this.#byTag.size === 0 && !this.hasTargets;
  }

  get hasTargets(): boolean {
    return this.#byProvider.size > 0 || this.#byModel.length > 0;
  }

  add({ kind, name }: Subject, item: T): void {
    switch (kind) {
      case "user":
      case "key":
        return append(this.#byId, name, item);
      case "tag":
        return append(this.#byTag, name, item);
      case "provider":
        return append(this.#byProvider, name, item);
      case "model":
        this.#byModel.push({ glob: compileGlob(name), item });
    }
  }

  ofCaller({ userId, keyId, ancestorIds, boundTags }: SubjectCaller): readonly T[] | undefined {
    const ofUser = this.#byId.get(userId);
    const ofKey = this.#byId.get(keyId);
    if (ancestorIds === undefined && boundTags === undefined && (ofUser === undefined || ofKey === undefined)) return ofUser ?? ofKey;
    const all = [...(ofUser ?? []), ...(ofKey ?? [])];
    for (const id of ancestorIds ?? []) all.push(...(this.#byId.get(id) ?? []));
    for (const tag of boundTags ?? []) all.push(...(this.#byTag.get(tag) ?? []));
    return all.length === 0 ? undefined : all;
  }

  ofTarget(target: SubjectTarget): readonly T[] | undefined {
    if (!this.hasTargets) return undefined;
    const { provider, upstreamModel, alias } = target;
    const key = alias === undefined ? upstreamModel : `${alias}\n${upstreamModel}`;
    let ofProvider = this.#targets.get(provider);
    if (ofProvider?.has(key) === true) return ofProvider.get(key);
    if (this.#targetCount >= maxTargets) {
      this.#targets.clear();
      this.#targetCount = 0;
      ofProvider = undefined;
    }
    if (ofProvider === undefined) this.#targets.set(provider, (ofProvider = new Map<string, readonly T[] | undefined>()));
    const found = this.#find(target);
    ofProvider.set(key, found);
    this.#targetCount++;
    return found;
  }

  #find({ provider, upstreamModel, alias }: SubjectTarget): readonly T[] | undefined {
    const found = [...(this.#byProvider.get(provider) ?? [])];
    const whole = `${provider}/${upstreamModel}`;
    for (const { glob, item } of this.#byModel)
      if (glob.matches(upstreamModel) || glob.matches(whole) || (alias !== undefined && glob.matches(alias))) found.push(item);
    return found.length === 0 ? undefined : found;
  }
}

function append<T>(lists: Map<string, T[]>, name: string, item: T): void {
  const list = lists.get(name);
  if (list === undefined) lists.set(name, [item]);
  else list.push(item);
}
