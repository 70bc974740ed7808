import { GatewayError } from "../../core/index.ts";
import type { EntryBodies } from "../../ledger/index.ts";
import type { AdminOperation } from "./api.ts";

/**
 * What was asked and answered, where it is kept (`ledger.bodies`), for admins alone:
 * `{"request_id": "req_…", "bodies": [{"attempt": 1, "time": "…", "request": "…", "request_truncated": false, "answer": "…", "answer_truncated": false}]}`.
 * @param flush writes what this process still has in memory.
 */
export function bodyOperations(bodies: Pick<EntryBodies, "read">, flush: () => Promise<void>): AdminOperation[] {
  return [
    {
      method: "GET",
      path: "/api/v1/usage/entries/{request_id}/bodies",
      access: "admin",
      run: async ({ param }) => {
        await flush();
        const found = await bodies.read(param);
        if (found.length === 0) {
          throw new GatewayError(
            "not_found",
            `No bodies are kept of the request "${param.slice(0, 100)}". They are where ledger.bodies is enabled, for its lifetime.`,
          );
        }
        return {
          request_id: param,
          bodies: found.map((body) => ({
            attempt: body.attempt,
            time: new Date(body.timeMs).toISOString(),
            request: body.request,
            request_truncated: body.requestTruncated,
            answer: body.answer ?? null,
            answer_truncated: body.answerTruncated,
          })),
        };
      },
    },
  ];
}
