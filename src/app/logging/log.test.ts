import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openLog } from "./log.ts";

test("a log that is closed has written all its lines; later ones are dropped, and the file stays as it is", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "tokligence-log-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "gateway.log");
  const log = openLog({ level: "info", file });
  log.logger.info({}, "one");
  log.lines.write('{"msg":"two"}\n');
  log.close();
  log.logger.info({}, "three");
  log.lines.write('{"msg":"four"}\n');
  log.flush();
  log.reopen();
  assert.equal(log.reopenIfMoved(), false);
  log.close();
  const messages = readFileSync(file, "utf8")
    .trim()
    .split("\n")
    .map((line) => (JSON.parse(line) as { readonly msg: string }).msg);
  assert.deepEqual(messages, ["one", "two"]);
});
