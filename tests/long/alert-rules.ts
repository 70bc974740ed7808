import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";
import { writeFigures } from "./figures.ts";

const run = promisify(execFile);

async function findPromtool(): Promise<boolean> {
  return await run("promtool", ["--version"]).then(
    () => true,
    () => false,
  );
}

const unable = !(await findPromtool()) && "needs promtool in PATH (Debian's package prometheus)";

test("Prometheus' own tool accepts the alert rules", { skip: unable }, async () => {
  const { stdout } = await run("promtool", ["check", "rules", "--lint=all", "--lint-fatal", "deploy/prometheus/alerts.yaml"]);
  const [, rules] = /SUCCESS: (\d+) rules found/.exec(stdout) ?? assert.fail(stdout);
  writeFigures("alert-rules", { rules: Number(rules) });
});
