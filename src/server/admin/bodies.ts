import { GatewayError } from "../../core/index.ts";
import type { EntryBodies } from "../../ledger/index.ts";
import type { HandlersOf } from "./contracts/contract.ts";
import type { usageContracts } from "./contracts/usage.ts";

/**
 * What was asked and answered, if it is stored (`ledger.bodies`).
 * @param flush writes what this process still has in memory.
 */
export function bodyHandlers(
  bodies: Pick<EntryBodies, "read">,
  flush: () => Promise<void>,
): Pick<HandlersOf<typeof usageContracts>, "usage.bodies"> {
  return {
    "usage.bodies": async ({ param }) => {
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
  };
}
