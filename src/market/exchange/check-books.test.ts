import assert from "node:assert/strict";
import { test } from "node:test";
import { createClearing } from "../clearing/clearing.ts";
import { withSqlite } from "../store-testing.ts";
import { checkBooks } from "./check-books.ts";

test("the check of all books reads accounts of more than a page, and what is booked meanwhile is no fault", async () => {
  await withSqlite(async (store) => {
    const clearing = createClearing(store, () => 5);
    const book = (name: string, count: number): Promise<unknown> =>
      Promise.all(
        Array.from({ length: count }, (_, index) => clearing.deposit(`${name}${index}`, "a", 1n, { actor: "root", reason: "paid" })),
      );
    await book("first", 210);
    const [checked] = await Promise.all([checkBooks(store, clearing), book("later", 20)]);
    assert.deepEqual(checked.broken, []);
    const { broken, transfers } = await checkBooks(store, clearing);
    assert.deepEqual([transfers, broken], [230, []]);
    await clearing.deposit("nobody", "a", 1n);
    assert.deepEqual(
      (await checkBooks(store, clearing)).broken.map(({ rule }) => rule),
      ["a transfer has its documents, or who booked it and why"],
    );
  });
});
