import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "../../core/index.ts";
import { connectionsWithin, limitConnections, readOpenFiles } from "./open-files.ts";

test("clients get half of the files that are left, or all but those for providers", () => {
  const limits = [undefined, 0, 64, 96, 1024, 4096, 20_000, 1_048_576];
  assert.deepEqual(limits.map(connectionsWithin), [Infinity, 4, 4, 16, 480, 2016, 15_840, 1_044_416]);
});

test("the limit of the process is known, and few connections are logged", () => {
  const limit = readOpenFiles();
  assert.ok(limit === undefined || limit > 0, String(limit));
  const lines: string[] = [];
  const logger = { ...silentLogger, warn: (_fields: object, message: string) => void lines.push(message) };
  assert.equal(limitConnections(1, logger), connectionsWithin(limit));
  assert.deepEqual(lines, []);
});
