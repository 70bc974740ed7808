import type { Store } from "../../store/index.ts";

/** A request's body and its answer, redacted and truncated. */
export interface EntryBody {
  readonly requestId: string;
  /** The attempt whose answer it is; 0: the request was refused before any attempt. */
  readonly attempt: number;
  readonly timeMs: number;
  readonly request: string;
  /** The body was longer and was truncated. */
  readonly requestTruncated: boolean;
  /** `undefined`: the answer had not begun when the client left. */
  readonly answer: string | undefined;
  readonly answerTruncated: boolean;
}

/** The table `entry_bodies`. */
export interface EntryBodies {
  /** Writes all or none; existing ones stay unchanged. */
  write(bodies: readonly EntryBody[]): Promise<void>;
  /** By attempt; empty if nothing is recorded for that request. */
  read(requestId: string): Promise<readonly EntryBody[]>;
}

const columns = ["request_id", "attempt", "time_ms", "request", "request_truncated", "answer", "answer_truncated"];

export function createEntryBodies(store: Pick<Store, "db" | "insertRows">): EntryBodies {
  return {
    async write(bodies) {
      const rows = bodies.map(({ requestId, attempt, timeMs, request, requestTruncated, answer, answerTruncated }) => [
        requestId,
        attempt,
        timeMs,
        request,
        Number(requestTruncated),
        answer ?? null,
        Number(answerTruncated),
      ]);
      await store.insertRows("entry_bodies", columns, rows);
    },
    async read(requestId) {
      const rows = await store.db.selectFrom("entry_bodies").selectAll().where("request_id", "=", requestId).orderBy("attempt").execute();
      return rows.map((row) => ({
        requestId: row.request_id,
        attempt: row.attempt,
        timeMs: row.time_ms,
        request: row.request,
        requestTruncated: row.request_truncated === 1,
        answer: row.answer ?? undefined,
        answerTruncated: row.answer_truncated === 1,
      }));
    },
  };
}
