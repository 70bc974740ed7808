import { GatewayError, type Clock } from "../core/index.ts";
import type { AuditEntriesTable, Store } from "../store/index.ts";
import type { Selectable } from "kysely";
import { canonicalText, digestOf, type ChainedEntry, type Checkpoint } from "./entry.ts";
import { ExportWriter } from "./export-text.ts";
import { leafHash, merklePath, merkleRoot } from "./merkle.ts";
import type { AuditProof } from "./prove.ts";
import { readRows, usageText } from "./seal-usage.ts";
import type { AuditKey } from "./signing.ts";
import { TrailVerifier, type AuditFault, type TrailAnchors } from "./verify.ts";

/** What a verification found. */
export interface TrailReport {
  readonly entries: number;
  readonly checkpoints: number;
  /** Entries behind the last signature. */
  readonly unsigned: number;
  /** Usage entries that were compared with their batch. */
  readonly usageEntries: number;
  /** Batches whose usage entries were deleted, as their retention has ended. */
  readonly expiredBatches: number;
  readonly head: string;
  /** The keys that have signed. */
  readonly keys: readonly string[];
  readonly faults: readonly AuditFault[];
}

const pageRows = 1000;
const maxFaults = 20;

/** Reads the audit trail of a database. */
export class AuditTrail {
  readonly #store: Store;
  readonly #key: AuditKey;
  readonly #clock: Clock;

  constructor(store: Store, key: AuditKey, clock: Clock) {
    this.#store = store;
    this.#key = key;
    this.#clock = clock;
  }

  /** The newest entries first. */
  async list({ limit, before }: { readonly limit: number; readonly before?: number | undefined }): Promise<readonly ChainedEntry[]> {
    let query = this.#store.db.selectFrom("audit_entries").selectAll().orderBy("seq", "desc").limit(limit);
    if (before !== undefined) query = query.where("seq", "<", before);
    return (await query.execute()).map(entryOf);
  }

  async verify(anchors: TrailAnchors = {}): Promise<TrailReport> {
    const verifier = new TrailVerifier(anchors);
    const faults: AuditFault[] = [];
    const keys = new Set<string>();
    let usageEntries = 0;
    let expiredBatches = 0;
    let deletableMs = 0;
    const batches: ChainedEntry[] = [];
    for await (const item of this.#read()) {
      if ("signature" in item) {
        keys.add(item.publicKey);
        verifier.checkpoint(item);
        continue;
      }
      verifier.entry(item);
      if (item.kind === "usage") batches.push(item);
      if (item.kind === "retention")
        deletableMs = Math.max(deletableMs, (JSON.parse(item.details) as { deletable_before_ms?: number }).deletable_before_ms ?? 0);
    }
    for (const batch of batches) {
      const checked = await this.#checkBatch(batch, deletableMs);
      if (checked === "expired") expiredBatches += 1;
      else if (typeof checked === "number") usageEntries += checked;
      else if (faults.length < maxFaults) faults.push(checked);
    }
    return {
      entries: verifier.entries,
      checkpoints: verifier.checkpoints,
      unsigned: verifier.entries - verifier.signedSeq,
      usageEntries,
      expiredBatches,
      head: verifier.head,
      keys: [...keys],
      faults: [...verifier.end(), ...faults],
    };
  }

