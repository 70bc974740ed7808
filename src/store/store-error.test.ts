import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { explainSqliteError, isSqliteBusy, StoreError, type StoreErrorReason } from "./store-error.ts";

function sqliteError(errcode: number): Error {
  return Object.assign(new Error("detail"), { code: "ERR_SQLITE_ERROR", errcode });
}

describe("explainSqliteError", () => {
  // Extended codes are the primary one plus a number in the higher bytes (sqlite.org/rescode.html, read 2026-11-23).
  const reasons: readonly [number, StoreErrorReason][] = [
    [5, "busy"],
    [517, "busy"],
    [8, "unwritable"],
    [1544, "unwritable"],
    [10, "io_error"],
    [522, "io_error"],
    [11, "damaged"],
    [523, "damaged"],
    [13, "full"],
    [14, "unwritable"],
    [26, "damaged"],
  ];
  for (const [errcode, reason] of reasons) {
    it(`result code ${errcode} is ${reason}, names the database and keeps the cause`, () => {
      const cause = sqliteError(errcode);
      const explained = explainSqliteError(cause, "/data/x.db");
      assert.ok(explained instanceof StoreError);
      assert.deepStrictEqual([explained.reason, explained.cause, explained.message.includes("/data/x.db")], [reason, cause, true]);
      assert.equal(isSqliteBusy(cause), reason === "busy");
    });
  }

  it("a constraint, a mistake in a query and a StoreError are returned unchanged", () => {
    const explained = new StoreError("full", "message");
    for (const error of [sqliteError(19), sqliteError(2067), sqliteError(1), new TypeError("x"), "text", undefined, explained]) {
      assert.equal(explainSqliteError(error, "/data/x.db"), error);
    }
  });
});
