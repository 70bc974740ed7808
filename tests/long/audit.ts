import assert from "node:assert/strict";
import { test } from "node:test";
import { changedExports, changes, checkExport, checkTrail, exportOf, published, trail, trailOf } from "../../src/audit/testing.ts";
import { writeFigures } from "./figures.ts";

const changesOfTrail = 10_000;
const changesOfExport = 10_000;
const rows = 300_000;
const rounds = 3;
/** As the gateway signs a busy trail. */
const entriesPerSignature = 10_000;

test("each of 10,000 random changes of a trail is found, and each of 10,000 of the text of an export", () => {
  const kinds = Object.values(changes);
  let found = 0;
  for (let number = 0; number < changesOfTrail; number++)
    if (checkTrail(kinds[number % kinds.length]!(trail), published).length > 0) found += 1;
  const lines = exportOf(trail);
  let foundInExport = 0;
  for (let number = 0; number < changesOfExport;) {
    for (const text of changedExports(lines)) {
      if (checkExport(text).length > 0) foundInExport += 1;
      number += 1;
    }
  }
  writeFigures("audit", { changes: changesOfTrail, found, export_changes: changesOfExport, found_in_export: foundInExport });
  assert.deepEqual([found, foundInExport], [changesOfTrail, changesOfExport]);
});

test("an export is verified at 200,000 entries a second of processor time at least", () => {
  const lines = exportOf(trailOf(rows, entriesPerSignature));
  const rates = Array.from({ length: rounds }, () => {
    const before = process.cpuUsage();
    assert.deepEqual(checkExport(lines), []);
    const { user, system } = process.cpuUsage(before);
    return Math.round(rows / ((user + system) / 1e6));
  });
  const best = Math.max(...rates);
  writeFigures("audit", { verified_entries: rows, entries_per_second_of_cpu: best });
  assert.ok(best >= 200_000, String(rates));
});
