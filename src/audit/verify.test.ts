import assert from "node:assert/strict";
import { test } from "node:test";
import { leafHash, merklePath, merkleRoot, rootOfPath } from "./merkle.ts";
import { changedExports, changes, checkExport, checkTrail, exportOf, published, trail } from "./testing.ts";

test("a trail that was not changed has no faults", () => {
  assert.deepEqual(checkTrail(trail, published), []);
  assert.deepEqual(checkTrail({ entries: [], checkpoints: [] }), []);
});

/** `npm run test:long -- audit` does more. */
const rounds = 40;

for (const [what, change] of Object.entries(changes)) {
  test(`${what} is found, each time`, () => {
    for (let round = 0; round < rounds; round++) assert.ok(checkTrail(change(trail), published).length > 0, `round ${round}`);
  });
}

const lines = exportOf(trail);

test("an export is good without a database, and any change of its text is found", () => {
  assert.deepEqual(checkExport(lines), []);
  for (let round = 0; round < rounds; round++) {
    for (const [kind, text] of changedExports(lines).entries()) assert.ok(checkExport(text).length > 0, `${kind}, round ${round}`);
  }
});

test("each leaf of a Merkle tree leads to its root, and no other leaf does", () => {
  for (const count of [1, 2, 3, 4, 5, 7, 8, 9, 31, 500]) {
    const leaves = Array.from({ length: count }, (_, index) => leafHash(`row ${index}`));
    const root = merkleRoot(leaves);
    for (const index of [0, count >> 1, count - 1]) {
      const path = merklePath(leaves, index);
      assert.equal(rootOfPath(leaves[index]!, { index, count, path }), root);
      assert.notEqual(rootOfPath(leafHash("another"), { index, count, path }), root);
      if (count > 1) assert.notEqual(rootOfPath(leaves[index]!, { index: (index + 1) % count, count, path }), root);
    }
  }
});

test("the tree is that of RFC 6962: the root of its test vectors", () => {
  // The first leaves of the vectors in certificate-transparency's reference: "" and 0x00.
  assert.equal(leafHash(""), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
  assert.equal(merkleRoot([leafHash(""), leafHash("\u0000")]), "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125");
});
