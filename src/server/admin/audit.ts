import { GatewayError } from "../../core/index.ts";
import type { AuditTrail, ChainedEntry } from "../../audit/index.ts";
import type { auditContracts } from "./contracts/audit.ts";
import type { HandlersOf } from "./contracts/contract.ts";
import { TextStream } from "./text-stream.ts";

const maxRows = 1000;
const usualRows = 100;

/** @param flush writes the entries that wait. @param head the last published head; `undefined`: there is none. */
export interface AuditDeps {
  readonly trail: Pick<AuditTrail, "list" | "verify" | "prove" | "exportLines">;
  readonly flush: () => Promise<void>;
  /** The last checkpoint that was published, from outside the database; `undefined`: there is none. */
  readonly publishedHead: () => { readonly seq: number; readonly head: string } | undefined;
}

export function auditHandlers({ trail, flush, publishedHead }: AuditDeps): HandlersOf<typeof auditContracts> {
  return {
    "audit.list": async ({ query }) => {
      const limit = query.limit === undefined ? usualRows : Number(query.limit);
      const before = query.after === undefined ? undefined : Number(query.after);
      if (!Number.isInteger(limit) || limit < 1 || limit > maxRows)
        throw new GatewayError("invalid_request", `"limit" must be a whole number from 1 to ${maxRows}.`, { param: "limit" });
      if (before !== undefined && !Number.isSafeInteger(before))
        throw new GatewayError("invalid_request", '"after" must be the `next` of a page.', { param: "after" });
      await flush();
      const found = await trail.list({ limit: limit + 1, before });
      const page = found.slice(0, limit);
      return { data: page.map(shown), next: found.length > limit ? String(page.at(-1)!.seq) : null };
    },
    "audit.verify": async () => {
      await flush();
      const { usageEntries, expiredBatches, keys, faults, ...counts } = await trail.verify({ head: publishedHead() });
      return {
        ok: faults.length === 0,
        ...counts,
        usage_entries: usageEntries,
        expired_batches: expiredBatches,
        public_keys: keys,
        faults,
      };
    },
    "audit.prove": async ({ param }) => ({ data: await trail.prove(param) }),
    "audit.export": async () => {
      await flush();
      return new TextStream("application/x-ndjson", "audit.jsonl", trail.exportLines());
    },
  };
}

function shown({
  timeMs,
  keyId,
  ...entry
}: ChainedEntry): Omit<ChainedEntry, "timeMs" | "keyId"> & { readonly time: string; readonly key_id: string } {
  return { ...entry, time: new Date(timeMs).toISOString(), key_id: keyId };
}
