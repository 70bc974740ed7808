import type { Finding, MissingJudgement } from "../../policy/index.ts";

/** A rule and what it did. */
export interface RuleCount extends Pick<Finding, "rule" | "action" | "direction"> {
  requests: number;
}

/** Requests of this process in which a rule of the firewall has found something, by what it did. A request may count for several. */
export class FirewallCounts {
  observed = 0;
  masked = 0;
  blocked = 0;
  readonly #rules = new Map<string, RuleCount>();

  readonly #unjudged = new Map<string, number>();

  /** Judgements that were missing, by classifier. */
  get unjudged(): ReadonlyMap<string, number> {
    return this.#unjudged;
  }

  addUnjudged(missing: readonly MissingJudgement[]): void {
    for (const { classifier } of missing) this.#unjudged.set(classifier, (this.#unjudged.get(classifier) ?? 0) + 1);
  }

  /** By rule, action and direction. */
  get rules(): readonly RuleCount[] {
    return [...this.#rules.values()];
  }

  add(findings: readonly Finding[]): void {
    const actions = new Set(findings.map(({ action }) => action));
    if (actions.has("observe")) this.observed += 1;
    if (actions.has("block")) this.blocked += 1;
    else if (actions.has("mask")) this.masked += 1;
    for (const { rule, action, direction } of findings) {
      const key = `${rule}\0${action}\0${direction}`;
      const count = this.#rules.get(key) ?? { rule, action, direction, requests: 0 };
      count.requests += 1;
      this.#rules.set(key, count);
    }
  }
}
