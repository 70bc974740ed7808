import { hash } from "node:crypto";

/*
 * The Merkle tree of RFC 6962 (section 2.1): a leaf is SHA-256(0x00 ‖ data), a node SHA-256(0x01 ‖ left ‖ right), and the left part of a tree of n leaves has
 * the largest power of two below n. Hashes are hex.
 */

export function leafHash(data: string): string {
  return hash("sha256", `\u0000${data}`);
}

function nodeHash(left: string, right: string): string {
  return hash("sha256", Buffer.from(`01${left}${right}`, "hex"));
}

function split(count: number): number {
  let left = 1;
  while (left * 2 < count) left *= 2;
  return left;
}

/** @param leaves at least one; of these, those from `start` up to `end`, without it. */
export function merkleRoot(leaves: readonly string[], start = 0, end = leaves.length): string {
  if (end - start === 1) return leaves[start]!;
  const middle = start + split(end - start);
  return nodeHash(merkleRoot(leaves, start, middle), merkleRoot(leaves, middle, end));
}

/** The hashes beside the way from a leaf to the root, the lowest first. */
export function merklePath(leaves: readonly string[], index: number): readonly string[] {
  if (leaves.length === 1) return [];
  const left = split(leaves.length);
  return index < left
    ? [...merklePath(leaves.slice(0, left), index), merkleRoot(leaves.slice(left))]
    : [...merklePath(leaves.slice(left), index - left), merkleRoot(leaves.slice(0, left))];
}

/** The root that a leaf and its path lead to; `undefined`: the path does not fit the place of the leaf. */
export function rootOfPath(
  leaf: string,
  { index, count, path }: { readonly index: number; readonly count: number; readonly path: readonly string[] },
): string | undefined {
  if (index >= count || index < 0) return undefined;
  if (count === 1) return path.length === 0 ? leaf : undefined;
  const other = path.at(-1);
  if (other === undefined) return undefined;
  const left = split(count);
  const rest = path.slice(0, -1);
  if (index < left) {
    const root = rootOfPath(leaf, { index, count: left, path: rest });
    return root === undefined ? undefined : nodeHash(root, other);
  }
  const root = rootOfPath(leaf, { index: index - left, count: count - left, path: rest });
  return root === undefined ? undefined : nodeHash(other, root);
}
