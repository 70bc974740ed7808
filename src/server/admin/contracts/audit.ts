import * as z from "zod";
import type { OperationContract } from "./contract.ts";

const entry = z
  .object({
    seq: z.int().describe("from 1 on, without gaps"),
    time: z.string().describe("RFC 3339 in UTC"),
    kind: z.string().describe("`admin`, `sign_in`, `gateway`, `usage`, `retention`"),
    action: z.string().describe("the name of the operation: `users.create`"),
    subject: z.string().describe("what it was about"),
    actor: z.string().describe("id and name of the caller; empty: the gateway itself"),
    key_id: z.string(),
    address: z.string().describe("from where"),
    channel: z.string().describe("through what: `http`, `socket`, `command`, `gateway`"),
    outcome: z.string().describe("`ok`, or the code of the error"),
    before: z.string().describe("SHA-256 of the object before, hex; empty: there was none, or it cannot be read alone"),
    after: z.string().describe("SHA-256 of the object after, hex"),
    details: z.string().describe("further facts, JSON"),
    hash: z.string().describe("SHA-256, hex: follows from the entry and from the hash before"),
  })
  .meta({ id: "AuditEntry" });

const fault = z.object({ at: z.string(), what: z.string() });

const report = z
  .object({
    ok: z.boolean(),
    entries: z.int(),
    checkpoints: z.int(),
    unsigned: z.int().describe("entries behind the last signature"),
    usage_entries: z.int().describe("usage entries that were compared with their batch"),
    expired_batches: z.int().describe("batches whose usage entries were deleted, as their retention has ended"),
    head: z.string(),
    public_keys: z.array(z.string()).readonly(),
    faults: z.array(fault).readonly(),
  })
  .meta({ id: "AuditReport" });

const checkpoint = z.object({
  number: z.int(),
  seq: z.int(),
  timeMs: z.number(),
  head: z.string(),
  publicKey: z.string(),
  signature: z.string(),
});

const proof = z
  .object({
    format: z.literal("tokligence-audit-proof-1"),
    request_id: z.string(),
    attempt: z.int(),
    entry: z.string().describe("the usage entry as it is hashed"),
    index: z.int(),
    count: z.int(),
    path: z.array(z.string()).readonly(),
    root: z.string(),
    batch: z.string().describe("the entry of the trail that has the root, as it is hashed"),
    hash_before: z.string(),
    digests_after: z.array(z.string()).readonly(),
    checkpoint,
  })
  .meta({ id: "AuditProof" });

export const auditContracts = {
  "audit.list": {
    method: "GET",
    path: "/api/v1/audit",
    access: "admin",
    summary: "Lists the audit trail, the newest entries first.",
    query: z.object({
      limit: z.string().optional().describe("entries of a page: 100 if omitted, at most 1000"),
      after: z.string().optional().describe("`next` of the page before"),
    }),
    answer: z.object({ data: z.array(entry).readonly(), next: z.string().nullable() }).meta({ id: "AuditPage" }),
  },
  "audit.verify": {
    method: "GET",
    path: "/api/v1/audit/verify",
    access: "admin",
    summary: "Checks the whole audit trail: the chain, its signatures, the published head, and the usage entries of each batch.",
    answer: report,
  },
  "audit.prove": {
    method: "GET",
    path: "/api/v1/audit/proofs/{id}",
    access: "admin",
    summary: "Proves that the usage entries of a request are in the trail, unchanged.",
    answer: z.object({ data: z.array(proof).readonly() }),
  },
  "audit.export": {
    method: "GET",
    path: "/api/v1/audit/export",
    access: "admin",
    summary: "Exports the audit trail as signed JSON Lines, which can be checked without the gateway.",
    query: z.object({ format: z.string().optional().describe("`jsonl`, also if omitted") }),
    answer: z.string().describe("JSON Lines"),
    texts: { jsonl: "application/x-ndjson" },
  },
} as const satisfies Record<string, OperationContract>;
