import type { Store } from "../../store/index.ts";

/** What a client asked and what it got, redacted and cut to size. */
export interface EntryBody {
  readonly requestId: string;
  /** Of the attempt whose answer it is; 0: the request was refused before any. */
  readonly attempt: number;
  readonly timeMs: number;
  readonly request: string;
  /** It was longer. */
  readonly requestTruncated: boolean;
  /** `undefined`: none had begun when the client left. */
  readonly answer: string | undefined;
  readonly answerTruncated: boolean;
}

/** The table `entry_bodies`. */
export interface EntryBodies {
  /** All or none; those that are there already stay as they are. */
  write(bodies: readonly EntryBody[]): Promise<void>;
  /** By attempt; empty where nothing is kept of that request. */
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
