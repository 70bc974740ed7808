import assert from "node:assert/strict";
import { test } from "node:test";
import { ActiveAttempt } from "../active-attempt.ts";
import { closeRecord, openRecord } from "../testing.ts";
import { createMemoryJournal } from "./journal.ts";
import { rowOf, type UsageRow } from "../entries/usage-row.ts";

function row(id: number): UsageRow {
  return rowOf(closeRecord(`req_${id}`), {}, { costNanoUsd: 0n, snapshot: null });
}

test("rows are removed in the order in which they came, and only when acknowledged", () => {
  const journal = createMemoryJournal();
  const expected: string[] = [];
  const seen: string[] = [];
  let next = 0;
  for (let round = 0; round < 200; round++) {
    for (let i = 0; i < (round * 7) % 13; i++) {
      expected.push(`req_${next}`);
      assert.equal(journal.append({ type: "close", row: row(next++) }), undefined);
    }
    const batch = journal.peek(5).rows.map(({ request_id }) => request_id);
    assert.deepEqual(
      journal.peek(5).rows.map(({ request_id }) => request_id),
      batch,
    );
    seen.push(...batch);
    journal.acknowledge(batch.length);
    assert.equal(journal.pending, expected.length - seen.length);
  }
  for (let rounds = 0; journal.pending > 0 && rounds < 10; rounds++) {
    seen.push(...journal.peek(1000).rows.map(({ request_id }) => request_id));
    journal.acknowledge(1000);
  }
  assert.deepEqual(seen, expected);
});

test("it reports that it is full, and accepts a row nevertheless", () => {
  const journal = createMemoryJournal({ capacityRows: 2 });
  void journal.append({ type: "open", attempt: new ActiveAttempt(openRecord("req_0")) });
  assert.deepEqual([journal.hasRoom(2), journal.hasRoom(3)], [true, false]);
  for (let i = 0; i < 3; i++) void journal.append({ type: "close", row: row(i) });
  assert.deepEqual([journal.hasRoom(0), journal.pending], [false, 3]);
  journal.acknowledge(2);
  assert.deepEqual(
    [journal.hasRoom(1), journal.hasRoom(2), journal.peek(9).rows.map(({ request_id }) => request_id)],
    [true, false, ["req_2"]],
  );
});