  async *exportLines(): AsyncGenerator<string> {
    const writer = new ExportWriter(this.#key);
    yield writer.begin(this.#clock.now());
    for await (const item of this.#read()) yield "signature" in item ? writer.checkpoint(item) : writer.entry(item);
    yield writer.end();
  }

  /** Proves that the usage entries of a request are in the trail, unchanged. @throws GatewayError `not_found`. */
  async prove(requestId: string): Promise<readonly AuditProof[]> {
    const { db } = this.#store;
    const holders = await db
      .selectFrom("audit_batches")
      .selectAll()
      .where("members", "like", `%"${requestId.replaceAll(/[%"\\]/g, "")}"%`)
      .execute();
    const proofs: AuditProof[] = [];
    for (const { seq, members } of holders) proofs.push(...(await this.#proveIn(seq, JSON.parse(members) as Member[], requestId)));
    if (proofs.length > 0) return proofs;
    throw new GatewayError(
      "not_found",
      `No batch of the audit trail has the request "${requestId.slice(0, 60)}". An entry is taken into the trail within seconds, and signed within a minute.`,
      { param: "request_id" },
    );
  }

  async #proveIn(seq: number, members: readonly Member[], requestId: string): Promise<readonly AuditProof[]> {
    const { db } = this.#store;
    const rows = await readRows(
      db,
      members.map(([request_id, attempt]) => ({ request_id, attempt })),
    );
    const entry = await db.selectFrom("audit_entries").selectAll().where("seq", "=", seq).executeTakeFirstOrThrow();
    const signed = await db
      .selectFrom("audit_checkpoints")
      .selectAll()
      .where("seq", ">=", seq)
      .orderBy("number")
      .limit(1)
      .executeTakeFirst();
    if (rows.length < members.length) {
      throw new GatewayError("not_found", "Usage entries of the same batch have been deleted, so the proof can no longer be made.", {
        param: "request_id",
      });
    }
    if (signed === undefined)
      throw new GatewayError("conflict", "The batch is not signed yet. Try again in a minute.", { param: "request_id" });
    const before =
      seq === 1
        ? undefined
        : await db
            .selectFrom("audit_entries")
            .select("hash")
            .where("seq", "=", seq - 1)
            .executeTakeFirst();
    const between = await db
      .selectFrom("audit_entries")
      .selectAll()
      .where("seq", ">", seq)
      .where("seq", "<=", signed.seq)
      .orderBy("seq")
      .execute();
    const texts = rows.map(usageText);
    const leaves = texts.map(leafHash);
    return members.flatMap(([id, attempt], index): AuditProof[] => {
      if (id !== requestId) return [];
      return [
        {
          format: "tokligence-audit-proof-1",
          request_id: id,
          attempt,
          entry: texts[index]!,
          index,
          count: leaves.length,
          path: merklePath(leaves, index),
          root: merkleRoot(leaves),
          batch: canonicalText(entryOf(entry)),
          hash_before: before?.hash ?? "0".repeat(64),
          digests_after: between.map((row) => digestOf(canonicalText(entryOf(row)))),
          checkpoint: checkpointOf(signed),
        },
      ];
    });
  }

  async #checkBatch({ seq, details }: ChainedEntry, deletableMs: number): Promise<number | "expired" | AuditFault> {
    const { db } = this.#store;
    const at = `entry ${seq}`;
    const stored = await db.selectFrom("audit_batches").select("members").where("seq", "=", seq).executeTakeFirst();
    if (stored === undefined) return { at, what: "the list of its usage entries is missing" };
    const members = JSON.parse(stored.members) as Member[];
    const { root, count } = JSON.parse(details) as { readonly root: string; readonly count: number };
    const rows = await readRows(
      db,
      members.map(([request_id, attempt]) => ({ request_id, attempt })),
    );
    if (rows.length < members.length) {
      const found = new Set(rows.map((row) => row.request_id));
      const missing = members.filter(([id]) => !found.has(id));
      if (missing.length > 0 && missing.every(([id, , timeMs = timeOfId(id)]) => timeMs < deletableMs)) return "expired";
      return {
        at,
        what: `${members.length - rows.length} of its ${count} usage entries are missing, as ${missing[0]?.[0] ?? "an attempt"}`,
      };
    }
    if (members.length !== count || merkleRoot(rows.map((row) => leafHash(usageText(row)))) !== root)
      return { at, what: "its usage entries are not those that it was made of: one of them was changed" };
    return count;
  }

  /** All entries in their order, and each checkpoint behind the entry that it covers. */
  async *#read(): AsyncGenerator<ChainedEntry | Checkpoint> {
    const { db } = this.#store;
    const checkpoints = await db.selectFrom("audit_checkpoints").selectAll().orderBy("number").execute();
    let next = 0;
    let after = 0;
    for (;;) {
      const rows = await db.selectFrom("audit_entries").selectAll().where("seq", ">", after).orderBy("seq").limit(pageRows).execute();
      for (const row of rows) {
        // One whose entry is missing comes before the next entry, and is found there.
        for (; next < checkpoints.length && checkpoints[next]!.seq < row.seq; next++) yield checkpointOf(checkpoints[next]!);
        yield entryOf(row);
      }
      if (rows.length < pageRows) break;
      after = rows.at(-1)!.seq;
    }
    for (; next < checkpoints.length; next++) yield checkpointOf(checkpoints[next]!);
  }
}

/** A usage entry of a batch. Batches from before have no time: then it is that of the id. */
type Member = readonly [requestId: string, attempt: number, timeMs?: number];

/** The milliseconds in a UUIDv7: `req_019b7ca9-9ae6-7…`. */
function timeOfId(id: string): number {
  return Number.parseInt(
    id
      .replace(/^[a-z]+_/, "")
      .replaceAll("-", "")
      .slice(0, 12),
    16,
  );
}

function entryOf(row: Selectable<AuditEntriesTable>): ChainedEntry {
  const { time_ms: timeMs, key_id: keyId, ...rest } = row;
  return { ...rest, timeMs, keyId };
}

function checkpointOf(row: {
  number: number;
  seq: number;
  time_ms: number;
  head: string;
  public_key: string;
  signature: string;
}): Checkpoint {
  const { number, seq, time_ms: timeMs, head, public_key: publicKey, signature } = row;
  return { number, seq, timeMs, head, publicKey, signature };
}
