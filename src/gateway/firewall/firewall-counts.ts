import type { Finding } from "../../policy/index.ts";

/** Requests of this process in which a rule of the firewall has found something, by what it did. A request may count for several. */
export class FirewallCounts {
  observed = 0;
  masked = 0;
  blocked = 0;

  add(findings: readonly Finding[]): void {
    const actions = new Set(findings.map(({ action }) => action));
    if (actions.has("observe")) this.observed += 1;
    if (actions.has("block")) this.blocked += 1;
    else if (actions.has("mask")) this.masked += 1;
  }
}
