import type { Store } from "../../store/index.ts";
import { hourMs, type SeriesName } from "./count-hour.ts";

/** An answer to a canary, a question of the gateway's own. */
export interface CanaryAnswer {
  readonly timeMs: number;
  /** The id of the prompt. */
  readonly prompt: string;
  /** `undefined`: the prompt has no right answer. */
  readonly isRight: boolean | undefined;
  /** A short form of the answer: equal answers have equal ones. */
  readonly answer: string;
  /** Of the first token, by token; `undefined`: the provider gave none. */
  readonly probabilities?: Readonly<Record<string, number>> | undefined;
}

export interface CanaryTarget {
  readonly provider: string;
  /** The provider's name of the model. */
  readonly model: string;
}

/** When a target may be asked: now, for the turn of this number, or not before `nextMs`. */
export type CanaryTurn = { readonly turn: number } | { readonly nextMs: number };

/** Canaries in the database. */
export class CanaryStore {
  readonly #store: Pick<Store, "db" | "reader">;

  constructor(store: Pick<Store, "db" | "reader">) {
    this.#store = store;
  }

  /** Takes the next turn of a target if it is due. Of several processes that try it at once, one gets it; a turn whose process dies is lost. */
  async takeTurn({ provider, model }: CanaryTarget, nowMs: number, everyMs: number): Promise<CanaryTurn> {
    const { db } = this.#store;
    const row = await db
      .selectFrom("canary_turns")
      .select(["turn", "next_ms"])
      .where("provider", "=", provider)
      .where("model", "=", model)
      .executeTakeFirst();
    if (row === undefined) {
      const added = await db
        .insertInto("canary_turns")
        .values({ provider, model, turn: 1, next_ms: nowMs + everyMs })
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirst();
      return added.numInsertedOrUpdatedRows === 1n ? { turn: 0 } : { nextMs: nowMs + everyMs };
    }
    // A time that is further away was written by a clock that was wrong, or with a longer setting.
    if (row.next_ms > nowMs && row.next_ms <= nowMs + everyMs) return { nextMs: row.next_ms };
    const taken = await db
      .updateTable("canary_turns")
      .set({ turn: row.turn + 1, next_ms: nowMs + everyMs })
      .where("provider", "=", provider)
      .where("model", "=", model)
      .where("turn", "=", row.turn)
      .executeTakeFirst();
    return taken.numUpdatedRows === 1n ? { turn: row.turn } : { nextMs: nowMs + everyMs };
  }

  async add(
    requestId: string,
    { provider, model, region }: SeriesName,
    { timeMs, prompt, isRight, answer, probabilities }: CanaryAnswer,
  ): Promise<void> {
    await this.#store.db
      .insertInto("canary_answers")
      .values({
        request_id: requestId,
        time_ms: timeMs,
        provider,
        model,
        region,
        prompt,
        is_right: isRight === undefined ? null : Number(isRight),
        answer,
        probabilities: probabilities === undefined ? null : JSON.stringify(probabilities),
      })
      .execute();
  }

  /** The series with answers in this time. */
  async readSeries(fromMs: number, toMs: number): Promise<readonly SeriesName[]> {
    return await this.#store.reader
      .selectFrom("canary_answers")
      .select(["provider", "model", "region"])
      .distinct()
      .where("time_ms", ">=", fromMs)
      .where("time_ms", "<", toMs)
      .orderBy("provider")
      .orderBy("model")
      .orderBy("region")
      .execute();
  }

  /** The answers of a series, the oldest first. */
  async read({ provider, model, region }: SeriesName, fromMs: number, toMs: number): Promise<readonly CanaryAnswer[]> {
    const rows = await this.#store.reader
      .selectFrom("canary_answers")
      .select(["time_ms", "prompt", "is_right", "answer", "probabilities"])
      .where("provider", "=", provider)
      .where("model", "=", model)
      .where("region", "=", region)
      .where("time_ms", ">=", fromMs)
      .where("time_ms", "<", toMs)
      .orderBy("time_ms")
      .execute();
    return rows.map(({ time_ms: timeMs, prompt, is_right: isRight, answer, probabilities }) => ({
      timeMs,
      prompt,
      isRight: isRight === null ? undefined : isRight === 1,
      answer,
      probabilities: probabilities === null ? undefined : (JSON.parse(probabilities) as Readonly<Record<string, number>>),
    }));
  }

  /** Deletes answers before a time, those of the oldest two hours alone: a clock that jumps ahead for a while deletes next to nothing. */
  async deleteBefore(ms: number): Promise<void> {
    const { db } = this.#store;
    const oldest = await db
      .selectFrom("canary_answers")
      .select((select) => select.fn.min("time_ms").as("time_ms"))
      .executeTakeFirst();
    const oldestMs = oldest?.time_ms ?? undefined;
    if (oldestMs === undefined) return;
    await db
      .deleteFrom("canary_answers")
      .where("time_ms", "<", Math.min(ms, oldestMs + 2 * hourMs))
      .execute();
  }
}
