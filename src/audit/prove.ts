import { chainHash, digestOf, type Checkpoint } from "./entry.ts";
import { leafHash, rootOfPath } from "./merkle.ts";
import { isSigned } from "./signing.ts";

/** Shows that one usage entry is in the trail, without any other entry. */
export interface AuditProof {
  readonly format: "tokligence-audit-proof-1";
  readonly request_id: string;
  readonly attempt: number;
  /** The usage entry as it is hashed: JSON, pairs of column and value. */
  readonly entry: string;
  readonly index: number;
  readonly count: number;
  readonly path: readonly string[];
  readonly root: string;
  /** The entry of the trail that has the root, as it is hashed. */
  readonly batch: string;
  readonly hash_before: string;
  /** The digests of the entries that follow, up to the checkpoint. */
  readonly digests_after: readonly string[];
  readonly checkpoint: Checkpoint;
}

/** `undefined`: the proof is good; else what is wrong. @param key the public key that must have signed; any if omitted. */
export function checkProof(proof: AuditProof, key?: string): string | undefined {
  const { entry, index, count, path, root, batch, hash_before: before, digests_after: after, checkpoint } = proof;
  if (rootOfPath(leafHash(entry), { index, count, path }) !== root) return "the usage entry does not lead to the root of its batch";
  const details = (JSON.parse(batch) as readonly unknown[]).at(-1);
  const sealed = JSON.parse(String(details)) as { readonly root?: string; readonly count?: number };
  if (sealed.root !== root || sealed.count !== count) return "the root is not the one in the trail";
  const named = new Map(JSON.parse(entry) as [string, unknown][]);
  if (named.get("request_id") !== proof.request_id || named.get("attempt") !== proof.attempt) return "the usage entry is another request's";
  let hash = chainHash(before, digestOf(batch));
  for (const digest of after) hash = chainHash(hash, digest);
  if (hash !== checkpoint.head) return "the batch does not lead to the signed head";
  if (!isSigned(checkpoint)) return "the signature is wrong";
  return key !== undefined && checkpoint.publicKey !== key ? "it is signed with another key" : undefined;
}
