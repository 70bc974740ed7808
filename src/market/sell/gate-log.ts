import { GatewayError, type IdSource } from "../../core/index.ts";
import type { Store } from "../../store/index.ts";

export interface GateQuestion {
  readonly model: string;
  readonly affirmed: Readonly<Record<string, unknown>>;
  readonly actor: string;
}

interface Decided {
  readonly provider: string;
  readonly terms: { readonly source: string };
}

/** Every decision about what may be sold is stored: what was asked, by whom, and what came of it. */
export class GateLog {
  readonly #store: Store;
  readonly #ids: IdSource;
  readonly #now: () => number;

  constructor(store: Store, ids: IdSource, now: () => number) {
    this.#store = store;
    this.#ids = ids;
    this.#now = now;
  }

  /** @throws what `decide` throws, after it has been stored. */
  async decide<T extends Decided>(question: GateQuestion, decide: () => T): Promise<T> {
    try {
      const decided = decide();
      await this.#add(question, { provider: decided.provider, decision: decided.terms.source, reason: "" });
      return decided;
    } catch (error) {
      if (error instanceof GatewayError) await this.#add(question, { provider: "", decision: "refused", reason: error.message });
      throw error;
    }
  }

  async #add(
    { model, affirmed, actor }: GateQuestion,
    { provider, decision, reason }: { readonly provider: string; readonly decision: string; readonly reason: string },
  ): Promise<void> {
    const columns = ["id", "at_ms", "model", "provider", "affirmed", "decision", "reason", "actor"];
    const row = [
      `gate-${this.#ids.next("mkt")}`,
      this.#now(),
      model.slice(0, 128),
      provider,
      JSON.stringify(affirmed),
      decision,
      reason.slice(0, 500),
      actor,
    ];
    await this.#store.insertRows("market_gate", columns, [row]);
  }
}
