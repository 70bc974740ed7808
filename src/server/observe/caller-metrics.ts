import type { ObservedRequest } from "../../gateway/index.ts";
import { watchedKey } from "./metric-table.ts";

/** The labels that an operator has asked for; none: nothing is counted. */
export interface CallerLabels {
  readonly user: boolean;
  readonly key: boolean;
  /** Most combinations. */
  readonly mostValues: number;
}

interface Counts {
  requests: number;
  tokens: number;
  costUsd: number;
}

const rest = "other";

/** Counts requests by user and key: only where an operator asks for it, as users and keys can be many. */
export class CallerMetrics {
  readonly #labels: () => CallerLabels;
  readonly #counts = new Map<string, Counts>();

  constructor(labels: () => CallerLabels) {
    this.#labels = labels;
  }

  observe({ principal, usage, costNanoUsd }: ObservedRequest): void {
    const labels = this.#labels();
    if (!labels.user && !labels.key) return;
    const counts = this.#of(labels.user ? principal.username : "", labels.key ? principal.keyId : "", labels);
    counts.requests += 1;
    counts.tokens += (usage.input ?? 0) + (usage.output ?? 0);
    if (costNanoUsd !== undefined) counts.costUsd += Number(costNanoUsd) / 1e9;
  }

  #of(user: string, key: string, { user: hasUser, key: hasKey, mostValues }: CallerLabels): Counts {
    const id = `${user.replaceAll("\n", " ")}\n${key}`;
    const known = this.#counts.get(id);
    if (known !== undefined) return known;
    if (this.#counts.size >= mostValues && user !== rest)
      return this.#of(hasUser ? rest : "", hasKey ? rest : "", { user: hasUser, key: hasKey, mostValues: Infinity });
    const counts = { requests: 0, tokens: 0, costUsd: 0 };
    this.#counts.set(id, counts);
    return counts;
  }

  read(): Record<string, number> {
    const values: Record<string, number> = {};
    for (const [id, { requests, tokens, costUsd }] of this.#counts) {
      const [user = "", key = ""] = id.split("\n");
      values[watchedKey("caller_requests_total", user, key)] = requests;
      values[watchedKey("caller_tokens_total", user, key)] = tokens;
      values[watchedKey("caller_cost_usd_total", user, key)] = costUsd;
    }
    return values;
  }
}
