import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { followFile } from "./follow-file.ts";
import { hasColours, parseLogLine, prettyLine } from "./pretty-line.ts";
import { createLogFilter, readLastLines } from "./read-log.ts";

const request = {
  level: 30,
  time: Date.UTC(2026, 0, 2, 3, 4, 5),
  pid: 1,
  msg: "request",
  request_id: "req_1",
  provider: "openai",
  model: "fast\u001b[2J",
  model_served: "gpt-5-mini",
  status: "ok",
  http_status: 200,
  duration_ms: 839.6,
  input_tokens: 12,
  output_tokens: 34,
  cost_nano_usd: 1_230_000,
};
const failed = {
  ...request,
  request_id: "req_2",
  http_status: 404,
  error_code: "model_not_found",
  provider: "",
  model_served: "",
  cost_nano_usd: undefined,
};
const warning = {
  level: 40,
  time: request.time,
  pid: 1,
  msg: "the changed configuration is not valid",
  error: "line 3: no",
  file: "c.yaml",
};

const plain = (line: object): string =>
  prettyLine(parseLogLine(JSON.stringify(line))!, { colours: false, ids: true }).replace(/^\d\d:\d\d:\d\d {2}/, "");

test("lines of the log are shown for people, with no control characters of others", () => {
  assert.deepEqual([request, failed, warning].map(plain), [
    "200  fast [2J → openai/gpt-5-mini  12 + 34 tokens  $0.0012  840 ms",
    "404  fast [2J → -  12 + 34 tokens  840 ms  model_not_found  req_2",
    "warn  the changed configuration is not valid: line 3: no file=c.yaml",
  ]);
  assert.ok(prettyLine(parseLogLine(JSON.stringify(failed))!, { colours: true, ids: false }).includes("\u001b[33m404\u001b[0m"));
  assert.deepEqual([parseLogLine("{"), parseLogLine("null"), parseLogLine('{"level":"a"}')], [undefined, undefined, undefined]);
  assert.deepEqual(
    [
      hasColours({ isTTY: true }, {}),
      hasColours({ isTTY: true }, { NO_COLOR: "1" }),
      hasColours({}, {}),
      hasColours({ isTTY: true }, { TERM: "dumb" }),
    ],
    [true, false, false, false],
  );
});

test("the last lines are found by level and by request, and a file is followed over its rolling", async () => {
  const folder = mkdtempSync(join(tmpdir(), "tokligence-log-"));
  const file = join(folder, "gateway.log");
  const text = (line: object): string => `${JSON.stringify(line)}\n`;
  try {
    writeFileSync(file, `${text(request)}not a line\n${text(failed)}${text(warning)}`);
    const ids = async (filter: Parameters<typeof createLogFilter>[0], count = 9): Promise<unknown[]> =>
      (await readLastLines([join(folder, "none"), file], count, createLogFilter(filter))).lines.map(
        (line) => line["request_id"] ?? line.msg,
      );
    assert.deepEqual(await ids({}, 2), ["req_2", warning.msg]);
    assert.deepEqual(await ids({ level: "warn" }), [warning.msg]);
    assert.deepEqual(await ids({ request: "req_1" }), ["req_1"]);
    assert.throws(() => createLogFilter({ level: "loud" }), /--level takes trace, debug, info, warn, error, fatal; found "loud"\./);

    const lines: string[] = [];
    const { sizeBytes } = await readLastLines([file], 1, createLogFilter({}));
    const follower = followFile({ file, from: sizeBytes, onLine: (line) => lines.push(line), everyMs: 60_000 });
    follower.look();
    appendFileSync(file, "one\ntw");
    follower.look();
    appendFileSync(file, "o ü\n");
    renameSync(file, `${file}.1`);
    writeFileSync(file, "three\n");
    follower.look();
    follower.stop();
    assert.deepEqual(lines, ["one", "two ü", "three"]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
